package doctor

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"countersign/internal/telegram"
)

const (
	fresh    = 5 * time.Minute // a complaint of Telegram's counts as of now
	stale    = 24 * time.Hour  // and as history
	mostWait = 100             // updates at Telegram that are no reason to worry
	header   = "X-Telegram-Bot-Api-Secret-Token"
)

// webhook looks at what Telegram says of its deliveries.
func (d *Doctor) webhook(ctx context.Context) []Finding {
	info, err := d.Telegram.GetWebhookInfo(ctx)
	if err != nil {
		return warning("doctor.webhook.unknown", data{"Why": err})
	}
	resolved := func(host string) []netip.Addr {
		found, err := lookUp(ctx, host)
		if err != nil {
			return nil // the address itself says so
		}
		return found
	}
	return d.Address.delivers(info, d.Now(), resolved)
}

// delivers says what is wrong with a webhook; resolved gives the addresses of a host now.
func (a Address) delivers(info telegram.WebhookInfo, now time.Time, resolved func(host string) []netip.Addr) []Finding {
	at := data{"Address": a.hook(), "Found": shown(info.URL), "Pending": info.Pending}
	switch info.URL {
	case "":
		return problem("doctor.webhook.unset", at)
	case a.hook():
	default:
		return problem("doctor.webhook.foreign", at)
	}
	var found []Finding
	if lacks := missing(info.Allowed); len(lacks) > 0 {
		found = append(found, problem("doctor.webhook.kinds", data{"Kinds": strings.Join(lacks, ", ")})...)
	}
	switch own := len(a.Certificate) > 0; {
	case own && !info.Custom:
		found = append(found, problem("doctor.webhook.copy_lacking", at)...)
	case !own && info.Custom:
		found = append(found, problem("doctor.webhook.copy_stale", at)...)
	}
	found = append(found, complaint(info, now)...)
	if u, err := url.Parse(a.URL); err == nil && info.IP != "" {
		ips := resolved(u.Hostname())
		if ip, err := netip.ParseAddr(info.IP); err == nil && len(ips) > 0 && !slices.Contains(ips, ip.Unmap()) {
			found = append(found, warning("doctor.webhook.ip", data{"IP": info.IP, "Host": u.Hostname(), "Found": ips[0].String()})...)
		}
	}
	if info.MaxConnections != 0 && info.MaxConnections != a.Connections {
		found = append(found, warning("doctor.webhook.connections", data{"Found": info.MaxConnections, "Wanted": a.Connections})...)
	}
	if info.Pending > mostWait {
		found = append(found, warning("doctor.webhook.pending", at)...)
	}
	if len(found) == 0 {
		return ok("doctor.webhook.ok", at)
	}
	return found
}

// missing are the kinds of update that Telegram keeps back; it lists none where all come.
func missing(allowed []string) []string {
	if len(allowed) == 0 {
		return nil
	}
	return slices.DeleteFunc(telegram.AllowedUpdates(), func(kind string) bool { return slices.Contains(allowed, kind) })
}

// shown is an address without what may be a secret in it.
func shown(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "?"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// complaint is the last delivery that failed, if that is not long ago: Telegram goes on
// telling of it when all is well again.
func complaint(info telegram.WebhookInfo, now time.Time) []Finding {
	if info.LastErrorDate == 0 {
		return nil
	}
	age := now.Sub(time.Unix(info.LastErrorDate, 0))
	at := data{"Age": age, "Why": meaning(info.LastError)}
	switch {
	case age < fresh:
		return problem("doctor.webhook.error", at)
	case age < stale:
		return warning("doctor.webhook.error", at)
	}
	return nil
}

// meaning translates what Telegram says of a delivery that failed.
func meaning(text string) Said {
	lower := strings.ToLower(text)
	for _, row := range []struct {
		key   string
		texts []string
	}{
		{"doctor.delivery.secret", []string{"response from the webhook: 401"}},
		{"doctor.delivery.forbidden", []string{"response from the webhook: 403"}},
		{"doctor.delivery.path", []string{"response from the webhook: 404", "response from the webhook: 405", "response from the webhook: 3"}},
		{"doctor.delivery.large", []string{"response from the webhook: 413"}},
		{"doctor.delivery.gateway", []string{"response from the webhook: 502", "response from the webhook: 503", "response from the webhook: 504"}},
		{"doctor.delivery.server", []string{"response from the webhook: 5"}},
		{"doctor.delivery.timeout", []string{"timeout expired", "timed out"}},
		{"doctor.delivery.refused", []string{"connection refused", "no route to host", "network is unreachable"}},
		{"doctor.delivery.cut", []string{"reset by peer", "connection closed", "broken pipe"}},
		{"doctor.delivery.certificate", []string{"ssl error", "certificate"}},
		{"doctor.delivery.name", []string{"resolve host", "name or service not known", "no address associated"}},
	} {
		if slices.ContainsFunc(row.texts, func(t string) bool { return strings.Contains(lower, t) }) {
			return Said{Key: row.key, Data: data{"Said": text}}
		}
	}
	return Said{Key: "doctor.delivery.other", Data: data{"Said": text}}
}

// secret knocks as Telegram would, with nothing in its hands: a wrong secret must be turned
// away, and only a door that does so is shown the right one. What is asked then has a form
// that no update has, so that nothing is stored.
func (d *Doctor) secret(ctx context.Context) []Finding {
	right, err := d.Secret(ctx)
	if err != nil {
		return warning("doctor.secret.unread", data{"Why": err})
	}
	status, err := d.Address.knock(ctx, rand.Text())
	switch {
	case err != nil:
		return warning("doctor.secret.untried", data{"Why": err})
	case status != http.StatusUnauthorized:
		return problem("doctor.secret.open", data{"Address": d.Address.hook(), "Status": status})
	case right == "":
		return warning("doctor.secret.none", nil)
	}
	switch status, err = d.Address.knock(ctx, right.Reveal()); {
	case err != nil:
		return warning("doctor.secret.untried", data{"Why": err})
	case status == http.StatusUnauthorized:
		return problem("doctor.secret.refused", nil)
	case status != http.StatusUnsupportedMediaType:
		return problem("doctor.secret.open", data{"Address": d.Address.hook(), "Status": status})
	}
	return ok("doctor.secret.ok", nil)
}

// knock asks the webhook for nothing, with a secret.
func (a Address) knock(ctx context.Context, secret string) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.hook(), strings.NewReader("doctor"))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "text/plain")
	req.Header.Set(header, secret)
	resp, err := a.client().Do(req)
	if err != nil {
		return 0, plain(err)
	}
	return resp.StatusCode, resp.Body.Close()
}

// polling looks whether updates can be asked for, and whether somebody does.
func (d *Doctor) polling(ctx context.Context) []Finding {
	info, err := d.Telegram.GetWebhookInfo(ctx)
	if err != nil {
		return warning("doctor.webhook.unknown", data{"Why": err})
	}
	s, err := d.Updates(ctx)
	switch {
	case err != nil:
		return problem("doctor.unread", data{"Why": err})
	case info.URL != "":
		return problem("doctor.polling.hook", data{"Found": shown(info.URL)})
	case s.Conflict >= 0 && s.Conflict < fresh:
		return problem("doctor.polling.conflict", data{"Age": s.Conflict})
	case !s.Polled:
		return warning("doctor.polling.idle", data{"Pending": info.Pending})
	case info.Pending > mostWait:
		return warning("doctor.webhook.pending", data{"Pending": info.Pending})
	}
	return ok("doctor.polling.ok", data{"Pending": info.Pending})
}
