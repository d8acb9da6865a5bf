package telegramtest_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"mime/multipart"
	"strings"
	"testing"

	"countersign/internal/telegram/telegramtest"
)

func TestAlbumIsTakenWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	s := world(t, telegramtest.Options{})
	id := s.StoreFile("document", "a.pdf", []byte("a"))
	photo := s.StoreFile("photo", "a.jpg", []byte("a"))
	doc := func(change p) p {
		out := p{"type": "document", "media": id, "caption": "<b>x</b>", "parse_mode": "HTML"}
		maps.Copy(out, change)
		return out
	}
	list := func(n int) []p {
		var out []p
		for range n {
			out = append(out, doc(nil))
		}
		return out
	}
	for name, c := range map[string]struct {
		params p
		says   string
	}{
		"none":        {p{}, `parameter "media" is required`},
		"no list":     {p{"media": "x"}, "can't parse media JSON object"},
		"one":         {p{"media": list(1)}, "too few messages"},
		"eleven":      {p{"media": list(11)}, "too many messages"},
		"keyboard":    {p{"media": list(2), "reply_markup": p{"inline_keyboard": [][]p{}}}, "no reply markup"},
		"mixed":       {p{"media": []p{doc(nil), doc(p{"type": "photo"})}}, "can't be mixed"},
		"photo as it": {p{"media": []p{doc(nil), doc(p{"media": photo})}}, "can't use file of type Photo as Document"},
		"unknown id":  {p{"media": []p{doc(nil), doc(p{"media": "BQADnothing"})}}, "wrong file identifier"},
		"not there":   {p{"media": []p{doc(nil), doc(p{"media": "attach://x"})}}, "wrong file identifier"},
		"marks":       {p{"media": []p{doc(nil), doc(p{"caption": "<b>x"})}}, "can't parse entities"},
		"caption":     {p{"media": []p{doc(nil), doc(p{"caption": strings.Repeat("x", 1025)})}}, "caption is too long"},
		"topic":       {p{"media": list(2), "message_thread_id": 9}, "message thread not found"},
		"reply":       {p{"media": list(2), "reply_parameters": p{"message_id": 99}}, "message to be replied not found"},
	} {
		c.params["chat_id"] = super
		if got := call(t, s, "sendMediaGroup", c.params); got.OK || !strings.Contains(got.Description, c.says) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if n := len(s.Messages(super)); n != 0 {
		t.Fatalf("%d messages", n)
	}
	got := call(t, s, "sendMediaGroup", p{"chat_id": super, "message_thread_id": 7, "media": list(10), "protect_content": true})
	all := s.Messages(super)
	var told []struct {
		ID    int64  `json:"message_id"`
		Album string `json:"media_group_id"`
	}
	must(t, json.Unmarshal(got.Result, &told))
	if !got.OK || len(told) != 10 || len(all) != 10 {
		t.Fatalf("%+v", got)
	}
	for i, m := range all {
		if m.ID != told[i].ID || m.Album != told[0].Album || m.Album == "" || m.Text != "x" || m.ThreadID != 7 || !m.Protected || m.Document.Name != "a.pdf" {
			t.Errorf("%+v", m)
		}
	}
}

func TestAlbumTakesUploads(t *testing.T) {
	t.Parallel()
	s := world(t, telegramtest.Options{})
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	must(t, w.WriteField("chat_id", "101"))
	must(t, w.WriteField("media", `[{"type":"document","media":"attach://one"},{"type":"document","media":"attach://two"}]`))
	for _, name := range []string{"one", "two"} {
		part, err := w.CreateFormFile(name, "Счёт "+name+".pdf")
		must(t, err)
		_, err = part.Write([]byte(name))
		must(t, err)
	}
	must(t, w.Close())
	if got := post(t, s, "sendMediaGroup", w.FormDataContentType(), &body); !got.OK {
		t.Fatalf("%+v", got)
	}
	all := s.Messages(anna)
	last := all[len(all)-1]
	if content, _ := s.FileBytes(last.Document.FileID); string(content) != "two" || last.Document.Name != "Счёт two.pdf" {
		t.Errorf("%+v has %q", last, content)
	}
}
