package main

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"countersign/internal/demo"
	"countersign/internal/demo/fakeerp"
)

func TestDemonstrationTellsItsStoryOverItsCalls(t *testing.T) {
	t.Parallel()
	s := startDemo(t)
	s.visaOne()
	s.rejectAnother()
	s.changeAThird()
	s.withdrawAFourth()
	state := s.await("feed and webhooks agree", func(st demo.State) bool {
		return st.ERP.Hooked == len(st.ERP.Events) && st.ERP.Fed == len(st.ERP.Events)
	})
	if p := state.ERP.Problems; len(p) > 0 || state.ERP.Refused > 0 {
		t.Errorf("%d webhooks refused, problems: %v", state.ERP.Refused, p)
	}
}

// visaOne: three accepts, every earlier message follows, the decision is consumed once.
func (s *shown) visaOne() {
	t := s.t
	t.Helper()
	s.post(demo.Entry{Title: "Rent, June", Payee: "Landlord LLC", Amount: "125000.00"})
	seeing := []int64{anna, demoGroup, pyotr, olga, ivan} // who votes, those before, and who is asked next
	for i, name := range []string{"Pyotr Petrov", "Olga Sidorova", "Ivan Kozlov"} {
		if told := s.press(seeing[i+2], "✅", "4711"); !strings.HasPrefix(told.Text, "✅") || told.Alert {
			t.Errorf("%s was told %+v", name, told)
		}
		for _, chat := range seeing[:min(i+4, len(seeing))] {
			s.card(chat, "4711", "✅ "+name)
		}
	}
	for chat, state := range map[int64]string{anna: "✅ Approved", pyotr: "✅ Approved", olga: "✅ Согласовано", ivan: "✅ Approved", demoGroup: "✅ Approved"} {
		m := s.card(chat, "4711", state, "125")
		if demoData(m, "") != "" {
			t.Errorf("chat %d: %d edits, keyboard %v", chat, m.Edits, m.Keyboard)
		}
	}
	s.booked("4711", "approved", func(d fakeerp.Document) bool { return d.Status == "approved" && len(d.Votes) == 3 })
	var d fakeerp.Document
	s.call("pay", demo.Act{Document: "REQ-4711", Lang: "en"}, &d)
	if a := lastAttempt(d); !a.Done {
		t.Errorf("payment: %+v", a)
	}
	s.card(demoGroup, "4711", "PAY-0001")
	s.call("pay", demo.Act{Document: "REQ-4711", Lang: "ru"}, &d)
	if a := lastAttempt(d); a.Done || a.Code != "already_consumed" || !strings.Contains(a.Message, "уже") {
		t.Errorf("second payment: %+v", a)
	}
}

// rejectAnother: the reason is asked for, written, and seen by everybody. Its file is
// too large to go inside the document.
func (s *shown) rejectAnother() {
	t := s.t
	t.Helper()
	content := bytes.Repeat([]byte("A line of the contract.\n"), 20<<10)
	s.post(demo.Entry{Title: "Banner", Payee: "Sea Club", Amount: "480000.00", FileName: "Договор.txt", File: content})
	s.downloaded(pyotr, "Договор.txt", content)
	s.press(pyotr, "❌", "4712", "Banner")
	s.card(pyotr, "Why are you rejecting") // the question
	s.call("say", demo.Said{User: pyotr, Chat: pyotr, Text: "Not in our plan"}, nil)
	for _, chat := range []int64{anna, pyotr, demoGroup} {
		s.card(chat, "4712", "❌", "Not in our plan")
	}
	s.booked("4712", "rejected", func(d fakeerp.Document) bool {
		return d.Status == "rejected" && d.Reason == "Not in our plan" && len(d.Asked) == 0
	})
	var d fakeerp.Document
	s.call("pay", demo.Act{Document: "REQ-4712"}, &d)
	if a := lastAttempt(d); a.Done || a.Code != "not_approved" {
		t.Errorf("payment of what was rejected: %+v", a)
	}
}

// downloaded waits for a file in a chat and compares it.
func (s *shown) downloaded(chat int64, name string, want []byte) {
	s.t.Helper()
	var address string
	s.await(name+" as a file", func(st demo.State) bool {
		for _, m := range demoMessages(st, chat) {
			if m.File != nil && m.File.Name == name {
				address = m.File.URL
			}
		}
		return address != ""
	})
	resp, err := s.client.Get(s.url + address)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	got, _ := io.ReadAll(resp.Body)
	if !bytes.Equal(got, want) || !strings.HasPrefix(resp.Header.Get("Content-Disposition"), "attachment") {
		s.t.Errorf("%d bytes as %q", len(got), resp.Header.Get("Content-Disposition"))
	}
}

