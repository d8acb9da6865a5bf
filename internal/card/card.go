// Package card owns what a message about a case says: who should have one (Audience),
// and its text, buttons and file (For), as pure functions of the case, the document
// and the people.
//
// It leaves the words to locale, cleaning and escaping to markup, and sending, editing
// and finding out who can be reached to courier. A card holds no relative times, so that it changes only
// when there is something new to say.
package card

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"countersign/internal/approval"
	"countersign/internal/document"
	"countersign/internal/locale"
	"countersign/internal/markup"
	"countersign/internal/people"
)

// View is everything that a card may speak of.
type View struct {
	Case     *approval.Case
	Doc      document.Document         // the current revision
	Earlier  map[int]document.Document // revisions that somebody judged before
	People   people.Directory
	Groups   []Group           // chats that are told of this document
	Fallback []Group           // chats that are told when nobody can be asked
	Bot      string            // the bot's username, for links into the private chat; may be empty
	Zone     *time.Location    // of the times shown; nil: UTC
	Closed   map[int64]bool    // private chats that take no messages of ours, as far as is known
	Talk     []approval.Remark // the latest comments and files from the messenger, in their order
	Files    []approval.Remark // all files from the messenger
	MaxFile  int64             // bytes that the messenger takes; 0: all
	LinkDays int               // how long a link to a larger file is good; 0: there are none
	Meet     bool              // people can be brought together in a video meeting
	Phone    bool              // and by telephone

	Away map[people.ID]time.Time // who is away, and until when
}

// Group is a chat of many.
type Group struct {
	ID      string // external id
	Title   string
	Hidden  []string // fields that it must not see, of those in Hideable
	NoFiles bool     // it gets none of the document's files
}

// Card is one message as it should be now.
type Card struct {
	HTML    string // Telegram's HTML, at most 4096 UTF-16 units of text; the caption if there is a File
	Plain   string // the same without tags, for when the HTML is refused
	Buttons [][]Button
	File    *document.File
	Offer   *Offer // the file is too large to be sent
	Silent  bool   // when it is new: without a sound
}

// Offer is a file that is fetched by a link, in place of the file itself.
type Offer struct {
	File   document.File
	Button string // the text of the button that leads to it; empty: no link
}

// Button is a button under a card: it sends Data or opens URL.
type Button struct {
	Text  string `json:"text"`
	Data  string `json:"data,omitempty"`
	URL   string `json:"url,omitempty"`
	Style Style  `json:"style,omitempty"`
}

// Style is the color of a button, as Telegram names it.
type Style string

// The colors in use.
const (
	Plain   Style = ""
	Success Style = "success"
	Danger  Style = "danger"
)

