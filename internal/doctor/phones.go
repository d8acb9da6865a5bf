package doctor

import (
	"context"
	"crypto/tls"
	"errors"
	"strings"
	"sync"
	"time"

	"countersign/internal/asterisk"
)

// Phones is what the settings say of the telephone exchange.
type Phones struct {
	Address  string
	Exchange func() (*asterisk.Client, error) // a line of its own; nil: none is set
	Prefixes []string                         // of the numbers that are called
	Sealed   bool                             // there is a key under which numbers are kept
}

const (
	lineTime  = 6 * time.Second // for the exchange to answer
	heardTime = 2 * time.Second // to hear of a call that comes to nothing
	lookEvery = 10 * time.Millisecond
)

// phones looks whether the exchange is reached, knows the gateway, has its dialplan and lets
// it do what it must, and whether anybody could be called. It rings nobody.
func (d *Doctor) phones(ctx context.Context) []Finding {
	p := d.Phones
	if p.Exchange == nil {
		return ok("doctor.phones.off", nil)
	}
	var found []Finding
	if len(p.Prefixes) == 0 {
		found = append(found, problem("doctor.phones.nobody", nil)...)
	}
	if !p.Sealed {
		found = append(found, problem("doctor.phones.unsealed", nil)...)
	}
	line, err := p.Exchange()
	if err != nil {
		return append(found, problem("doctor.phones.settings", data{"Why": err})...)
	}
	ctx, cancel := context.WithTimeout(ctx, lineTime+heardTime)
	defer cancel()
	var running sync.WaitGroup
	running.Go(func() { _ = line.Run(ctx) }) // it ends with its context
	defer func() { cancel(); running.Wait() }()
	if err := connected(ctx, line); err != nil {
		return append(found, p.wrong(err)...)
	}
	if err := line.Rights(ctx, heardTime); err != nil {
		return append(found, p.wrong(err)...)
	}
	rooms, err := line.Rooms(ctx)
	if err != nil {
		return append(found, p.wrong(err)...)
	}
	return append(found, ok("doctor.phones.ok", data{
		"Address": p.Address, "Version": line.State().Version, "Prefixes": strings.Join(p.Prefixes, ", "), "Count": len(rooms),
	})...)
}

// connected waits until a line is up, or has failed once.
func connected(ctx context.Context, line *asterisk.Client) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		switch now := line.State(); {
		case now.Up:
			return nil
		case now.Err != nil:
			return now.Err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// wrong says what is wrong with the exchange, and what to do.
func (p *Phones) wrong(err error) []Finding {
	what := data{"Address": p.Address, "Why": err}
	e, known := errors.AsType[*asterisk.Error](err)
	_, certificate := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case errors.Is(err, asterisk.ErrLogin):
		return problem("doctor.phones.login", what)
	case errors.Is(err, asterisk.ErrForbidden) && known:
		what["Right"] = e.Right
		return problem("doctor.phones.right", what)
	case errors.Is(err, asterisk.ErrNotReady) && known && e.Action == "ShowDialPlan":
		return problem("doctor.phones.dialplan", what)
	case errors.Is(err, asterisk.ErrNotReady):
		return problem("doctor.phones.starting", what)
	case errors.Is(err, asterisk.ErrProtocol):
		return problem("doctor.phones.protocol", what)
	case certificate:
		return problem("doctor.phones.certificate", what)
	default:
		return problem("doctor.phones.away", what)
	}
}
