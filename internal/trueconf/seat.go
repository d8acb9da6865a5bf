package trueconf

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"regexp"
	"strings"
)

// client is a way in, as the server offers it.
type way struct {
	Type     text `json:"type"`
	Platform text `json:"platform"`
	URL      text `json:"web_url"`
	Frame    text `json:"iframe"`
}

// Seat gives a guest a way into a conference. The id of the guest must be his alone in this
// conference: whoever comes with the same one takes his place.
func (s *Server) Seat(ctx context.Context, id, guest, name, lang string) (Seat, error) {
	const op = "find a seat"
	if _, err := s.segment(op, id); err != nil {
		return Seat{}, err
	}
	if ok, _ := regexp.MatchString(`^[a-z0-9_]{1,100}$`, guest); !ok {
		return Seat{}, &Error{Kind: BadRequest, Server: s.o.Name, Op: op, Err: errors.New("the id of a guest is made of small letters, digits and underscores")}
	}
	q := url.Values{"call_id": {id}, "user": {"2$" + guest + "*" + spoken(name)}, "case": {"join_conference_button"}}
	if lang == "en" || lang == "ru" { // in others the web client asks the browser
		q.Set("lang", lang)
	}
	var got struct {
		Ways *[]way `json:"clients"`
	}
	if err := s.do(ctx, call{op: op, right: rightRead, path: "/software/clients", query: q}, &got); err != nil {
		return Seat{}, err
	}
	if got.Ways == nil {
		return Seat{}, s.named(op, &Error{Err: errGarbled})
	}
	why := errors.New("the server offers no web client; does the licence have it, and guests?")
	for _, w := range *got.Ways {
		if w.Type != "web" || w.Platform != "webrtc" {
			continue
		}
		at := cmp.Or(string(w.URL), source(string(w.Frame)))
		if s.seats(at, id) {
			return Seat{URL: at}, nil
		}
		why = errors.New("the web client that the server offers is not at the address that is set for it")
	}
	return Seat{}, &Error{Kind: NotSupported, Server: s.o.Name, Op: op, Err: why}
}

// spoken is a name without what separates the parts of a guest.
func spoken(name string) string {
	const most = 64
	name = strings.NewReplacer("*", " ", "$", " ").Replace(strings.ToValidUTF8(clean(name), ""))
	r := []rune(strings.Join(strings.Fields(name), " "))
	return strings.TrimSpace(string(r[:min(most, len(r))]))
}

// source is where a frame leads.
func source(frame string) string {
	found := regexp.MustCompile(`(?i)<iframe\s[^>]*?\bsrc\s*=\s*(?:"([^"]*)"|'([^']*)')`).FindStringSubmatch(frame)
	if found == nil {
		return ""
	}
	return strings.ReplaceAll(found[1]+found[2], "&amp;", "&")
}

// seats reports whether an address is the web client of this server with one conference
// and the credentials for it: it is shown in a frame of ours.
func (s *Server) seats(at, id string) bool {
	u, err := url.Parse(at)
	if err != nil || strings.ContainsFunc(at, control) || u.User != nil || u.Scheme != s.base.Scheme || u.Path != "/webrtc/"+id {
		return false
	}
	if own, err := address(u.Scheme + "://" + u.Host); err != nil || own.Host != s.base.Host {
		return false
	}
	has := map[string]int{}
	for part := range strings.SplitSeq(u.Fragment, "&") {
		key, value, _ := strings.Cut(part, "=")
		if value != "" {
			has[key]++
		}
	}
	return has["login"] == 1 && has["token"] == 1
}
