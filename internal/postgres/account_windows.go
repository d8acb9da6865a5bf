package postgres

import (
	"context"
	"io/fs"
	"os"
	"syscall"
)

// supported says whether a private server can be run here.
const supported = false

type account struct {
	uid, gid int
	name     string
	drop     bool
}

func chooseAccount(string) (account, error)                { return account{}, ErrUnsupported }
func ownerOf(fs.FileInfo) (uid, gid int)                   { return -1, -1 }
func blockedAt(string, account) string                     { return "" }
func attributes(account) *syscall.SysProcAttr              { return nil }
func lockFile(string) (*os.File, error)                    { return nil, ErrUnsupported }
func dieWithParent(*syscall.SysProcAttr)                   {}
func commandLines(context.Context) (map[int]string, error) { return nil, ErrUnsupported }