// changeAThird: the votes fall, the old card says so and an old button votes for
// nothing.
func (s *shown) changeAThird() {
	t := s.t
	t.Helper()
	s.post(demo.Entry{Title: "Laptops", Payee: "Computer World", Amount: "96000.00"})
	s.press(pyotr, "✅", "4713")
	s.booked("4713", "voted once", func(d fakeerp.Document) bool { return len(d.Votes) == 1 })
	old := s.card(olga, "4713", "👉", "96")
	var d fakeerp.Document
	if s.call("change", demo.Act{Document: "REQ-4713", Amount: "99000.00"}, &d); !lastAttempt(d).Done {
		t.Errorf("change: %+v", lastAttempt(d))
	}
	s.booked("4713", "in its second round", func(d fakeerp.Document) bool { return d.Round == 2 && d.Fallen == 1 && len(d.Votes) == 0 })
	s.card(pyotr, "4713", "96,000.00", "99,000.00", "Your decision is needed")
	s.await("the old cards have no buttons", func(st demo.State) bool {
		i := slices.IndexFunc(demoMessages(st, olga), func(m demo.Message) bool { return m.ID == old.ID })
		m := demoMessages(st, olga)[i]
		return len(m.Keyboard) == 0 && m.Edits > 0
	})
	s.press(pyotr, "✅", "4713", "99,000.00")
	s.booked("4713", "voted again", func(d fakeerp.Document) bool { return len(d.Votes) == 1 && d.Fallen == 1 })
}

// withdrawAFourth: buttons vanish; the link of the group leads to the private chat.
func (s *shown) withdrawAFourth() {
	t := s.t
	t.Helper()
	s.post(demo.Entry{Title: "Taxi", Payee: "Taxi LLC", Amount: "900"})
	m := s.card(demoGroup, "4714", "Waiting for: Pyotr Petrov")
	link, err := url.Parse(m.Keyboard[0][0].URL)
	if err != nil || link.Host != "t.me" {
		t.Fatalf("link %v: %v", m.Keyboard, err)
	}
	s.card(pyotr, "4714", "Your decision is needed")
	s.call("start", demo.Start{User: pyotr, Payload: link.Query().Get("start")}, nil)
	s.card(pyotr, "⬆️", "4714")
	var d fakeerp.Document
	if s.call("withdraw", demo.Act{Document: "REQ-4714", Reason: "By bus"}, &d); !lastAttempt(d).Done {
		t.Errorf("withdrawal: %+v", lastAttempt(d))
	}
	s.await("no buttons are left", func(st demo.State) bool {
		m, ok := demoMessage(st, pyotr, "4714", "🚫")
		return ok && len(m.Keyboard) == 0
	})
}

func TestDemonstrationIsForThisMachineOnly(t *testing.T) {
	t.Parallel()
	var out, log bytes.Buffer
	if code := run(t.Context(), process{Args: []string{"demo", "--listen", "0.0.0.0:0"}, Out: &out, Err: &log}); code == exitOK {
		t.Error("it listens for everybody")
	}
	if !strings.Contains(log.String(), "this machine only") {
		t.Errorf("said %q", log.String())
	}
	s := startDemo(t)
	for name, tt := range map[string]struct {
		change func(*http.Request)
		want   int
	}{
		"as the page does":       {func(*http.Request) {}, 200},
		"under another name":     {func(r *http.Request) { r.Host = "evil.example" }, 421},
		"from another site":      {func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, 403},
		"from another origin":    {func(r *http.Request) { r.Header.Set("Origin", "http://evil.example") }, 403},
		"as a form":              {func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, 400},
		"as somebody who is not": {func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(`{"user":5,"chat":5,"text":"x"}`)) }, 409},
		"with what is not known": {func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(`{"users":5}`)) }, 400},
		"with something behind it": {func(r *http.Request) {
			r.Body = io.NopCloser(strings.NewReader(`{"user":1001,"chat":1001,"text":"x"}{}`))
		}, 400},
	} {
		body := strings.NewReader(`{"user":1001,"chat":1001,"text":"/help"}`)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/api/say", body)
		if err != nil {
			t.Fatal(err)
		}
		r.ContentLength = -1
		r.Header.Set("Content-Type", "application/json")
		tt.change(r)
		resp, err := s.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != tt.want {
			t.Errorf("%s: %d, want %d", name, resp.StatusCode, tt.want)
		}
	}
}

// The demonstration has two video servers. On one a stop is done at once, on the other it
// takes somebody else's approval.
func TestDemonstrationHasVideoServers(t *testing.T) {
	t.Parallel()
	s := startDemo(t)
	open := func(server, list string) {
		s.call("say", demo.Said{User: pyotr, Chat: pyotr, Text: "/tc"}, nil)
		s.press(pyotr, server, "Choose a server")
		s.press(pyotr, list, server, "Media engine")
	}
	s.call("say", demo.Said{User: olga, Chat: olga, Text: "/tc"}, nil)
	s.card(olga, "video_viewer")
	open("🖥 Head office", "🕰")
	s.card(pyotr, "Stand-up", "1 conference may have been left running")
	s.press(pyotr, "1.", "Stand-up")
	s.press(pyotr, "⏹", "Stand-up", "Being recorded")
	s.press(pyotr, "⏹", "Stop this conference?")
	s.card(pyotr, "The conference was stopped", "Stopped by: Pyotr Petrov")
	open("🖥 Clinic", "🎥")
	s.press(pyotr, "1.", "Consultation")
	s.press(pyotr, "⏹", "Consultation", "Being recorded")
	s.press(pyotr, "📨", "nothing is stopped before they agree")
	s.press(ivan, "✅", "Stop of a conference", "Consultation")
	s.card(pyotr, "“Consultation” on Clinic was stopped, as you asked")
}

