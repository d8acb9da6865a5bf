package console

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"countersign/internal/deed"
	"countersign/internal/directory"
	"countersign/internal/journal"
)

// mostDeeds is how many lines the page has.
const mostDeeds = 100

// deedAsk is what somebody wants to see of what was done to conferences and meetings.
type deedAsk struct{ Since, Until, Server, Person, About, After string }

// done is a line of it.
type done struct {
	deed.Deed

	Who, Said string
}

// video shows who did what to conferences and meetings: people, keys and the gateway itself.
func (d *Desk) video(w http.ResponseWriter, r *http.Request, v visitor) {
	p := d.page(r, v, "video")
	form := r.URL.Query()
	p.DeedAsk = deedAsk{form.Get("since"), form.Get("until"), form.Get("server"), form.Get("person"), form.Get("about"), form.Get("after")}
	next, err := d.deeds(r, &p)
	switch {
	case errors.Is(err, journal.ErrAsk), errors.Is(err, deed.ErrCursor), errors.Is(err, directory.ErrUnknown):
		p.Said, p.Wrong = "ask", wrong(err)
		d.write(w, r, http.StatusUnprocessableEntity, p)
		return
	case err != nil:
		d.fail(w, r, err)
		return
	}
	if next != "" {
		again := url.Values{}
		for name := range form {
			again.Set(name, form.Get(name))
		}
		again.Set("after", next)
		p.Next = "/console/video?" + again.Encode()
	}
	d.write(w, r, http.StatusOK, p)
}

func (d *Desk) deeds(r *http.Request, p *page) (next string, err error) {
	a := p.DeedAsk
	q := deed.Query{Server: a.Server, About: a.About, After: a.After, Limit: mostDeeds}
	var odd error
	q.Since, err = journal.Moment("since", a.Since, d.Now())
	q.Until, odd = journal.Moment("until", a.Until, d.Now())
	if err = errors.Join(err, odd); err != nil {
		return "", err
	}
	dir, err := d.Directory.Snapshot(r.Context())
	if err != nil {
		return "", err
	}
	if a.Person != "" {
		who, err := d.Directory.User(r.Context(), a.Person)
		if err != nil {
			return "", err
		}
		q.Person = who.ID
	}
	all, next, err := d.Deeds.Find(r.Context(), q)
	for _, one := range all {
		who, _ := dir.Person(one.By.Person)
		line := done{Deed: one, Who: one.By.Name(who.ExternalID), Said: p.lang.T(one.Words(), nil)}
		if words := one.By.Words(); words != "" {
			line.Who = p.lang.T(words, map[string]any{"Name": strings.TrimSpace(one.By.Source + " " + one.By.Key)})
		}
		p.Done = append(p.Done, line)
	}
	return next, err
}
