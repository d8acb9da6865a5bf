//go:build linux || darwin

package doctor

import "syscall"

// room is how many bytes a folder's disk still takes from us.
func room(path string) (free uint64, known bool) {
	var s syscall.Statfs_t
	if syscall.Statfs(path, &s) != nil {
		return 0, false
	}
	return s.Bavail * uint64(s.Bsize), true //nolint:gosec // a block has no negative size
}
