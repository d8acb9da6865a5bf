package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/internal/demo"
	"countersign/internal/demo/fakeerp"
)

// demoGroup is the group of the demonstration; its people have the accounts of the other
// tests.
const demoGroup = -1001000000777

// patience is how long a test waits for something that has to come.
const patience = 30 * time.Second

// shown is a running demonstration.
type shown struct {
	t      *testing.T
	url    string
	client *http.Client
}

// startDemo runs the command as a person would, and ends it with the test: cleanly, and
// with nothing left behind.
func startDemo(t *testing.T, args ...string) *shown {
	t.Helper()
	temp := t.TempDir()
	if err := os.Chmod(temp, 0o755); err != nil { // for the account of the private database
		t.Fatal(err)
	}
	for dir := temp; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		_ = os.Chmod(dir, 0o755) // fails where the folder is not ours, and is open then
	}
	folder := filepath.Join(temp, "data")
	ctx, cancel := context.WithCancel(context.Background())
	out, in := io.Pipe()
	log := &bytes.Buffer{}
	exit := make(chan int, 1)
	go func() {
		defer in.Close()
		exit <- run(ctx, process{Args: append([]string{"demo", "--listen", "127.0.0.1:0", "--data-dir", folder}, args...), Out: in, Err: log})
	}()
	t.Cleanup(func() {
		cancel()
		select {
		case code := <-exit:
			if code != exitOK {
				t.Errorf("exit code %d:\n%s", code, log)
			}
		case <-time.After(patience):
			t.Error("the demonstration does not end")
		}
		if t.Failed() {
			t.Logf("standard error:\n%s", log)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "ready ")
	if err != nil || !ok {
		t.Fatalf("printed %q: %v\n%s", line, err, log)
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	return &shown{t: t, url: strings.TrimSuffix(address, "/"), client: &http.Client{Timeout: patience}}
}

// call makes a call of the page and gives the status.
func (s *shown) call(name string, in, out any) int {
	s.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		s.t.Fatal(err)
	}
	resp, err := s.client.Post(s.url+"/api/"+name, "application/json", bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	if out != nil && resp.StatusCode == http.StatusOK {
		if err := json.Unmarshal(text, out); err != nil {
			s.t.Fatalf("%s: %v in %s", name, err, text)
		}
	}
	if resp.StatusCode != http.StatusOK {
		s.t.Logf("%s: %d %s", name, resp.StatusCode, text)
	}
	return resp.StatusCode
}

// await looks at the state again and again until it is as wanted.
func (s *shown) await(what string, holds func(demo.State) bool) demo.State {
	s.t.Helper()
	var state demo.State
	version := int64(-1)
	for end := time.Now().Add(patience); time.Now().Before(end); version = state.Version {
		resp, err := s.client.Get(s.url + "/api/state?after=" + fmt.Sprint(version))
		if err != nil {
			s.t.Fatal(err)
		}
		state = demo.State{}
		err = json.NewDecoder(resp.Body).Decode(&state)
		resp.Body.Close()
		if err != nil {
			s.t.Fatal(err)
		}
		if holds(state) {
			return state
		}
	}
	s.t.Fatalf("never seen: %s\n%s", what, transcript(state))
	return state
}

func transcript(s demo.State) string {
	var b strings.Builder
	for _, c := range s.Chats {
		fmt.Fprintf(&b, "== chat %d\n", c.ID)
		for _, m := range c.Messages {
			fmt.Fprintf(&b, "-- %d %s, %d edits\n%s %v\n", m.ID, m.Name, m.Edits, m.Text, m.Keyboard)
		}
	}
	for _, d := range s.ERP.Documents {
		fmt.Fprintf(&b, "== %s %s %+v\n", d.Number, d.Status, d.Attempts)
	}
	return b.String()
}

// demoMessage finds the newest message of a chat with all these parts in its text.
func demoMessage(s demo.State, chat int64, parts ...string) (demo.Message, bool) {
	for _, m := range slices.Backward(demoMessages(s, chat)) {
		if containsAll(m.Text, parts) {
			return m, true
		}
	}
	return demo.Message{}, false
}

func demoMessages(s demo.State, chat int64) []demo.Message {
	for _, c := range s.Chats {
		if c.ID == chat {
			return c.Messages
		}
	}
	return nil
}

func containsAll(text string, parts []string) bool {
	for _, p := range parts {
		if !strings.Contains(text, p) {
			return false
		}
	}
	return true
}

// card waits for a message with all these parts.
func (s *shown) card(chat int64, parts ...string) demo.Message {
	s.t.Helper()
	state := s.await(fmt.Sprintf("%q in chat %d", parts, chat), func(st demo.State) bool {
		_, ok := demoMessage(st, chat, parts...)
		return ok
	})
	m, _ := demoMessage(state, chat, parts...)
	return m
}

// press taps the button of a card whose text begins with the mark.
func (s *shown) press(chat int64, mark string, parts ...string) demo.Told {
	s.t.Helper()
	var tap demo.Tap
	s.await(fmt.Sprintf("%s under %q in chat %d", mark, parts, chat), func(st demo.State) bool {
		for _, m := range demoMessages(st, chat) {
			if d := demoData(m, mark); d != "" && containsAll(m.Text, parts) {
				tap = demo.Tap{User: chat, Chat: chat, Message: m.ID, Data: d}
			}
		}
		return tap.Data != ""
	})
	var told demo.Told
	if status := s.call("tap", tap, &told); status != http.StatusOK {
		s.t.Fatalf("tap: %d", status)
	}
	return told
}

func demoData(m demo.Message, mark string) string {
	for _, row := range m.Keyboard {
		for _, b := range row {
			if strings.HasPrefix(b.Text, mark) {
				return b.Data
			}
		}
	}
	return ""
}

func (s *shown) post(n demo.Entry) fakeerp.Document {
	s.t.Helper()
	var d fakeerp.Document
	if status := s.call("documents", n, &d); status != http.StatusOK || d.Hash == "" {
		s.t.Fatalf("document not taken: %d %+v", status, d.Attempts)
	}
	return d
}

// booked waits until the ERP knows this of a document.
func (s *shown) booked(number, what string, holds func(fakeerp.Document) bool) {
	s.t.Helper()
	s.await(number+" is "+what, func(st demo.State) bool {
		for _, d := range st.ERP.Documents {
			if d.Number == number {
				return holds(d)
			}
		}
		return false
	})
}

func lastAttempt(d fakeerp.Document) fakeerp.Attempt { return d.Attempts[len(d.Attempts)-1] }
