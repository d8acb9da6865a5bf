package postgres

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// What an archive of a server may hold at most; the real ones have 1,000 files and up to 130 MB.
const (
	maxEntries = 20_000
	maxBytes   = 512 << 20
)

// ErrArchive comes back for an archive that holds what a server's archive never holds.
var ErrArchive = errors.New("archive is not acceptable")

// unpack writes the folders and plain files of a gzipped tar below a folder.
// The root refuses every name that leads out of it; links are refused here.
func unpack(archive io.Reader, folder string) error {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer root.Close()
	plain, err := gzip.NewReader(archive)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrArchive, err)
	}
	limited := &io.LimitedReader{R: plain, N: maxBytes}
	files := tar.NewReader(limited)
	for range maxEntries {
		header, err := files.Next()
		if limited.N <= 0 {
			return fmt.Errorf("%w: more than %d bytes", ErrArchive, maxBytes)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrArchive, err)
		}
		if err := unpackEntry(root, header, files); err != nil {
			return fmt.Errorf("%s: %w", header.Name, err)
		}
	}
	return fmt.Errorf("%w: more than %d entries", ErrArchive, maxEntries)
}

func unpackEntry(root *os.Root, header *tar.Header, content io.Reader) error {
	name := path.Clean(header.Name)
	if !filepath.IsLocal(name) || strings.Contains(name, `\`) {
		return fmt.Errorf("%w: the name leads outside", ErrArchive)
	}
	switch header.Typeflag {
	case tar.TypeDir:
		return root.MkdirAll(name, 0o755)
	case tar.TypeReg:
	default:
		return fmt.Errorf("%w: neither file nor folder (type %q)", ErrArchive, header.Typeflag)
	}
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	mode := fs.FileMode(0o644)
	if header.Mode&0o111 != 0 {
		mode = 0o755
	}
	f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content) // the reader below this one is limited
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return root.Chmod(name, mode) // whatever the umask is
}

// linkUp makes the links that the package's format cannot carry and lists in a
// file instead. Libraries are not found without them.
func linkUp(folder string) error {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer root.Close()
	content, err := root.ReadFile("native/pg-symlinks.json")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var links []struct {
		Source string `json:"source"` // what is there
		Target string `json:"target"` // the link's place
	}
	if err := json.Unmarshal(content, &links); err != nil {
		return fmt.Errorf("%w: list of links: %w", ErrArchive, err)
	}
	for _, l := range links {
		if !filepath.IsLocal(l.Source) || !filepath.IsLocal(l.Target) {
			return fmt.Errorf("%w: link %s to %s leads outside", ErrArchive, l.Target, l.Source)
		}
		to, err := filepath.Rel(filepath.Dir(l.Target), l.Source)
		if err != nil {
			return fmt.Errorf("%w: link %s to %s: %w", ErrArchive, l.Target, l.Source, err)
		}
		if err := root.Symlink(to, l.Target); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("link %s: %w", l.Target, err)
		}
	}
	return nil
}
