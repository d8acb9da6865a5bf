package postgres

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// layout names every file of one cluster.
type layout struct {
	parent  string // the service's data folder
	root    string // everything below is in here
	data    string // the cluster
	fresh   string // a cluster being made
	lock    string // held by the process that runs the cluster
	secrets string // passwords
	running string // where the running server listens; absent when none is ready
	key     string // short name of this cluster: part of process titles and of a socket folder elsewhere
}

func newLayout(dataDir string) (layout, error) {
	if dataDir == "" {
		return layout{}, errors.New("private database: data_dir is empty")
	}
	parent, err := filepath.Abs(dataDir)
	if err != nil {
		return layout{}, fmt.Errorf("private database: %w", err)
	}
	// Two spellings of one folder are one cluster.
	if resolved, err := filepath.EvalSymlinks(parent); err == nil {
		parent = resolved
	}
	root := filepath.Join(parent, "postgres")
	sum := sha256.Sum256([]byte(root))
	return layout{
		parent:  parent,
		root:    root,
		data:    filepath.Join(root, "data"),
		fresh:   filepath.Join(root, "data.new"),
		lock:    filepath.Join(root, "lock"),
		secrets: filepath.Join(root, "passwords.json"),
		running: filepath.Join(root, "running.json"),
		key:     "countersign-" + hex.EncodeToString(sum[:6]),
	}, nil
}

// major is the version that made the cluster, 0 when there is none yet.
func (l layout) major() (int, error) {
	b, err := os.ReadFile(filepath.Join(l.data, "PG_VERSION"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("private database: %w", err)
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return 0, fmt.Errorf("private database: version of %s: %w", l.data, err)
	}
	return major, nil
}

// make creates the folders that the opening process owns.
func (l layout) make(a account) error {
	mode := fs.FileMode(0o700)
	if a.drop {
		mode = 0o711 // the server's account passes through, and sees nothing
	}
	for _, dir := range []string{l.parent, l.root} {
		if err := os.MkdirAll(dir, mode); err != nil {
			return fmt.Errorf("private database: %w", err)
		}
	}
	if a.drop {
		if err := os.Chmod(l.root, mode); err != nil {
			return fmt.Errorf("private database: %w", err)
		}
	}
	return nil
}

// A socket's address holds 104 bytes on the strictest system, one of them a zero.
const socketLimit = 103 - len("/.s.PGSQL.5432")

// socketDir makes the folder of the socket: in the cluster's root, or, where
// that is too long for an address, in the folder for temporary files.
func (l layout) socketDir(a account) (string, error) {
	if dir := filepath.Join(l.root, "run"); len(dir) <= socketLimit {
		return dir, ownedDir(dir, a)
	}
	temp := os.TempDir()
	if len(temp)+len(l.key)+3 > socketLimit || blockedAt(temp, a) != "" {
		temp = "/tmp"
	}
	var refused []error
	for _, suffix := range []string{"", "-1", "-2", "-3"} {
		dir := filepath.Join(temp, l.key+suffix)
		err := ownedDir(dir, a)
		if err == nil {
			return dir, nil
		}
		refused = append(refused, err) // somebody else was there first: anybody may write here
	}
	return "", fmt.Errorf("folder for the database's socket: %w", errors.Join(refused...))
}

// ownedDir makes a folder that belongs to the account and to it alone.
func ownedDir(dir string, a account) error {
	err := os.Mkdir(dir, 0o700)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err == nil && a.drop {
		if err := os.Lchown(dir, a.uid, a.gid); err != nil {
			return err
		}
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if uid, _ := ownerOf(info); !info.IsDir() || uid != a.uid {
		return fmt.Errorf("%s exists and is not a folder of user %s", dir, a.name)
	}
	if info.Mode().Perm() != 0o700 {
		return os.Chmod(dir, 0o700) //nolint:gosec // a folder needs the x bit
	}
	return nil
}

// runningServer is what those who join must know.
type runningServer struct {
	Socket  string `json:"socket"`
	Version string `json:"version"`
	PID     int    `json:"pid"` // the process that owns the cluster
}

func (l layout) readRunning() (runningServer, error) {
	var r runningServer
	b, err := os.ReadFile(l.running)
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(b, &r)
}

func (l layout) writeRunning(r runningServer) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return writeWhole(l.running, b)
}

// writeWhole replaces a file so that a reader, or a crash, finds the old or the new one.
func writeWhole(name string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*") // 0600
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncDir(filepath.Dir(name))
}

// syncDir makes renames in a folder last.
func syncDir(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // a folder of ours
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
