//go:build !linux

package asterisk_test

import "syscall"

// confined is never reached: there is no Asterisk for tests.
func confined(string) *syscall.SysProcAttr { return nil }
