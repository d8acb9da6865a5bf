package asterisktest

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const (
	scanEvery = 5 * time.Millisecond
	again     = 5 * time.Minute // after which a call that was cut off is made again
)

// spool takes call files until the server stops. Like the real one it puts the time of a file
// that it has taken on, and finds it again when it was killed.
func (s *Server) spool(l net.Listener) {
	tick := time.NewTicker(scanEvery)
	defer tick.Stop()
	for range tick.C {
		s.mu.Lock()
		if s.listener != l {
			s.mu.Unlock()
			return
		}
		s.scan()
		s.mu.Unlock()
	}
}

func (s *Server) scan() {
	names, _ := filepath.Glob(filepath.Join(s.o.Outgoing, "*")) // the pattern is sound
	for _, name := range names {
		at, err := os.Stat(name)
		if err != nil || !at.Mode().IsRegular() || at.ModTime().After(s.o.Now()) {
			continue
		}
		raw, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		later := s.o.Now().Add(again)
		if os.Chtimes(name, later, later) != nil {
			continue
		}
		a := action{"action": {"File"}, "file": {name}}
		for line := range strings.SplitSeq(string(raw), "\n") {
			key, value, _ := strings.Cut(line, ": ")
			switch key = strings.ToLower(key); key {
			case "setvar":
				key = "variable"
			case "extension":
				key = "exten"
			}
			a[key] = append(a[key], value)
		}
		s.count["File"]++
		s.actions = append(s.actions, a)
		seconds, _ := strconv.Atoi(a.get("WaitTime")) // none: at once
		s.call(a, time.Duration(seconds)*time.Second)
	}
}

// late is the dialplan's look at the end of a call file's time.
func (s *Server) late(c *Call) bool {
	until, err := strconv.ParseInt(c.Vars["UNTIL"], 10, 64)
	return err == nil && s.o.Now().Unix() > until
}

// put takes the file of a call that is over away, to where such files are kept if it is to be.
func (s *Server) put(c *Call) {
	if c.file == "" {
		return
	}
	raw, err := os.ReadFile(c.file)
	_ = os.Remove(c.file) // it may have been withdrawn
	if err != nil || !strings.Contains(string(raw), "\nArchive: yes\n") {
		return
	}
	status := map[bool]string{true: "Completed", false: "Expired"}[c.Up]
	done := filepath.Join(filepath.Dir(s.o.Outgoing), "outgoing_done", filepath.Base(c.file))
	_ = os.WriteFile(done, []byte(string(raw)+"\nStatus: "+status+"\n"), 0o600) // without the folder it is gone, as with the real one
}
