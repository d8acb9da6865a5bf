package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// BenchmarkResidentMemory starts a gateway, lets it come to rest, and reports what it
// holds in memory, PostgreSQL not counted.
func BenchmarkResidentMemory(b *testing.B) {
	w := newWorld(b, "webhook", 1)
	w.post("m", payment("M-1", "10.00"))
	w.seesCard(pyotr, "M-1")
	pid := w.replicas[0].cmd.Process.Pid
	var last float64
	for b.Loop() {
		pauseUntil(func() bool { return false }, 10*time.Second)
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			b.Skipf("no figures of processes on this system: %v", err)
		}
		for line := range strings.Lines(string(status)) {
			var kib float64
			if n, _ := fmt.Sscanf(line, "VmRSS: %f kB", &kib); n == 1 {
				last = kib / 1024
			}
		}
	}
	b.ReportMetric(last, "MiB")
}
