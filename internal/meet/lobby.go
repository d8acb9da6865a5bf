package meet

import (
	"context"
	"errors"
	"strings"

	"countersign/internal/ident"
	"countersign/internal/locale"
	"countersign/internal/people"
)

// What the buttons under a host's card say.
const (
	DataPrefix = "mt:" // begins all of them
	admits     = "a:"
	declines   = "d:"
	joins      = "j:"
)

// Screen is what the card shows after a tap, and what whoever tapped is told. An empty
// Text leaves the card as it is.
type Screen struct {
	Text   string
	Answer string
}

// asked is a visitor as the host's answer finds him.
type asked struct {
	visit
	host   people.ID
	lobby  bool
	over   bool
	silent bool
}

// Tap acts on a button of a host's card: whoever is the host of that very meeting decides,
// and nobody else, nor somebody who may have come by his account only lately. The same tap
// again says what was decided.
func (d *Desk) Tap(ctx context.Context, p people.Person, lang locale.Lang, data string) (Screen, error) {
	rest, _ := strings.CutPrefix(data, DataPrefix)
	var to state
	switch {
	case strings.HasPrefix(rest, admits):
		to = admitted
	case strings.HasPrefix(rest, declines):
		to = declined
	}
	id := rest[min(len(rest), len(admits)):]
	if to == "" || !ident.Valid("mvs", id) {
		return Screen{Answer: lang.T("tap.button_invalid", nil)}, nil
	}
	if err := p.Power.Decides(d.now(), 0); err != nil {
		text, _ := Refusal(lang, err)
		return Screen{Answer: text}, nil
	}
	a, err := d.Store.decide(ctx, id, p.ID, to, d.now())
	if errors.Is(err, errNone) {
		return Screen{Answer: lang.T("meet.lobby.not_yours", nil)}, nil
	}
	if err != nil {
		return Screen{}, err
	}
	key := "meet.lobby." + string(a.State)
	switch {
	case a.over:
		key = "meet.lobby.over"
	case a.silent && a.State == to && to == admitted:
		key = "meet.lobby.gone"
	}
	text := lang.T(key, map[string]any{"Name": a.Name})
	return Screen{Text: text, Answer: text}, nil
}
