package main

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
)

// replica is one gateway process.
type replica struct {
	cmd  *exec.Cmd
	url  string
	done chan struct{}
	logs *bytes.Buffer
	mu   *sync.Mutex
}

// start runs another gateway; with a point it dies there.
func (w *world) start(point string) *replica {
	w.t.Helper()
	r := &replica{done: make(chan struct{}), logs: &bytes.Buffer{}, mu: &sync.Mutex{}}
	r.cmd = exec.Command(os.Args[0], "serve")
	r.cmd.Env = append(w.env(), "COUNTERSIGN_TEST_PROGRAM=1", "COUNTERSIGN_CRASH="+point)
	if _, err := r.cmd.StdinPipe(); err != nil { // closed by the end of the test binary, and the gateway ends with it
		w.t.Fatal(err)
	}
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	r.cmd.Stderr = &lockedWriter{r.mu, r.logs}
	if err := r.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if u, ok := strings.CutPrefix(lines.Text(), "ready "); ok {
			r.url = u
			break
		}
	}
	go func() {
		_, _ = io.Copy(io.Discard, out)
		_ = r.cmd.Wait()
		w.balancer.remove(r.url)
		close(r.done)
	}()
	if r.url == "" {
		<-r.done
		w.t.Fatalf("the gateway did not start:\n%s", r.log())
	}
	w.balancer.add(r.url)
	w.mu.Lock()
	w.replicas = append(w.replicas, r)
	w.mu.Unlock()
	w.t.Cleanup(func() { r.stop(syscall.SIGKILL) })
	return r
}

func (r *replica) stop(s syscall.Signal) {
	_ = r.cmd.Process.Signal(s)
	<-r.done
}

func (r *replica) log() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.logs.String()
}

type lockedWriter struct {
	mu *sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}
