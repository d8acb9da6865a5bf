package doctor

import (
	"context"
	"sync"
	"time"

	"countersign/internal/trueconf"
)

// soonOver is when the end of a certificate is near.
const soonOver = 14 * 24 * time.Hour

// video looks at each video server: whether it is there, knows the gateway, lets it do what
// it must, and for how long its certificate is good.
func (d *Doctor) video(ctx context.Context) []Finding {
	results := make([][]Finding, len(d.Video))
	var all sync.WaitGroup
	for i, s := range d.Video {
		all.Go(func() { results[i] = d.videoServer(ctx, s) })
	}
	all.Wait()
	var found []Finding
	for _, r := range results {
		found = append(found, r...)
	}
	return found
}

func (d *Doctor) videoServer(ctx context.Context, s *trueconf.Server) []Finding {
	h := s.Health(ctx)
	wrong := func(err error) []Finding {
		return problem("doctor.video.wrong", data{"Server": s.Name(), "Why": d.VideoTrouble(err)})
	}
	for _, p := range []trueconf.Probe{h.Web, h.Login} {
		if p.Err != nil {
			return wrong(p.Err)
		}
	}
	running, err := s.Running(ctx) // each of them takes rights of its own
	if err != nil {
		return wrong(err)
	}
	if _, err := s.Online(ctx); err != nil {
		return wrong(err)
	}
	for _, c := range running[:min(1, len(running))] {
		if _, err := s.Participants(ctx, c); err != nil && trueconf.KindOf(err) != trueconf.NotFound {
			return wrong(err)
		}
	}
	version := any(h.Version)
	if h.Version == "" {
		version = "?"
	}
	found := ok("doctor.video.ok", data{"Server": s.Name(), "Version": version, "Count": len(running)})
	if h.Engine.Err != nil {
		found = append(found, warning("doctor.video.engine", data{"Server": s.Name(), "Why": d.VideoTrouble(h.Engine.Err)})...)
	}
	if !h.CertExpires.IsZero() && h.CertExpires.Sub(d.Now()) < soonOver {
		found = append(found, warning("doctor.video.certificate", data{"Server": s.Name(), "Time": h.CertExpires})...)
	}
	return found
}
