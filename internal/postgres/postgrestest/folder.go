package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"syscall"
)

// folder is a cluster's place in memory or in the folder for temporary files, with a helper that
// outlives the test binary.
type folder struct {
	name   string
	helper *exec.Cmd
	alive  io.Closer // the helper acts when this ends, and the kernel ends it with the process
}

const prefix = "cst-" // short: a socket's address is

// newFolder makes a place that the server's account can reach.
func newFolder(ctx context.Context) (*folder, error) {
	if err := sweep(); err != nil {
		return nil, err
	}
	name, err := os.MkdirTemp(place(), fmt.Sprintf("%s%d-*", prefix, os.Getpid()))
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(name, 0o711); err != nil {
		return nil, err
	}
	f := &folder{name: name}
	return f, f.watch(ctx)
}

// The helper waits for the end of the test binary, then for the server's end, and removes the folder.
const helperScript = `
trap '' INT TERM HUP QUIT
ours() {
	{ tr '\0' ' ' <"/proc/$pid/cmdline" || ps -o command= -p "$pid"; } 2>/dev/null | grep -qF -- "$dir/postgres/data"
}
dir=$1
read -r _
if read -r pid 2>/dev/null <"$dir/postgres/data/postmaster.pid" && ours; then
	kill -INT "$pid" 2>/dev/null
	n=0
	while [ "$n" -lt 100 ] && ours; do
		sleep 0.05
		n=$((n + 1))
	done
	ours && kill -KILL "$pid" 2>/dev/null
fi
rm -rf "$dir"
`

func (f *folder) watch(ctx context.Context) error {
	f.helper = exec.CommandContext(context.WithoutCancel(ctx), "sh", "-c", helperScript, "sh", f.name)
	f.helper.Dir = "/"
	in, err := f.helper.StdinPipe()
	if err != nil {
		return err
	}
	f.alive = in
	return f.helper.Start()
}

// remove has the helper do its work now.
func (f *folder) remove() {
	_ = f.alive.Close()
	_ = f.helper.Wait()
	_ = os.RemoveAll(f.name)
}

const memory = "/dev/shm"

// place is where clusters lie: in memory, where there is room for those of a few binaries,
// because making a database there costs a quarter of what it does on a disk.
func place() string {
	// As many binaries run at a time as there are cores. A container has 64 MiB unless told otherwise.
	if room := uint64(runtime.GOMAXPROCS(0)+2) << 30; free(memory) >= room {
		return memory
	}
	return os.TempDir()
}

// sweep removes the folders of test binaries that are gone, helper and all.
func sweep() error {
	var names []string
	for _, dir := range []string{memory, os.TempDir()} {
		found, err := filepath.Glob(filepath.Join(dir, prefix+"*"))
		if err != nil {
			return err
		}
		names = append(names, found...)
	}
	for _, name := range names {
		found := regexp.MustCompile(`^` + prefix + `(\d+)-\d+$`).FindStringSubmatch(filepath.Base(name))
		if found == nil {
			continue
		}
		pid, err := strconv.Atoi(found[1])
		if err != nil {
			continue
		}
		p, err := os.FindProcess(pid)
		if err == nil && errors.Is(p.Signal(syscall.Signal(0)), os.ErrProcessDone) {
			_ = os.RemoveAll(name) // another user's stays
		}
	}
	return nil
}
