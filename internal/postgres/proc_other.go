//go:build !linux && !windows

package postgres

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// dieWithParent has no counterpart here: a server left over is stopped at the next start.
func dieWithParent(*syscall.SysProcAttr) {}

// commandLines lists the processes of the machine, arguments parted by spaces.
func commandLines(ctx context.Context) (map[int]string, error) {
	listing, err := exec.CommandContext(ctx, "ps", "-axwwo", "pid=,command=").Output()
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	out := map[int]string{}
	for line := range strings.Lines(string(listing)) {
		number, command, _ := strings.Cut(strings.TrimSpace(line), " ")
		if pid, err := strconv.Atoi(number); err == nil {
			out[pid] = command
		}
	}
	return out, nil
}
