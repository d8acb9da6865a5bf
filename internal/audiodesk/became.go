package audiodesk

import (
	"context"
	"errors"

	"countersign/internal/ident"
)

// ErrUnknown comes back where there is no such call of the source.s.
var ErrUnknown = errors.New("there is no such call")

// Became tells what became of a call that a source asked for. Those of others, and of people,
// are nobody's business there.
func (d *Desk) Became(ctx context.Context, source, id string) (Called, error) {
	if !ident.Valid("acl", id) {
		return Called{}, ErrUnknown
	}
	c, there, err := d.Store.call(ctx, id)
	if err == nil && (!there || c.Source != source) {
		err = ErrUnknown
	}
	if err != nil {
		return Called{}, err
	}
	return Called{ID: c.ID, Room: c.Number, State: string(c.State), Outcome: c.Outcome}, nil
}
