package postgrestest

import "syscall"

// free is how many bytes a folder's file system has left; 0 where there is none.
func free(name string) uint64 {
	var s syscall.Statfs_t
	if err := syscall.Statfs(name, &s); err != nil {
		return 0
	}
	return s.Bavail * uint64(s.Bsize)
}
