package google

import (
	"crypto/subtle"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	leeway      = time.Minute // between the issuer's clock and ours
	oldestToken = 10 * time.Minute
	longSubject = 255
	latest      = 1 << 40 // seconds; later is no time
)

// claims is what a token says, word by word: each is used only if it has the right type.
type claims map[string]jsontext.Value

// judge checks everything that a token says.
func (p *Provider) judge(payload []byte, r Request) (Identity, error) {
	var c claims
	if json.Unmarshal(payload, &c) != nil || c == nil { // it also refuses a name that stands twice
		return Identity{}, refused(ReasonClaims)
	}
	if reason := p.addressed(c, r); reason != "" {
		return Identity{}, refused(reason)
	}
	id := Identity{Issuer: p.Issuer}
	for _, check := range []func(claims, *Identity) Reason{
		func(c claims, id *Identity) Reason { return timely(c, id, p.Now()) },
		about, p.reachable, p.admitted,
		func(c claims, id *Identity) Reason { return recent(c, id, p.Now(), r.MaxAge) },
	} {
		if reason := check(c, &id); reason != "" {
			return Identity{}, refused(reason)
		}
	}
	return id, nil
}

// addressed tells whether the token is from the issuer, for us and for this attempt.
func (p *Provider) addressed(c claims, r Request) Reason {
	if issuer, ok := c.text("iss"); !ok || issuer != p.Issuer {
		return ReasonIssuer
	}
	if !c.only("aud", p.ClientID) {
		return ReasonAudience
	}
	if party, ok := c.text("azp"); c["azp"] != nil && (!ok || party != p.ClientID) {
		return ReasonAudience
	}
	nonce, ok := c.text("nonce")
	if !ok || r.Nonce == "" || subtle.ConstantTimeCompare([]byte(nonce), []byte(r.Nonce)) != 1 {
		return ReasonNonce
	}
	return ""
}

func timely(c claims, id *Identity, now time.Time) Reason {
	issued, fine := c.moment("iat")
	expires, also := c.moment("exp")
	if !fine || !also {
		return ReasonClaims
	}
	id.IssuedAt = issued
	if begins, ok := c.moment("nbf"); c["nbf"] != nil {
		if !ok {
			return ReasonClaims
		}
		if begins.After(issued) {
			issued = begins
		}
	}
	switch {
	case issued.Sub(now) > leeway:
		return ReasonClock
	case now.Sub(id.IssuedAt) > oldestToken, now.Sub(expires) >= leeway:
		return ReasonExpired
	}
	return ""
}

func about(c claims, id *Identity) Reason {
	var ok bool
	if id.Subject, ok = c.text("sub"); !ok || id.Subject == "" || len(id.Subject) > longSubject || !isPrintable(id.Subject) {
		return ReasonSubject
	}
	return ""
}

func (p *Provider) reachable(c claims, id *Identity) Reason {
	verified, told := c["email_verified"]
	unsaid := p.TrustEmail && !told
	if !unsaid && verified.Kind() != jsontext.KindTrue { // "true" is a text, not a truth
		return ReasonUnverified
	}
	email, ok := c.text("email")
	if !ok || !isMail(email) {
		return ReasonEmail
	}
	id.Email = strings.ToLower(email)
	return ""
}

// admitted looks at the domain. Where the claim hd counts, the one that was asked for does
// not: anybody can change the address that a browser opens.
func (p *Provider) admitted(c claims, id *Identity) Reason {
	_, domain, _ := strings.Cut(id.Email, "@")
	if p.HostedDomainClaim {
		hosted, ok := c.text("hd")
		if c["hd"] != nil && (!ok || !isDomain(hosted)) {
			return ReasonDomain
		}
		domain = strings.ToLower(hosted)
		id.HostedDomain = domain
	}
	same := func(d string) bool { return strings.ToLower(d) == domain }
	if len(p.Domains) > 0 && !slices.ContainsFunc(p.Domains, same) {
		return ReasonDomain
	}
	return ""
}

func recent(c claims, id *Identity, now time.Time, most time.Duration) Reason {
	at, ok := c.moment("auth_time")
	if ok {
		id.AuthTime = at
	}
	if most > 0 && (!ok || now.Sub(at) > most+leeway || at.Sub(now) > leeway) {
		return ReasonAuthTime
	}
	return ""
}

func (c claims) text(name string) (string, bool) {
	if c[name].Kind() != jsontext.KindString {
		return "", false
	}
	var text string
	err := json.Unmarshal(c[name], &text)
	return text, err == nil
}

// only tells whether a claim is this text, alone or in a list of one: some issuers, such as
// Ory Hydra, always write a list. One that names others besides is theirs to use, too.
func (c claims) only(name, text string) bool {
	if c[name].Kind() != jsontext.KindBeginArray {
		one, ok := c.text(name)
		return ok && one == text
	}
	var list []jsontext.Value
	if json.Unmarshal(c[name], &list) != nil || len(list) != 1 {
		return false
	}
	one, ok := claims{name: list[0]}.text(name)
	return ok && one == text
}

func (c claims) moment(name string) (time.Time, bool) {
	if c[name].Kind() != jsontext.KindNumber {
		return time.Time{}, false
	}
	var seconds int64
	if json.Unmarshal(c[name], &seconds) != nil || seconds < 0 || seconds > latest {
		return time.Time{}, false
	}
	return time.Unix(seconds, 0).UTC(), true
}

// isPrintable takes visible ASCII, and blanks within.
func isPrintable(text string) bool {
	return strings.TrimSpace(text) == text && !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' })
}

// isMail takes an address of plain letters. One that is quoted or international could be
// taken for another, and no company gives such to its people.
func isMail(text string) bool {
	const longest, longLocal = 254, 64
	local, domain, _ := strings.Cut(strings.ToLower(text), "@")
	return isPrintable(text) && len(text) <= longest && len(local) <= longLocal &&
		isDotted(local, letters+digits+"!#$%&'*+-/=?^_`{|}~") && isDomain(domain)
}

func isDomain(text string) bool {
	return isPrintable(text) && isDotted(strings.ToLower(text), letters+digits+"-")
}

// isDotted takes words of the given letters with single dots between them.
func isDotted(text, letters string) bool {
	for word := range strings.SplitSeq(text, ".") {
		if word == "" || strings.Trim(word, letters) != "" {
			return false
		}
	}
	return true
}
