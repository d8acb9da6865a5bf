package postgres

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// dieWithParent has the kernel stop the server in its fast way when the thread that started it ends.
func dieWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGINT }

// commandLines lists the processes of the machine, arguments parted by spaces. Zombies have none.
func commandLines(context.Context) (map[int]string, error) {
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return nil, err
	}
	out := make(map[int]string, len(files))
	for _, name := range files {
		b, err := os.ReadFile(name) //nolint:gosec // the kernel's own listing
		pid, noNumber := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if err != nil || noNumber != nil || len(b) == 0 {
			continue // gone meanwhile
		}
		out[pid] = string(bytes.ReplaceAll(bytes.TrimRight(b, "\x00"), []byte{0}, []byte(" ")))
	}
	return out, nil
}
