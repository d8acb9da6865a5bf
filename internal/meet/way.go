package meet

import (
	"context"
	"errors"
	"strings"
	"time"

	"countersign/internal/ident"
	"countersign/internal/locale"
	"countersign/internal/people"
	"countersign/internal/trueconf"
)

var errBusy = errors.New("a way in was asked for too often")

// Way is a way in for one of ours. Its address is a secret: it goes into his private chat
// and is kept nowhere.
type Way struct {
	Topic string
	Until time.Time
	URL   string
}

// Asked gives the link whose way in a button asks for; empty: it is another button.
func Asked(data string) string {
	link, mine := strings.CutPrefix(data, DataPrefix+joins)
	if !mine || !ident.Valid("mlk", link) {
		return ""
	}
	return link
}

// Way writes out the way in of a person, whoever asks: each is his alone, and all of them
// are one place in the meeting.
func (d *Desk) Way(ctx context.Context, p people.Person, link string) (Way, error) {
	if err := p.Power.Decides(d.now(), 0); err != nil { // in the meeting he would go by that person's name
		return Way{}, err
	}
	if d.Links != nil {
		if ok, _ := d.Links.Allow(link); !ok {
			return Way{}, errBusy
		}
	}
	token := newToken()
	e, err := d.Store.key(ctx, link, p.ID, token, d.now())
	return Way{Topic: e.Topic, Until: e.Expires, URL: d.url(token)}, err
}

// welcome reports why whoever's link it is may not come by it any more: he left, or his
// account, to which the link went, was taken from him.
func (d *Desk) welcome(ctx context.Context, e *entry) error {
	if e.Person == "" {
		return nil
	}
	dir, err := d.Directory.Snapshot(ctx)
	if err != nil {
		return err
	}
	if p, known := dir.Person(e.Person); !known || !p.Active || !p.Linked() || p.Power.Decides(d.now(), 0) != nil {
		return errRevoked
	}
	return nil
}

// Refusal says in words why a meeting was not made, or gives no way in. It reports false
// for a fault of our own.
func Refusal(lang locale.Lang, err error) (string, bool) {
	if key := refusal(err); key != "" {
		return lang.T(key, nil), true
	}
	return "", false
}

func refusal(err error) string {
	for _, known := range []struct {
		err error
		key string
	}{
		{ErrOff, "meet.call.off"},
		{ErrServer, "meet.call.off"},
		{ErrOwner, "meet.call.owner"},
		{errBusy, "meet.failed.busy"},
		{errNone, "meet.way.not_yours"},
		{errExpired, "meet.way.over"},
		{errRevoked, "meet.way.over"},
		{people.ErrUnconfirmed, "meet.call.not_yet"},
		{people.ErrCoolingOff, "meet.call.not_yet"},
	} {
		if errors.Is(err, known.err) {
			return known.key
		}
	}
	if _, ok := errors.AsType[*trueconf.Error](err); !ok {
		return ""
	}
	switch trueconf.KindOf(err) {
	case trueconf.Timeout, trueconf.Unreachable:
		return "meet.call.away"
	case trueconf.Fine, trueconf.Other, trueconf.Credentials, trueconf.Right, trueconf.BadRequest, trueconf.TLS, trueconf.TooOld, trueconf.NotFound, trueconf.NotSupported:
	}
	return "meet.call.refused"
}
