package card_test

import (
	"errors"
	"math"
	"regexp"
	"strings"
	"testing"

	"countersign/internal/approval"
	"countersign/internal/card"
	"countersign/internal/locale/localetest"
)

func TestKeysOfSpotsAreDistinctAndReadBack(t *testing.T) {
	t.Parallel()
	for name, tell := range situations() {
		seen := map[string]bool{}
		for _, s := range card.Audience(tell(t).view()) {
			if seen[s.Key()] {
				t.Errorf("%s: %s twice", name, s.Key())
			}
			if s.ReplyTo != "" && !seen[s.ReplyTo] {
				t.Errorf("%s: %s hangs under %s, which is not before it", name, s.Key(), s.ReplyTo)
			}
			seen[s.Key()] = true
			back, err := card.ParseSpot(s.Key())
			s.Past, s.ReplyTo = false, ""
			if err != nil || back != s {
				t.Errorf("%s: %s reads back as %+v, %v", name, s.Key(), back, err)
			}
		}
	}
}

func TestOddKeysAreRefused(t *testing.T) {
	t.Parallel()
	for _, key := range []string{
		"", "approver", "approver/1/0/", "approver/01/0/p", "approver/1/p", "approver/x/0/p", "group/", "requester", "requester/",
		"outcome/1/", "outcome/1/approved", "file/ab/else/x", "file/ab", "file/ab/group/", "nothing/1",
	} {
		if s, err := card.ParseSpot(key); !errors.Is(err, card.ErrSpot) {
			t.Errorf("%q reads as %+v", key, s)
		}
	}
	odd := card.Spot{Kind: card.KindGroup, Chat: "a/b//c: д"}
	if back, err := card.ParseSpot(odd.Key()); err != nil || back != odd {
		t.Errorf("%q reads back as %+v, %v", odd.Key(), back, err)
	}
}

func TestEveryTapFitsIntoAButton(t *testing.T) {
	t.Parallel()
	const most = math.MaxInt32
	for _, v := range []approval.Verdict{approval.Accept, approval.Reject, approval.Return, card.Ask, card.Answer, card.Details, card.Stand, card.Discuss, card.Phone} {
		tap := card.Tap{Case: caseID, Round: most, Step: most, No: most, Revision: most, Verdict: v}
		data := tap.String()
		back, err := card.ParseTap(data)
		if len(data) > 64 || err != nil || back != tap {
			t.Errorf("%q: %d bytes, reads back as %+v, %v", data, len(data), back, err)
		}
	}
}

func TestForgedTapsAreRefused(t *testing.T) {
	t.Parallel()
	id := string(caseID)
	for _, data := range []string{
		"", "v:", "v:" + id, "v:" + id + ":1:0:0:1", "v:" + id + ":1:0:0:1:x", "v:" + id + ":1:0:0:1:a:", "v:" + id + ":01:0:0:1:a",
		"v:" + id + ":1:0:0:A:a", "v:" + id + ":-1:0:0:1:a", "v:" + id + ":+1:0:0:1:a", "v:" + id + ":1:0:0:zik0zk:a", "V:" + id + ":1:0:0:1:a",
		"v:cas_short:1:0:0:1:a", "v:" + strings.ToUpper(id) + ":1:0:0:1:a", "v:" + id + " :1:0:0:1:a", "v:" + id + ":1:0:0:1:a\x00",
	} {
		if tap, err := card.ParseTap(data); !errors.Is(err, card.ErrTap) {
			t.Errorf("%q reads as %+v, %v", data, tap, err)
		}
	}
}

func TestLinkOpensTheCaseInThePrivateChat(t *testing.T) {
	t.Parallel()
	link := card.Link("countersign_bot", caseID)
	payload, ok := strings.CutPrefix(link, "https://t.me/countersign_bot?start=")
	if !ok || !regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`).MatchString(payload) {
		t.Fatalf("link %q", link)
	}
	if id, err := card.ParseLink(payload); err != nil || id != caseID {
		t.Errorf("payload %q reads as %q, %v", payload, id, err)
	}
	for _, bad := range []string{"", "c_", "c_x", payload + "0", strings.ToUpper(payload), "' OR 1=1", "x" + payload} {
		if id, err := card.ParseLink(bad); !errors.Is(err, card.ErrTap) {
			t.Errorf("payload %q reads as %q", bad, id)
		}
	}
	if card.Link("", caseID) != "" || card.Link("evil/../x", caseID) != "" || card.Link("bot", "cas_x") != "" {
		t.Error("a link without a bot or a case")
	}
	v := situations()["opened"](t).view()
	v.Bot = ""
	c := card.For(v, card.Spot{Kind: card.KindGroup, Chat: "finance"}, localetest.Texts(t).For("en"))
	if c.Buttons != nil || !strings.Contains(c.Plain, "private chat") {
		t.Errorf("a group card without a bot: %v\n%s", c.Buttons, c.Plain)
	}
}

func FuzzParseTap(f *testing.F) {
	f.Add(card.Tap{Case: caseID, Round: 2, Step: 1, No: 3, Revision: 4, Verdict: approval.Return}.String())
	f.Add("v:cas_01jq7m0e8d5v2x9k3b6n4t1wyz:1:0:0:1:a")
	f.Add("v:::::a")
	f.Fuzz(func(t *testing.T, data string) {
		tap, err := card.ParseTap(data)
		if err != nil {
			if !errors.Is(err, card.ErrTap) {
				t.Errorf("%q: %v", data, err)
			}
			return
		}
		if tap.String() != data || len(data) > 64 {
			t.Errorf("%q reads back as %q", data, tap.String())
		}
	})
}

func FuzzParseSpot(f *testing.F) {
	f.Add("approver/1/0/per_anna")
	f.Add("file/ab/group/x/y")
	f.Fuzz(func(t *testing.T, key string) {
		if s, err := card.ParseSpot(key); err == nil && s.Key() != key {
			t.Errorf("%q reads back as %q", key, s.Key())
		}
	})
}
