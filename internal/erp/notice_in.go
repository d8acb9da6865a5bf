package erp

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"countersign/internal/directory"
	"countersign/internal/file"
	"countersign/internal/notice"
	"countersign/internal/people"
)

// told is a notice as it was read.
type told struct {
	notice   notice.New
	contents [][]byte // of files that came with it, by their place; nil where not
	taken    notes
}

// readNotice reads the body of a notice and looks up what it names.
func (d *Door) readNotice(c *call) (told, error) {
	in := &intake{}
	o, err := in.open(c.body)
	if err != nil {
		return told{}, err
	}
	p, to := o.notice(d.Ledger.Now())
	p.notice.Source = c.key.Source
	o.done()
	if err := d.lookUpNotice(c, o, &p.notice, to); err != nil {
		return told{}, err
	}
	p.taken = in.taken
	return p, in.err("")
}

// lookUpNotice finds whom and what a notice names; what is not known is a fault of its field.
func (d *Door) lookUpNotice(c *call, o *object, n *notice.New, to addressees) error {
	dir, err := d.Directory.Snapshot(c.ctx())
	if err != nil {
		return err
	}
	chats, err := d.Directory.Chats(c.ctx())
	if err != nil {
		return err
	}
	for i, ref := range to.people {
		p, known := dir.Find(ref)
		o.unless(known, "people", i, "unknown_user")
		n.To.People = append(n.To.People, p.ID)
	}
	for i, role := range n.To.Roles {
		o.unless(len(dir.InRole(role.Name, role.Scope)) > 0, "roles", i, "unknown_role")
	}
	for i, name := range n.To.Chats {
		o.unless(slices.ContainsFunc(chats, func(c directory.Chat) bool { return c.ExternalID == name }), "chats", i, "unknown_chat")
	}
	for i := range n.Body.Files {
		f := &n.Body.Files[i]
		if f.Size > 0 || !file.IsDigest(f.SHA256) {
			continue
		}
		meta, err := d.Files.Meta(c.ctx(), c.key.Source, f.SHA256)
		if err != nil && !errors.Is(err, file.ErrNotFound) {
			return err
		}
		f.Size = meta.Size
		o.unless(err == nil, "files", i, "files_missing")
	}
	return d.lookUpAbout(c, o, n.Body.About)
}

func (d *Door) lookUpAbout(c *call, o *object, id string) error {
	if id == "" {
		return nil
	}
	_, err := d.find(c, DocumentPath{Source: c.key.Source, ExternalID: id})
	if err != nil && problemOf(err).status == http.StatusNotFound {
		o.fault("document", "not_found")
		return nil
	}
	return err
}

// unless notes a fault of one item of a list.
func (o *object) unless(well bool, list string, i int, code string) { //nolint:revive // a fact about the item, not a switch
	if !well {
		o.in.found.add(o.at(list)+"["+strconv.Itoa(i)+"]", code, "")
	}
}

// addressees are people as the ERP calls them, by their place in its list.
type addressees struct{ people []string }

// notice reads the members of a notice.
func (o *object) notice(now time.Time) (told, addressees) {
	var p told
	n := &p.notice
	n.Class = notice.Class(o.text("kind", name(20).must()))
	if n.Class != "" && !slices.Contains([]notice.Class{notice.Info, notice.Alarm, notice.Progress}, n.Class) {
		o.refuse("kind", "invalid_field", "info, alarm, progress")
	}
	b := &n.Body
	b.Title, b.Text = o.text("title", free(notice.MaxTitle).whole()), o.text("text", prose(notice.MaxText).whole().must())
	b.About = o.text("document", name(200))
	to := addressees{people: o.texts("people", notice.MaxTo, name(200))}
	for _, role := range o.texts("roles", notice.MaxTo, name(200)) {
		n.To.Roles = append(n.To.Roles, people.ParseRole(role))
	}
	n.To.Chats = o.texts("chats", notice.MaxTo, name(200))
	o.somebody(len(to.people) + len(n.To.Roles) + len(n.To.Chats))
	room := InlineLimit
	o.objects("files", notice.MaxFiles, func(f *object) {
		one, content := f.attached(&room)
		b.Files = append(b.Files, notice.File{SHA256: one.SHA256, Name: one.Name, Size: int64(len(content))})
		p.contents = append(p.contents, content)
	})
	o.life(n, now)
	o.percent(n)
	return p, to
}

// somebody must be told, and not too many.
func (o *object) somebody(many int) {
	named := slices.ContainsFunc([]string{"people", "roles", "chats"}, func(list string) bool {
		_, given := o.value(list)
		return given
	})
	switch {
	case many == 0 && (!named || o.in.found.none()): // else their names are what is wrong
		o.refuse("people", "missing_field", "people, roles, chats")
	case many > notice.MaxTo:
		o.refuse("people", "too_many", "people + roles + chats ≤ "+strconv.Itoa(notice.MaxTo))
	}
}

// life reads until when a notice is news.
func (o *object) life(n *notice.New, now time.Time) {
	const least, most = time.Minute, 30 * 24 * time.Hour
	until := o.moment("expires_at", name(40))
	if until.IsZero() {
		return
	}
	if n.Life = until.Sub(now); n.Life < least || n.Life > most {
		o.refuse("expires_at", "out_of_range", "1 min … 30 d")
	}
}

// percent reads how far a progress is.
func (o *object) percent(n *notice.New) {
	done, given := o.whole("percent", 0, 100)
	switch {
	case n.Class == notice.Progress:
		n.Body.State = notice.Running
		if given {
			n.Body.Done, n.Body.Total = int(done), 100
		}
	case given:
		o.refuse("percent", "conflict", "kind: progress")
	}
}

// readNoticeChange reads a later state of a progress.
func readNoticeChange(text []byte) (no int64, change func(*notice.Body), err error) {
	in := &intake{}
	o, err := in.open(text)
	if err != nil {
		return 0, nil, err
	}
	no, given := o.whole("sequence", 1, mostSequence)
	if !given && o.fine("sequence") {
		o.fault("sequence", "missing_field")
	}
	states := map[string]notice.State{"": notice.Running, "running": notice.Running, "done": notice.Finished, "failed": notice.Failed}
	state, known := states[o.text("state", name(20))]
	if !known {
		o.refuse("state", "invalid_field", "running, done, failed")
	}
	title, words := o.text("title", free(notice.MaxTitle).whole()), o.text("text", prose(notice.MaxText).whole())
	done, far := o.whole("percent", 0, 100)
	o.done()
	return no, func(b *notice.Body) {
		b.State = state
		if title != "" {
			b.Title = title
		}
		if words != "" {
			b.Text = words
		}
		if far {
			b.Done, b.Total = int(done), 100
		}
	}, in.err("")
}
