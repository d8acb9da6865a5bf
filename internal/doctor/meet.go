package doctor

import (
	"context"
	"slices"
	"strings"

	"countersign/internal/trueconf"
)

// Meetings is what the settings say of video meetings.
type Meetings struct {
	Wanted  bool             // a server is named for them
	Missing []string         // settings without which there are none
	Server  *trueconf.Server // nil: there is none of that name
	Owner   string           // who owns what its host cannot; empty: nobody does
}

// meetings looks whether people could meet: what is set, and whether the server has the
// owner and takes guests by the browser. The last it says only of a conference with guests
// that runs; none is made to find out.
func (d *Doctor) meetings(ctx context.Context) []Finding {
	m := d.Meet
	missing := data{"Settings": strings.Join(m.Missing, ", ")}
	switch {
	case !m.Wanted:
		return ok("doctor.meet.off", missing)
	case len(m.Missing) > 0 || m.Server == nil:
		return problem("doctor.meet.missing", missing)
	}
	wrong := func(err error) []Finding {
		return problem("doctor.meet.wrong", data{"Server": m.Server.Name(), "Why": d.VideoTrouble(err)})
	}
	running, err := m.Server.Running(ctx)
	if err != nil {
		return wrong(err)
	}
	if m.Owner != "" {
		there, err := m.Server.Knows(ctx, m.Owner)
		switch {
		case err != nil:
			return wrong(err)
		case !there:
			return problem("doctor.meet.owner", data{"Server": m.Server.Name(), "Owner": m.Owner})
		}
	}
	i := slices.IndexFunc(running, func(c trueconf.Conference) bool { return c.ID != "" && c.Guests == trueconf.Yes })
	if i < 0 {
		return ok("doctor.meet.untried", data{"Server": m.Server.Name()})
	}
	_, err = m.Server.Seat(ctx, running[i].ID, "countersign_doctor", "Countersign", "en")
	switch {
	case err == nil:
		return ok("doctor.meet.ok", data{"Server": m.Server.Name()})
	case trueconf.KindOf(err) == trueconf.NotSupported:
		return problem("doctor.meet.licence", data{"Server": m.Server.Name()})
	case trueconf.KindOf(err) == trueconf.NotFound: // it ended in this moment
		return ok("doctor.meet.untried", data{"Server": m.Server.Name()})
	default:
		return wrong(err)
	}
}
