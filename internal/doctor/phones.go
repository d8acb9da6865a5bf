package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"countersign/internal/asterisk"
)

// Phones is what the settings say of the telephone exchange.
type Phones struct {
	Address  string
	Exchange func() (*asterisk.Client, error) // a line of its own; nil: none is set
	Files    *asterisk.Spool                  // for call files; nil: calls are asked for otherwise
	Prefixes []string                         // of the numbers that are called
	Sealed   bool                             // there is a key under which numbers are kept
}

const (
	lineTime  = 6 * time.Second // for the exchange to answer
	heardTime = 2 * time.Second // to hear of a call that comes to nothing
	lookEvery = 10 * time.Millisecond

	soonLine = 30 * 24 * time.Hour // a certificate is warned of
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
	if p.Files != nil {
		if err := p.Files.Check(); err != nil {
			return append(found, filesWrong(err)...)
		}
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
	has, err := line.Try(ctx, heardTime)
	if err != nil {
		return append(found, p.wrong(err)...)
	}
	rooms, err := line.Rooms(ctx)
	if err != nil {
		return append(found, p.wrong(err)...)
	}
	now := line.State()
	if left := now.Until.Sub(d.Now()); !now.Until.IsZero() && left < soonLine {
		found = append(found, warning("doctor.phones.certificate_ends", data{"Address": p.Address, "Until": now.Until})...)
	}
	if found = append(found, p.lacks(has)...); Failed(found) == 0 {
		found = append(found, ok("doctor.phones.ok", data{
			"Address": p.Address, "Version": now.Version, "Prefixes": strings.Join(p.Prefixes, ", "), "Count": len(rooms),
		})...)
	}
	return append(found, clocks("Asterisk", now.Ahead)...)
}

// lacks says what the exchange does not have, and what to do.
func (p *Phones) lacks(has asterisk.Check) []Finding {
	var found []Finding
	for _, right := range has.Lacks {
		found = append(found, problem("doctor.phones.deaf", data{"Address": p.Address, "Right": right})...)
	}
	if len(has.Modules) > 0 {
		found = append(found, problem("doctor.phones.modules", data{"Modules": strings.Join(has.Modules, ", "), "Load": has.Modules[0]})...)
	}
	switch {
	case has.Old && len(has.Lacks) == 0:
		found = append(found, warning("doctor.phones.old", data{"Address": p.Address})...)
	case has.Trunk == asterisk.TrunkUnknown:
		found = append(found, problem("doctor.phones.trunk_unknown", nil)...)
	case has.Trunk == asterisk.TrunkAway:
		found = append(found, problem("doctor.phones.trunk_away", nil)...)
	}
	byTongue := map[string][]string{}
	for _, name := range has.Prompts {
		tongue, _, _ := strings.Cut(name, "/")
		byTongue[tongue] = append(byTongue[tongue], name)
	}
	for _, tongue := range slices.Sorted(maps.Keys(byTongue)) {
		key := "doctor.phones.prompts"
		if tongue == "en" { // what is spoken where another one lacks them
			key = "doctor.phones.prompts_english"
		}
		found = append(found, warning(key, data{"Language": tongue, "Files": strings.Join(byTongue[tongue], ", ")})...)
	}
	return found
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
	seen, certificate := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case known && e.Action == "call file" && errors.Is(err, asterisk.ErrRefused):
		return problem("doctor.phones.files_untaken", data{"Folder": p.Files.Outgoing})
	case certificate && len(seen.UnverifiedCertificates) > 0:
		return p.stranger(seen, what)
	case errors.Is(err, asterisk.ErrLogin):
		return problem("doctor.phones.login", what)
	case errors.Is(err, asterisk.ErrForbidden) && known:
		what["Right"] = e.Right
		return problem("doctor.phones.right", what)
	case errors.Is(err, asterisk.ErrNotReady) && known && e.Action == "ShowDialPlan":
		return problem("doctor.phones.dialplan", what)
	case errors.Is(err, asterisk.ErrNotReady) && known && e.Action == "ConfbridgeListRooms":
		return problem("doctor.phones.modules", data{"Modules": "app_confbridge", "Load": "app_confbridge"})
	case errors.Is(err, asterisk.ErrNotReady):
		return problem("doctor.phones.starting", what)
	case errors.Is(err, asterisk.ErrProtocol):
		return problem("doctor.phones.protocol", what)
	default:
		return problem("doctor.phones.away", what)
	}
}

// filesWrong says why call files cannot be put.
func filesWrong(err error) []Finding {
	e, _ := errors.AsType[*asterisk.SpoolError](err)
	if e == nil {
		e = &asterisk.SpoolError{Err: err}
	}
	key := map[asterisk.SpoolFault]string{
		asterisk.SpoolBroken: "doctor.phones.files_broken", asterisk.SpoolMissing: "doctor.phones.files_missing", asterisk.SpoolDenied: "doctor.phones.files_denied",
		asterisk.SpoolApart: "doctor.phones.files_apart", asterisk.SpoolOwner: "doctor.phones.files_owner",
	}[e.Fault]
	return problem(key, data{"Folder": e.Folder, "Why": e.Err})
}

// stranger says why a certificate is not good.
func (p *Phones) stranger(seen *tls.CertificateVerificationError, what data) []Finding {
	leaf := seen.UnverifiedCertificates[0]
	invalid, _ := errors.AsType[x509.CertificateInvalidError](seen)
	_, name := errors.AsType[x509.HostnameError](seen)
	switch {
	case invalid.Reason == x509.Expired && invalid.Cert != nil:
		what["From"], what["Until"] = invalid.Cert.NotBefore, invalid.Cert.NotAfter
		return problem("doctor.phones.certificate_ended", what)
	case name:
		what["Names"] = names(leaf)
		return problem("doctor.phones.certificate_name", what)
	default:
		return problem("doctor.phones.certificate", what)
	}
}
