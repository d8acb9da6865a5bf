package seal

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

const maxFile = 1 << 20

// keyFile is the path of a key file. It is always whole: a new one is written beside it
// and takes its place in one step.
type keyFile string

// read gives what the file holds, when nobody but its owner may reach it.
func (k keyFile) read() ([]byte, os.FileInfo, error) {
	dir, name, err := k.dir()
	if err != nil {
		return nil, nil, err
	}
	defer dir.Close()
	if info, err := dir.Stat(name); err != nil || !info.Mode().IsRegular() {
		return nil, nil, k.fault(err) // what is no file might never end
	}
	f, err := dir.Open(name)
	if err != nil {
		return nil, nil, k.fault(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, k.fault(err)
	}
	if exposed(info.Mode()) {
		return nil, nil, fmt.Errorf("%w: %s has mode %04o; run \"chmod 600 %s\"", ErrExposed, k, info.Mode().Perm(), k)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, nil, k.fault(err)
	}
	if len(data) > maxFile {
		return nil, nil, fmt.Errorf("%w: %s is larger than %d bytes", ErrGarbage, k, maxFile)
	}
	return data, info, nil
}

// create makes the file unless it is there. It appears whole or not at all.
func (k keyFile) create(data []byte) error {
	if err := os.MkdirAll(filepath.Dir(string(k)), 0o700); err != nil {
		return k.fault(err)
	}
	dir, name, err := k.dir()
	if err != nil {
		return err
	}
	defer dir.Close()
	beside, err := k.write(dir, name, data, nil)
	if err != nil {
		return k.fault(err)
	}
	err = dir.Link(beside, name) // unlike a rename it takes nobody's place
	if err = errors.Join(err, dir.Remove(beside)); err != nil && !errors.Is(err, fs.ErrExist) {
		return k.fault(err)
	}
	return k.settle(dir)
}

// replace gives the file new content in one step. Its owner stays: a rotation by the
// administrator must not shut out the account of the service.
func (k keyFile) replace(data []byte) error {
	dir, name, err := k.dir()
	if err != nil {
		return err
	}
	defer dir.Close()
	before, err := dir.Stat(name)
	if err != nil {
		return k.fault(err)
	}
	if err := k.sweep(dir, name); err != nil {
		return k.fault(err)
	}
	beside, err := k.write(dir, name, data, before)
	if err != nil {
		return k.fault(err)
	}
	if err := dir.Rename(beside, name); err != nil {
		return k.fault(errors.Join(err, dir.Remove(beside)))
	}
	return k.settle(dir)
}

// dir opens the folder in which the file itself is, behind whatever links lead to it.
func (k keyFile) dir() (*os.Root, string, error) {
	path, err := filepath.EvalSymlinks(string(k))
	if errors.Is(err, fs.ErrNotExist) {
		path, err = string(k), nil
	}
	if err != nil {
		return nil, "", k.fault(err)
	}
	dir, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, "", k.fault(err)
	}
	return dir, filepath.Base(path), nil
}

// write makes a file beside the one of that name, on the disk before it returns.
func (k keyFile) write(dir *os.Root, name string, data []byte, like os.FileInfo) (string, error) {
	beside := "." + name + "." + rand.Text() + ".new"
	f, err := dir.OpenFile(beside, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", err
	}
	_, err = f.Write(data)
	err = errors.Join(err, own(f, like), f.Sync(), f.Close())
	if err != nil {
		return "", errors.Join(err, dir.Remove(beside))
	}
	return beside, nil
}

// sweep removes what was left beside the file by a process that did not live to name it.
func (k keyFile) sweep(dir *os.Root, name string) error {
	left, err := fs.Glob(dir.FS(), "."+name+".*.new")
	for _, beside := range left {
		err = errors.Join(err, dir.Remove(beside))
	}
	return err
}

// settle has the folder remember the name after a loss of power.
func (k keyFile) settle(dir *os.Root) error {
	f, err := dir.Open(".")
	if err != nil {
		return k.fault(err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return k.fault(err)
	}
	return nil
}

// fault says what to do about a file that cannot be used; nil means that it is no file.
func (k keyFile) fault(err error) error {
	switch {
	case err == nil:
		return fmt.Errorf("%w: %s is not a regular file", ErrGarbage, k)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: %s", ErrMissing, k)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w for the account that runs this (uid %d): %w; run \"chown %d %s\" and \"chmod 600 %s\"", ErrUnreadable, os.Geteuid(), err, os.Geteuid(), k, k)
	}
	return fmt.Errorf("%w: %s: %w", ErrUnreadable, k, err)
}
