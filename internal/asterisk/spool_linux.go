package asterisk

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// renameNew renames a file unless there is one of the new name: one step, so that of two
// processes one succeeds. A file system over the network may not know how.
func renameNew(from, to string) error {
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	switch {
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOSYS):
		return linkNew(from, to)
	case err != nil:
		return unnamed(&os.LinkError{Op: "rename", Old: from, New: to, Err: err})
	}
	return nil
}
