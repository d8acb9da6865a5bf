//go:build !windows

package postgres

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// supported says whether a private server can be run here.
const supported = true

// account is whom the server runs as.
type account struct {
	uid, gid int
	name     string
	drop     bool // the process is root and hands its rights over
}

// chooseAccount is the process itself, unless it is root, which the server
// refuses: then it is the owner of the cluster, else postgres, else nobody.
func chooseAccount(data string) (account, error) {
	self := os.Geteuid()
	info, err := os.Stat(filepath.Join(data, "PG_VERSION"))
	switch {
	case err == nil:
		uid, gid := ownerOf(info)
		if self != 0 && uid != self {
			return account{}, fmt.Errorf("private database: %s belongs to user %s, this process is user %s", data, nameOf(uid), nameOf(self))
		}
		if self != 0 || uid != 0 {
			return account{uid: uid, gid: gid, name: nameOf(uid), drop: self == 0}, nil
		}
	case errors.Is(err, fs.ErrNotExist) && self != 0:
		return account{uid: self, gid: os.Getegid(), name: nameOf(self)}, nil
	case !errors.Is(err, fs.ErrNotExist):
		return account{}, fmt.Errorf("private database: %w", err)
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.Atoi(u.Uid)
		gid, err2 := strconv.Atoi(u.Gid)
		if err1 == nil && err2 == nil && uid > 0 {
			return account{uid: uid, gid: gid, name: name, drop: true}, nil
		}
	}
	return account{}, errors.New("private database: this process is root, which PostgreSQL refuses, and there is neither a user postgres nor a user nobody")
}

func nameOf(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return u.Username
	}
	return strconv.Itoa(uid)
}

// ownerOf reads user and group of a file.
func ownerOf(info fs.FileInfo) (uid, gid int) {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(st.Uid), int(st.Gid)
	}
	return -1, -1
}

// blockedAt walks down to a path and returns the first folder that the account may not enter.
func blockedAt(path string, a account) string {
	if parent := filepath.Dir(path); parent != path {
		if at := blockedAt(parent, a); at != "" {
			return at
		}
	}
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return ""
	}
	uid, gid := ownerOf(info)
	bit := fs.FileMode(0o001)
	switch {
	case uid == a.uid:
		bit = 0o100
	case gid == a.gid:
		bit = 0o010
	}
	if info.Mode().Perm()&bit == 0 && a.uid != 0 {
		return path
	}
	return ""
}

// attributes make a child run as the account, in a process group of its own:
// Ctrl-C at a terminal is for the service, which then stops the server.
func attributes(a account) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if a.drop && a.uid > 0 && a.uid <= math.MaxUint32 && a.gid >= 0 && a.gid <= math.MaxUint32 {
		attr.Credential = &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)} // no supplementary groups
	}
	return attr
}

// lockFile takes a lock that lasts until the file is closed or the process
// ends. The file is nil when another process holds it.
func lockFile(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // a file of ours; not inherited by children
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return f, nil
	}
	if closing := f.Close(); closing != nil || !errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, fmt.Errorf("lock %s: %w", name, errors.Join(err, closing))
	}
	return nil, nil
}
