package asterisk_test

import "syscall"

// confined is for a process in a root of its own, as nobody else, that ends with this one.
func confined(root string) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{
		Chroot: root, Credential: &syscall.Credential{Uid: own, Gid: own}, Pdeathsig: syscall.SIGKILL, Setpgid: true,
	}
}
