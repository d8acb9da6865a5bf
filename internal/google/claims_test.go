package google_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/google"
	"countersign/internal/google/googletest"
)

// set gives a change of one claim; nil takes it out.
func set(name string, value any) func(map[string]any) {
	return func(c map[string]any) {
		c[name] = value
		if value == nil {
			delete(c, name)
		}
	}
}

func later(name string, seconds int64) func(map[string]any) {
	return func(c map[string]any) { c[name] = c["iat"].(int64) + seconds }
}

func both(changes ...func(map[string]any)) func(map[string]any) {
	return func(c map[string]any) {
		for _, change := range changes {
			change(c)
		}
	}
}

// null is a claim that is there and says nothing.
type null struct{}

func (null) MarshalJSON() ([]byte, error) { return []byte("null"), nil }

func TestTokensWithAWrongWordAreRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(map[string]any)
		want   google.Reason // empty: fine
	}{
		"O-10 the issuer over http":       {set("iss", "http://accounts.google.com"), google.ReasonIssuer},
		"O-10 the issuer without scheme":  {set("iss", "accounts.google.com"), google.ReasonIssuer},
		"O-10 an issuer that looks alike": {func(c map[string]any) { c["iss"] = c["iss"].(string) + ".evil" }, google.ReasonIssuer},
		"O-10 an issuer with a slash":     {func(c map[string]any) { c["iss"] = c["iss"].(string) + "/" }, google.ReasonIssuer},
		"O-10 no issuer":                  {set("iss", nil), google.ReasonIssuer},

		"another audience":      {set("aud", "other"), google.ReasonAudience},
		"no audience":           {set("aud", nil), google.ReasonAudience},
		"a list of audiences":   {set("aud", []string{client, "other"}), google.ReasonAudience},
		"a list of us":          {set("aud", []string{client}), ""},
		"a list of us twice":    {set("aud", []string{client, client}), google.ReasonAudience},
		"a list of another":     {set("aud", []string{"other"}), google.ReasonAudience},
		"a list of nobody":      {set("aud", []string{}), google.ReasonAudience},
		"a list of a list":      {set("aud", [][]string{{client}}), google.ReasonAudience},
		"another party":         {set("azp", "other"), google.ReasonAudience},
		"a party of null":       {set("azp", null{}), google.ReasonAudience},
		"no party, which is ok": {set("azp", nil), ""},

		"O-11 no nonce":         {set("nonce", nil), google.ReasonNonce},
		"O-11 an empty nonce":   {set("nonce", ""), google.ReasonNonce},
		"O-11 another nonce":    {set("nonce", nonce+"2"), google.ReasonNonce},
		"O-11 a nonce in a row": {set("nonce", []string{nonce}), google.ReasonNonce},

		"expired":                 {both(later("iat", 0), later("exp", -60)), google.ReasonExpired},
		"expired within leeway":   {later("exp", -59), ""},
		"no end":                  {set("exp", nil), google.ReasonClaims},
		"an end in words":         {set("exp", "tomorrow"), google.ReasonClaims},
		"an end without end":      {set("exp", 1e300), google.ReasonClaims},
		"an end before all times": {set("exp", -1), google.ReasonClaims},
		"no beginning":            {set("iat", nil), google.ReasonClaims},
		"a fraction":              {set("iat", 1781956800.5), google.ReasonClaims},
		"issued in the future":    {later("iat", 61), google.ReasonClock},
		"issued within leeway":    {later("iat", 60), ""},
		"issued long ago":         {later("iat", -601), google.ReasonExpired},
		"issued a while ago":      {later("iat", -600), ""},
		"valid only later":        {later("nbf", 61), google.ReasonClock},
		"valid within leeway":     {later("nbf", 60), ""},
		"valid from some words":   {set("nbf", "now"), google.ReasonClaims},

		"O-16 no subject":           {set("sub", nil), google.ReasonSubject},
		"O-16 an empty subject":     {set("sub", ""), google.ReasonSubject},
		"O-16 a subject in numbers": {set("sub", 117), google.ReasonSubject},
		"O-16 a subject too long":   {set("sub", strings.Repeat("1", 256)), google.ReasonSubject},
		"O-16 a subject just right": {set("sub", strings.Repeat("1", 255)), ""},
		"O-16 a subject in letters": {set("sub", "117é"), google.ReasonSubject},
		"O-16 a subject with end":   {set("sub", "117\x00"), google.ReasonSubject},
		"O-16 a subject with blank": {set("sub", "117 "), google.ReasonSubject},

		"O-13 not verified":          {set("email_verified", false), google.ReasonUnverified},
		"O-13 verified in words":     {set("email_verified", "true"), google.ReasonUnverified},
		"O-13 verified in numbers":   {set("email_verified", 1), google.ReasonUnverified},
		"O-13 nothing about it":      {set("email_verified", nil), google.ReasonUnverified},
		"O-13 null about it":         {set("email_verified", null{}), google.ReasonUnverified},
		"no address":                 {set("email", nil), google.ReasonEmail},
		"an address in a list":       {set("email", []string{anna}), google.ReasonEmail},
		"an address without at":      {set("email", "anna.corp.example"), google.ReasonEmail},
		"an address with two":        {set("email", "anna@evil.example@corp.example"), google.ReasonEmail},
		"an address of nobody":       {set("email", "@corp.example"), google.ReasonEmail},
		"an address of nowhere":      {set("email", "anna@"), google.ReasonEmail},
		"an address in quotes":       {set("email", `"anna@x"@corp.example`), google.ReasonEmail},
		"an address with a blank":    {set("email", "anna @corp.example"), google.ReasonEmail},
		"an address with a line":     {set("email", "anna@corp.example\n"), google.ReasonEmail},
		"an address with a Kelvin":   {set("email", "anna@\u212aorp.example"), google.ReasonEmail},
		"an address in Cyrillic":     {set("email", "аnna@corp.example"), google.ReasonEmail},
		"an address from the right":  {set("email", "anna\u202e@corp.example"), google.ReasonEmail},
		"an address that ends so":    {set("email", "anna@corp.example."), google.ReasonEmail},
		"an address with two dots":   {set("email", "anna@corp..example"), google.ReasonEmail},
		"an address too long":        {set("email", strings.Repeat("a", 60)+"@"+strings.Repeat("b.", 100)+"example"), google.ReasonEmail},
		"an address with a name":     {set("email", "Anna <anna@corp.example>"), google.ReasonEmail},
		"an address with a plus, ok": {set("email", "anna+o'hara@corp.example"), ""},

		"O-14 no domain":            {set("hd", nil), google.ReasonDomain},
		"O-14 another domain":       {set("hd", "gmail.com"), google.ReasonDomain},
		"O-14 an empty domain":      {set("hd", ""), google.ReasonDomain},
		"O-14 a domain below ours":  {set("hd", "x.corp.example"), google.ReasonDomain},
		"O-14 domains in a list":    {set("hd", []string{"corp.example"}), google.ReasonDomain},
		"O-14 a disguised domain":   {set("hd", "corp.ex\u00adample"), google.ReasonDomain},
		"O-14 in capitals, is ok":   {set("hd", "CORP.example"), ""},
		"O-14 another address's ok": {set("email", "anna@corp-two.example"), ""},

		"a login in words, unasked": {set("auth_time", "yesterday"), ""},
		"what nobody knows":         {set("mystery", map[string]any{"a": []int{1}}), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t)
			d.Alter(tt.change)
			got, err := d.identify(t, anna)
			wantCalls(t, d, googletest.Token, 1)
			if tt.want != "" {
				wantReason(t, err, tt.want)
				if diff := cmp.Diff(google.Identity{}, got); diff != "" {
					t.Errorf("an identity with an error: %s", diff)
				}
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestO14TheDomainInTheRequestCountsForNothing(t *testing.T) {
	t.Parallel()
	d := open(t)
	address, err := d.Provider.SignIn(t.Context(), request())
	if err != nil || !strings.Contains(address, "hd=Corp.example") {
		t.Fatalf("%s: %v", address, err)
	}
	_, err = d.Identify(t.Context(), d.agree(t, address, boris), request())
	wantReason(t, err, google.ReasonDomain)
}

func TestClaimsThatStandTwiceAreRefused(t *testing.T) {
	t.Parallel()
	d := open(t)
	for _, payload := range []string{
		`{"sub":"1","sub":"2"}`, `{"a":{"b":1,"b":2}}`, `[]`, `null`, `"x"`, ``, `{`, `{} {}`, "{\"a\":\"\xff\"}",
	} {
		_, err := d.Judge([]byte(payload), request())
		wantReason(t, err, google.ReasonClaims)
	}
	_, err := d.Judge([]byte(`{"ISS":"`+d.URL()+`"}`), request())
	wantReason(t, err, google.ReasonIssuer)
}

func TestOtherIssuersAreAskedForTheDomainOfTheAddress(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		domains []string
		trust   bool
		change  func(map[string]any)
		want    google.Reason
	}{
		"ours":                          {[]string{"corp.EXAMPLE"}, false, set("hd", nil), ""},
		"one of ours":                   {[]string{"a.example", "corp.example"}, false, set("hd", "evil.example"), ""},
		"another":                       {[]string{"a.example"}, false, set("hd", "a.example"), google.ReasonDomain},
		"one below ours":                {[]string{"example"}, false, nil, google.ReasonDomain},
		"any":                           {nil, false, nil, ""},
		"nothing about it, trusted":     {nil, true, set("email_verified", nil), ""},
		"not verified, trusted":         {nil, true, set("email_verified", false), google.ReasonUnverified},
		"verified in words, trusted":    {nil, true, set("email_verified", "true"), google.ReasonUnverified},
		"null about it, trusted":        {nil, true, set("email_verified", null{}), google.ReasonUnverified},
		"two at signs, trusted":         {nil, true, both(set("email_verified", nil), set("email", "a@b@c.example")), google.ReasonEmail},
		"another and nothing, trusted ": {[]string{"a.example"}, true, set("email_verified", nil), google.ReasonDomain},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t)
			d.HostedDomainClaim, d.Domains, d.TrustEmail = false, tt.domains, tt.trust
			d.Alter(tt.change)
			got, err := d.identify(t, anna)
			switch {
			case tt.want != "":
				wantReason(t, err, tt.want)
			case err != nil || got.HostedDomain != "" || got.Email != "anna@corp.example":
				t.Errorf("%+v: %v", got, err)
			}
		})
	}
}

