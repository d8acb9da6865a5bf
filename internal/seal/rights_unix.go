//go:build !windows

package seal

import (
	"io/fs"
	"os"
	"syscall"
)

// exposed reports whether others than the owner may do anything with a file.
func exposed(mode fs.FileMode) bool { return mode.Perm()&0o077 != 0 }

// own gives a file the owner of another.
func own(f *os.File, like os.FileInfo) error {
	if like == nil {
		return nil
	}
	owner, ok := like.Sys().(*syscall.Stat_t)
	if !ok || int(owner.Uid) == os.Geteuid() {
		return nil
	}
	return f.Chown(int(owner.Uid), int(owner.Gid))
}
