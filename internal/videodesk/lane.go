package videodesk

import (
	"context"
	"errors"
	"sync"

	"golang.org/x/sync/errgroup"
)

// lane is a server whose matters nobody else's wait for; the empty one is for those of the
// servers that are in the settings no more.
type lane string

func (d *Desk) lanes() []lane {
	out := []lane{""}
	for _, s := range d.Servers {
		out = append(out, lane(s.Name()))
	}
	return out
}

// each does a duty for all lanes at once.
func (d *Desk) each(ctx context.Context, duty func(context.Context, lane) error) error {
	lanes := d.lanes()
	faults := make([]error, len(lanes))
	var all sync.WaitGroup
	for i, l := range lanes {
		all.Go(func() { faults[i] = duty(ctx, l) })
	}
	all.Wait()
	return errors.Join(faults...)
}

// few does what is a lane's, a few at a time.
func few[T any](d *Desk, all []T, l lane, server func(T) string, do func(T) error) error {
	const atOnce = 4 // as many as a server is asked at a time
	faults := make([]error, len(all))
	var some errgroup.Group
	some.SetLimit(atOnce)
	for i, one := range all {
		if d.laneOf(server(one)) != l {
			continue
		}
		some.Go(func() error {
			faults[i] = do(one)
			return nil
		})
	}
	_ = some.Wait() // the faults stand beside it
	return errors.Join(faults...)
}

func (d *Desk) laneOf(server string) lane {
	if _, there := d.server(server); !there {
		return ""
	}
	return lane(server)
}