func TestATimeThatIsNoneIsNotHandedOn(t *testing.T) {
	t.Parallel()
	d := open(t)
	for _, value := range []any{int64(1) << 62, -1, "now", nil} {
		d.Alter(set("auth_time", value))
		if got, err := d.identify(t, anna); err != nil || !got.AuthTime.IsZero() {
			t.Errorf("%v: %v %v", value, got.AuthTime, err)
		}
	}
}

func TestAFreshLoginIsCheckedInTheToken(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(map[string]any)
		want   google.Reason
	}{
		"now":                {nil, ""},
		"within":             {later("auth_time", -360), ""},
		"too long ago":       {later("auth_time", -361), google.ReasonAuthTime},
		"in the future":      {later("auth_time", 61), google.ReasonAuthTime},
		"nobody knows":       {set("auth_time", nil), google.ReasonAuthTime},
		"in words":           {set("auth_time", "now"), google.ReasonAuthTime},
		"before all times":   {set("auth_time", -1), google.ReasonAuthTime},
		"after all the rest": {set("auth_time", int64(1)<<62), google.ReasonAuthTime},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, r := open(t), request()
			r.MaxAge = 5 * time.Minute
			d.Alter(tt.change)
			got, err := d.Identify(t.Context(), d.code(t, anna, r), r)
			switch {
			case tt.want != "":
				wantReason(t, err, tt.want)
			case err != nil || d.Now().Sub(got.AuthTime) > 6*time.Minute:
				t.Errorf("%+v: %v", got, err)
			}
		})
	}
}
