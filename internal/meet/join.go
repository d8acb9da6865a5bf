package meet

import (
	"context"
	"errors"

	"countersign/internal/locale"
	"countersign/internal/trueconf"
)

// seat is what a visitor gets: he waits, or there is a way into the conference.
type seat struct {
	state  state
	url    string // carries a credential: it goes to the page and nowhere else
	origin string // of the server, for what the page listens to
}

// join takes a visitor in, as far as he may come now. The same again leads to the same:
// a page that is loaded anew makes no second conference.
func (d *Desk) join(ctx context.Context, k knock, lang locale.Lang) (seat, error) {
	const again, calls = 2, 4 // a conference may be removed on its server at any time; what it takes to make one
	ctx, cancel := d.briefly(ctx, calls)
	defer cancel()
	var err error
	for range again {
		var s seat
		if s, err = d.tryJoin(ctx, k, lang); !errors.Is(err, errOver) {
			return s, err
		}
	}
	return seat{}, err
}

func (d *Desk) tryJoin(ctx context.Context, k knock, lang locale.Lang) (seat, error) {
	e, err := d.Store.find(ctx, d.Store.Pool, k.token, k.browser)
	if err == nil {
		err = d.welcome(ctx, &e)
	}
	if err != nil {
		return seat{}, err
	}
	e, err = d.Store.enter(ctx, k, d.now())
	if err != nil {
		return seat{}, err
	}
	if e.visit.State == waiting {
		d.ring()
		return seat{state: waiting}, nil
	}
	srv, err := d.on(e.Server)
	if err != nil {
		return seat{}, err
	}
	err = d.stand(ctx, srv, &e)
	if trueconf.KindOf(err) == trueconf.NotFound { // it was deleted on the server
		return seat{}, errors.Join(errOver, d.over(ctx, e.room))
	}
	if err != nil {
		return seat{}, err
	}
	way, err := srv.Seat(ctx, e.room.conference, e.visit.ID, e.visit.Name, lang.Tag())
	if err != nil {
		return seat{}, err
	}
	there, err := d.Store.seated(ctx, &e, d.now())
	if err != nil || !there {
		return seat{state: left}, err
	}
	return seat{state: in, url: way.URL, origin: srv.Origin()}, nil
}