// On the second of them meetings are: one tap below a document calls those who take part.
func TestDemonstrationLeadsFromADocumentToAVideoMeeting(t *testing.T) {
	t.Parallel()
	s := startDemo(t)
	s.post(demo.Entry{Title: "Rent, June", Payee: "Landlord LLC", Amount: "125000.00"})
	if told := s.press(pyotr, "📹", "4711"); !strings.HasPrefix(told.Text, "📹") {
		t.Fatalf("told %+v", told)
	}
	s.card(pyotr, "4711", "💬 Pyotr Petrov", "calls the others to a video meeting")
	s.card(pyotr, "You called the others")
	s.press(anna, "🎥", "Pyotr Petrov asks you to a video meeting", "4711")
	at := ""
	for _, row := range s.card(anna, "This way in is yours alone").Keyboard {
		at = row[0].URL
	}
	resp, err := s.client.Get(at)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK || !strings.Contains(string(text), "Anna Ivanova") {
		t.Errorf("%s: %d %s", at, resp.StatusCode, text)
	}
}

// The demonstration has a telephone exchange: a room with somebody in it, telephones that are
// picked up, and one that is busy.
func TestDemonstrationHasAudioRooms(t *testing.T) {
	t.Parallel()
	s := startDemo(t)
	s.await("what made the room ready is in no chat", func(st demo.State) bool {
		return !strings.Contains(transcript(st), "/rooms")
	})
	open := func(account int64, title string) {
		s.call("say", demo.Said{User: account, Chat: account, Text: "/rooms"}, nil)
		s.press(account, "🔊 Daily call", title)
	}
	s.call("share", demo.Share{User: olga}, nil)
	open(olga, "Аудиокомнаты")
	s.press(olga, "📞", "Daily call")
	open(pyotr, "Audio rooms")
	s.card(pyotr, "Daily call", "👤 Ivan Kozlov")
	s.press(pyotr, "📞", "Daily call")
	s.await("a button for the number", func(st demo.State) bool {
		all := demoMessages(st, pyotr)
		return len(all) > 0 && all[len(all)-1].Share != "" && all[len(all)-1].Text != ""
	})
	s.call("share", demo.Share{User: pyotr}, nil)
	s.await("the button is gone", func(st demo.State) bool {
		return !slices.ContainsFunc(demoMessages(st, pyotr), func(m demo.Message) bool { return m.Share != "" })
	})
	s.press(pyotr, "📞", "Daily call")
	s.card(pyotr, "Daily call", "👤 Pyotr Petrov", "👤 Ivan Kozlov", "👤 Guest")
	s.card(olga, "Daily call", "телефон был занят")
	open(anna, "Audio rooms") // made it, and leads it
	s.press(anna, "🔇 Ivan Kozlov", "Daily call")
	s.card(anna, "Daily call", "👤 Ivan Kozlov 🔇")
	s.press(anna, "✖️ Pyotr Petrov", "Daily call")
	s.await("Pyotr is out", func(st demo.State) bool {
		m, seen := demoMessage(st, anna, "Daily call")
		return seen && !strings.Contains(m.Text, "👤 Pyotr Petrov")
	})
}

// One tap below a document has the phones called of those who take part, into one room.
func TestDemonstrationLeadsFromADocumentToATalkByPhone(t *testing.T) {
	t.Parallel()
	s := startDemo(t)
	s.post(demo.Entry{Title: "Rent, June", Payee: "Landlord LLC", Amount: "125000.00"})
	if told := s.press(pyotr, "☎️", "4711"); !told.Alert || !strings.Contains(told.Text, "no number of yours") {
		t.Fatalf("told %+v", told)
	}
	s.await("a button for his number", func(st demo.State) bool {
		return slices.ContainsFunc(demoMessages(st, pyotr), func(m demo.Message) bool { return m.Share != "" })
	})
	s.call("share", demo.Share{User: pyotr}, nil)
	s.card(pyotr, "I keep the number encrypted")
	if told := s.press(pyotr, "☎️", "4711"); told.Text != "☎️ 2 phones are being called." {
		t.Fatalf("told %+v", told)
	}
	s.press(pyotr, "☎️", "You asked the others", "4711")
	s.card(pyotr, "Room of a document", "👤 Pyotr Petrov (you)", "👤 Anna Ivanova")
	s.card(anna, "Pyotr Petrov asks you to talk by telephone", "4711")
	s.card(anna, "4711", "💬 Pyotr Petrov", "☎️ calls the others")
}