// Digest names what Telegram would be asked to show: equal digests, equal messages.
func (c Card) Digest() string {
	shown := struct {
		HTML    string     `json:"html"`
		Buttons [][]Button `json:"buttons,omitempty"`
		File    string     `json:"file,omitempty"`
		Name    string     `json:"name,omitempty"`
		Link    string     `json:"link,omitempty"`
	}{HTML: c.HTML, Buttons: c.Buttons}
	if c.File != nil {
		shown.File, shown.Name = c.File.SHA256, c.File.Name
	}
	if c.Offer != nil {
		shown.File, shown.Name, shown.Link = c.Offer.File.SHA256, c.Offer.File.Name, c.Offer.Button
	}
	text, _ := json.Marshal(shown) //nolint:errchkjson // strings alone cannot fail
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// For gives the card of a spot in a language. Any spot is answered, also one that is no
// longer in the audience: its card then says what became of the matter.
func For(v View, s Spot, lang locale.Lang) Card {
	p := page{View: v, spot: s, lang: lang}
	if s.Chat != "" {
		hidden := v.group(s.Chat).Hidden
		p.View, p.veiled = v.masked(hidden, lang), len(hidden) > 0
	}
	switch s.Kind {
	case KindApprover:
		return p.approver()
	case KindRequester:
		return p.requester()
	case KindOutcome:
		return p.outcome()
	case KindGroup:
		return p.group()
	case KindBlocked:
		return p.blocked()
	case KindFile:
		return p.file()
	case KindQuestion:
		return p.question()
	case KindAnswer:
		return p.answer()
	default:
		return Card{}
	}
}

// Astray gives the card of a message that stands where nobody should read it any more: in
// the chat of an account that is no longer the person's, or in a group that is not told
// of the document any more. It says as little as it can: in a group, less than the title.
func Astray(v View, s Spot, lang locale.Lang) Card {
	p := page{View: v, lang: lang}
	if s.Chat != "" {
		p.View = v.masked(Hideable(), lang)
	}
	return compose([]line{p.headline(), words(p.t("card.no_longer", nil))})
}

// page is one card in the making.
type page struct {
	View
	spot Spot
	lang locale.Lang

	veiled bool // something is hidden from those who read it
}

func (p page) approver() Card {
	if p.spot.Round != p.Case.Round {
		return compose(p.outdated())
	}
	asked := p.asks(p.spot)
	figures, whole := p.figures()
	own := append(p.deputy(), p.ownPart()...)
	if asked && !whole {
		own = append(own, words(p.t("card.unshown", nil)))
	}
	const details, talk = 5, 7
	blocks := [][]line{
		{p.headline(), p.stateLine()},
		figures,
		append(p.ending(), own...), p.notes(), p.changes(), nil, p.progress(), nil,
	}
	if !asked { // the list of its contents has served its purpose
		blocks[details] = p.basics()
		blocks[talk] = p.talk(room(blocks))
		c := compose(blocks...)
		c.Buttons = p.discuss()
		return c
	}
	because := p.why()
	if whole {
		because = append(because, p.proof()...)
	}
	blocks = append(blocks, because)
	blocks[talk] = p.talk(room(blocks))
	blocks[details] = p.details(room(blocks))
	c := compose(blocks...)
	c.Buttons = append(p.buttons(whole), p.discuss()...)
	return c
}

func (p page) group() Card {
	figures, _ := p.figures()
	blocks := [][]line{
		{p.headline(), p.stateLine()}, append(figures, p.hint()...), p.ending(), p.notes(), nil, p.progress(),
	}
	link := p.linkButton()
	if p.Case.State == approval.InProgress && link == nil {
		blocks = append(blocks, []line{words(p.t("card.no_buttons_group", nil))})
	}
	blocks[4] = p.details(room(blocks))
	c := compose(blocks...)
	c.Silent = true
	if p.Case.State == approval.InProgress {
		c.Buttons = link
	}
	return c
}

// blocked tells those who look after the routes. It makes a sound: nobody else can help.
func (p page) blocked() Card {
	if !p.blockedAt(p.spot) {
		return compose([]line{p.headline(), words(p.t("card.no_longer", nil)), p.stateLine()})
	}
	figures, _ := p.figures()
	help := words(p.t("card.blocked_help", map[string]any{"Step": p.stepTitle(p.Case.Plan.Steps[p.spot.Step])}))
	if len(p.Case.Missing) > 0 && p.Case.Note == "files_missing" {
		help = words(p.t("card.blocked_help_files", nil))
	}
	return compose([]line{p.headline(), p.stateLine()}, append(figures, p.hint()...), append(p.ending(), help), p.notes())
}

// hint says that something is hidden, so that nobody takes what is left for the whole.
func (p page) hint() []line {
	if !p.veiled {
		return nil
	}
	return []line{words(p.t("card.veiled", nil))}
}

func (p page) requester() Card {
	figures, _ := p.figures()
	blocks := [][]line{{p.headline(), p.stateLine()}, figures, p.ending(), p.notes(), p.progress()}
	c := compose(append(blocks, p.talk(room(blocks)))...)
	c.Buttons, c.Silent = p.discuss(), true
	return c
}

// outcome is the news for the requester. Once the case has moved on it says so, but
// keeps the question that sent the document back.
func (p page) outcome() Card {
	title := words(p.t("outcome."+string(p.spot.State), map[string]any{"Document": p.title()})).bold()
	if p.spot.Round != p.Case.Round || p.spot.State != p.Case.State {
		past := words(p.t("card.no_longer", nil))
		for _, s := range p.Case.Slots {
			if s.Round == p.spot.Round && s.Vote != nil && s.Vote.Verdict == approval.Return && p.spot.State == approval.Returned {
				return compose([]line{title, past}, append([]line{words(p.by(s))}, p.reason(s, maxReason)...))
			}
		}
		return compose([]line{p.headline(), past})
	}
	figures, _ := p.figures()
	var last []line
	if by, ok := p.decider(); ok {
		last = append(last, words(by))
	}
	last = append(last, p.ending()...)
	if p.Case.Consumed != nil {
		last = append(last, p.consumed())
	}
	return compose([]line{title}, figures[:min(2, len(figures))], last) // what, and to whom
}

func (p page) file() Card {
	f, current := p.findFile(p.spot.File)
	lines := []line{words(p.title())}
	if !current {
		lines = append(lines, words(p.t("card.file_gone", nil)))
	}
	if m, ok := p.attached(p.spot.File); ok && fileOf(p.Doc, p.spot.File) == nil {
		lines = append(lines, p.said("📎 ", m.By, m.Author, m.At, m.Text))
	}
	if f != nil && p.MaxFile > 0 && f.Size > p.MaxFile {
		return p.offer(lines, *f, current)
	}
	c := compose(lines)
	c.File, c.Silent = f, true
	return c
}

// offer stands in for a file that the messenger does not take.
func (p page) offer(lines []line, f document.File, current bool) Card {
	o := &Offer{File: f}
	size := map[string]any{"Size": p.size(f.Size), "Days": p.LinkDays}
	switch {
	case !current:
	case p.LinkDays == 0:
		lines = append(lines, words("📎 "+tidy(f.Name, maxValue)), words(p.t("card.file_too_large", size)))
	default:
		lines = append(lines, words("📎 "+tidy(f.Name, maxValue)), words(p.t("card.file_by_link", size)))
		o.Button = p.t("button.download", nil)
	}
	c := compose(lines)
	c.Offer, c.Silent = o, true
	return c
}

// findFile finds a file of the document, or of a revision before.
func (p page) findFile(digest string) (f *document.File, current bool) {
	if f := fileOf(p.Doc, digest); f != nil {
		return f, true
	}
	if m, ok := p.attached(digest); ok {
		return m.File, true
	}
	for _, no := range p.revisions() {
		if f := fileOf(p.Earlier[no], digest); f != nil {
			return f, false
		}
	}
	return nil, false
}

func fileOf(d document.Document, digest string) *document.File {
	for _, f := range d.Files {
		if f.SHA256 == digest {
			return &f
		}
	}
	return nil
}

// buttons: accept and reject first, as scripts and thumbs expect them. What cannot be
// shown whole cannot be accepted here.
func (p page) buttons(whole bool) [][]Button { //nolint:revive // a fact about the card, not a switch
	tap := Tap{Case: p.Case.ID, Round: p.spot.Round, Step: p.spot.Step, Revision: p.Case.Revision}
	if s, ok := p.slot(p.spot); ok {
		tap.No = s.No
	}
	button := func(key string, v approval.Verdict, style Style) Button {
		tap.Verdict = v
		return Button{Text: p.t(key, nil), Data: tap.String(), Style: style}
	}
	first := []Button{button("button.accept", approval.Accept, Success), button("button.reject", approval.Reject, Danger)}
	if !whole {
		first = first[1:]
	}
	return [][]Button{first, {button("button.return", approval.Return, Plain)}, {
		button("button.ask", Ask, Plain), button("button.details", Details, Plain),
	}}
}

func (p page) linkButton() [][]Button {
	url := Link(p.Bot, p.Case.ID)
	if url == "" {
		return nil
	}
	return [][]Button{{{Text: p.t("button.open_private", nil), URL: url}}}
}

// t gives a text, its data already cleaned and cut.
func (p page) t(key string, data map[string]any) string { return p.lang.T(key, data) }

// word gives the text of a name that has one of its own, or else the name itself.
func (p page) word(prefix, name string) string {
	if text, ok := p.known(prefix + name); ok {
		return text
	}
	return tidy(name, maxName)
}

// known finds a text by a key that was put together from words of others. One with
// placeholders is not meant.
func (p page) known(key string) (string, bool) {
	text := p.lang.T(key, nil)
	return text, text != key && !strings.Contains(text, "{{")
}

func (p page) time(t time.Time) string { return p.lang.DateTime(t, p.zone()) }

func (p page) zone() *time.Location {
	if p.Zone == nil {
		return time.UTC
	}
	return p.Zone
}

func (p page) name(id people.ID) string {
	who, ok := p.People.Person(id)
	if !ok || markup.Clean(who.Name) == "" {
		return tidy(string(id), maxName)
	}
	return tidy(who.Name, maxName)
}
