package directory_test

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/directory"
	"countersign/internal/secret"
)

func (h house) mustCreateKey(tb testing.TB, n directory.NewKey) (directory.Key, secret.Text) {
	tb.Helper()
	k, text, err := h.CreateKey(tb.Context(), "admin", n)
	if err != nil {
		tb.Fatal(err)
	}
	return k, text
}

func erpKey() directory.NewKey {
	return directory.NewKey{Source: "erp1c", Name: "production", Scopes: []directory.Scope{directory.DecisionsRead, directory.DocumentsWrite, directory.DecisionsRead}}
}

func TestKeyIsCreatedListedUsedAndRevoked(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	k, text := h.mustCreateKey(t, erpKey())
	want := directory.Key{
		ID: k.ID, Source: "erp1c", Name: "production", Scopes: []directory.Scope{directory.DocumentsWrite, directory.DecisionsRead},
		CreatedAt: h.clock.Now(), ExpiresAt: h.clock.Now().Add(directory.Year),
	}
	if d := cmp.Diff(want, k); d != "" {
		t.Error(d)
	}
	if !regexp.MustCompile(`^csk_[a-z2-7]{12}$`).MatchString(k.ID) || !regexp.MustCompile(`^`+k.ID+`_[A-Za-z0-9_-]{43}_[A-Za-z0-9_-]{6}$`).MatchString(text.Reveal()) {
		t.Errorf("id %s, secret of %d characters", k.ID, len(text))
	}
	if !k.Allows(directory.DecisionsRead) || k.Allows(directory.Consume) {
		t.Errorf("scopes %v", k.Scopes)
	}
	got, err := h.Authenticate(t.Context(), "", text.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	want.LastUsedOn = time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	listed, err := h.ListKeys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]directory.Key{want}, listed); d != "" {
		t.Error(d)
	}
	for range 2 {
		if err := h.RevokeKey(t.Context(), "admin", k.ID); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.Authenticate(t.Context(), k.ID, text.Reveal()); !errors.Is(err, directory.ErrUnauthorized) {
		t.Errorf("revoked: %v", err)
	}
	if d := cmp.Diff([]string{"key.created by admin", "key.revoked by admin"}, h.journal(t, k.ID)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"source.added by admin"}, h.journal(t, "erp1c")); d != "" {
		t.Error(d)
	}
	for _, id := range []string{"csk_aaaaaaaaaaaa", "", "csk_\x00"} {
		if err := h.RevokeKey(t.Context(), "admin", id); !errors.Is(err, directory.ErrUnknown) {
			t.Errorf("revoke %q: %v", id, err)
		}
	}
}

// sealed gives the text its right checksum, as somebody who knows the form would.
func sealed(text string) string {
	var sum [4]byte
	binary.BigEndian.PutUint32(sum[:], crc32.ChecksumIEEE([]byte(text)))
	return text + "_" + base64.RawURLEncoding.EncodeToString(sum[:])
}

func TestEveryKeyThatDoesNotOpenIsRefusedTheSameWay(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	k, text := h.mustCreateKey(t, erpKey())
	other, otherText := h.mustCreateKey(t, directory.NewKey{Source: "other", Name: "o", Scopes: directory.Scopes()})
	revoked, revokedText := h.mustCreateKey(t, erpKey())
	if err := h.RevokeKey(t.Context(), "admin", revoked.ID); err != nil {
		t.Fatal(err)
	}
	brief := erpKey()
	brief.ExpiresAt = h.clock.Now().Add(time.Minute)
	_, expiredText := h.mustCreateKey(t, brief)
	h.clock.advance(time.Minute) // to the very moment of expiry

	good := text.Reveal()
	body := good[len(k.ID)+1 : len(good)-7]
	zeros := strings.Repeat("A", 43)
	tests := map[string]struct{ id, presented string }{
		"nothing":                    {"", ""},
		"id without secret":          {k.ID, ""},
		"id as secret":               {k.ID, k.ID},
		"body alone":                 {k.ID, body},
		"without checksum":           {"", good[:len(good)-7]},
		"wrong checksum":             {"", good[:len(good)-1] + string(flip(good[len(good)-1]))},
		"mistyped body":              {"", good[:20] + string(flip(good[20])) + good[21:]},
		"other body, right checksum": {"", sealed(k.ID + "_" + zeros)},
		"other body of a fresh key":  {"", sealed(other.ID + "_" + zeros)},
		"unknown id":                 {"", sealed("csk_aaaaaaaaaaaa_" + zeros)},
		"id of another key":          {other.ID, good},
		"body of another key":        {"", sealed(k.ID + "_" + otherText.Reveal()[len(other.ID)+1:len(good)-7])},
		"id in capitals":             {strings.ToUpper(k.ID), good},
		"secret in capitals":         {"", strings.ToUpper(good)},
		"space behind":               {"", good + " "},
		"line break inside":          {"", sealed(k.ID + "_" + zeros[:42] + "\n")},
		"zero byte":                  {"", sealed("csk_aaaaaaaaaaa\x00_" + zeros)},
		"not UTF-8":                  {"", sealed("csk_aaaaaaaaaaa\xff_" + zeros)},
		"quotation":                  {"", sealed("csk_aaaaaaaa' or_" + zeros)},
		"very long":                  {"", strings.Repeat(good, 1000)},
		"revoked":                    {revoked.ID, revokedText.Reveal()},
		"expired":                    {"", expiredText.Reveal()},
	}
	for name, tc := range tests {
		got, err := h.Authenticate(t.Context(), tc.id, tc.presented)
		if err != directory.ErrUnauthorized || !cmp.Equal(got, directory.Key{}) { //nolint:errorlint // the very same, with nothing around it
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if n := ask[int](t, h.app, "select count(*) from api_key where last_used_on is not null"); n != 0 {
		t.Errorf("%d keys count as used", n)
	}
	for _, id := range []string{"", k.ID} {
		if got, err := h.Authenticate(t.Context(), id, good); err != nil || got.Source != "erp1c" {
			t.Errorf("the right one: %+v, %v", got, err)
		}
	}
	if n := ask[int](t, h.app, "select count(*) from api_key where last_used_on is not null"); n != 1 {
		t.Errorf("%d keys count as used", n)
	}
}

func flip(c byte) byte {
	if c == 'A' {
		return 'B'
	}
	return 'A'
}

func TestUseOfAKeyIsStoredOnceADay(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	k, text := h.mustCreateKey(t, erpKey())
	row := func() string {
		return ask[string](t, h.app, "select xmin::text || ' ' || coalesce(last_used_on::text, 'never') from api_key where id = $1", k.ID)
	}
	use := func() {
		if _, err := h.Authenticate(t.Context(), "", text.Reveal()); err != nil {
			t.Fatal(err)
		}
	}
	before := h.version(t)
	use()
	first := row()
	h.clock.advance(14 * time.Hour)
	use()
	if got := row(); got != first || !strings.HasSuffix(first, " 2026-11-20") {
		t.Errorf("written again on the same day: %q, %q", first, got)
	}
	h.clock.advance(time.Hour)
	use()
	if got := row(); !strings.HasSuffix(got, " 2026-11-21") {
		t.Errorf("the next day: %q", got)
	}
	if v := h.version(t); v != before {
		t.Errorf("using a key is no change of the directory: %d, %d", before, v)
	}
}

func TestSecretIsNowhereButInTheAnswer(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	k, text := h.mustCreateKey(t, erpKey())
	shown := fmt.Sprintf("%v %+v %#v %s %q %x", text, k, text, text, text, text)
	if b, err := json.Marshal(map[string]any{"key": k, "secret": text}); err != nil {
		t.Error(err)
	} else {
		shown += string(b)
	}
	dump := ask[string](t, h.owner, "select string_agg(k::text, ' ') from api_key k") +
		ask[string](t, h.owner, "select string_agg(j::text, ' ') from directory_journal j")
	secretPart := text.Reveal()[len(k.ID)+1:]
	if strings.Contains(shown, secretPart) || strings.Contains(dump, secretPart) {
		t.Error("the secret leaks")
	}
	if !strings.Contains(dump, k.ID) {
		t.Error("the dump shows nothing")
	}
}

func TestKeyIsNotMade(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	now := h.clock.Now()
	tests := map[string]struct {
		spoil func(*directory.NewKey)
		want  string
	}{
		"no source":          {func(n *directory.NewKey) { n.Source = "" }, "source"},
		"source in capitals": {func(n *directory.NewKey) { n.Source = "ERP" }, "source"},
		"source with slash":  {func(n *directory.NewKey) { n.Source = "a/b" }, "source"},
		"source begins odd":  {func(n *directory.NewKey) { n.Source = ".." }, "source"},
		"long source":        {func(n *directory.NewKey) { n.Source = strings.Repeat("s", 65) }, "source"},
		"no name":            {func(n *directory.NewKey) { n.Name = "" }, "name is missing"},
		"control in name":    {func(n *directory.NewKey) { n.Name = "a\x1bb" }, "control"},
		"no scopes":          {func(n *directory.NewKey) { n.Scopes = nil }, "no scopes"},
		"unknown scope":      {func(n *directory.NewKey) { n.Scopes = []directory.Scope{"root"} }, `unknown scopes "root"`},
		"expired":            {func(n *directory.NewKey) { n.ExpiresAt = now }, "has passed"},
		"too long a life":    {func(n *directory.NewKey) { n.ExpiresAt = now.Add(367 * 24 * time.Hour) }, "more than a year"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := erpKey()
			tc.spoil(&n)
			k, text, err := h.CreateKey(t.Context(), "admin", n)
			if !errors.Is(err, directory.ErrInvalid) || !strings.Contains(err.Error(), tc.want) || text != "" || k.ID != "" {
				t.Errorf("%+v, %v", k, err)
			}
		})
	}
	n := erpKey()
	n.ExpiresAt = now.Add(366 * 24 * time.Hour)
	if k, _ := h.mustCreateKey(t, n); !k.ExpiresAt.Equal(n.ExpiresAt) {
		t.Errorf("a leap year: %v", k.ExpiresAt)
	}
}

func TestParseScopes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		want []directory.Scope
		bad  string
	}{
		"all":                          {want: directory.Scopes()},
		" all ":                        {want: directory.Scopes()},
		"consume":                      {want: []directory.Scope{directory.Consume}},
		"consume, documents:write ,":   {want: []directory.Scope{directory.DocumentsWrite, directory.Consume}},
		"consume,consume":              {want: []directory.Scope{directory.Consume}},
		"":                             {bad: "no scopes; known are documents:write, documents:read, decisions:read, consume, events:read, webhooks:manage, directory:write, notices:write"},
		"documents:delete,consume,*":   {bad: `unknown scopes "documents:delete", "*"`},
		"all,consume":                  {bad: `unknown scopes "all"`},
		"Consume":                      {bad: `unknown scopes "Consume"`},
		strings.Repeat("x", 1_000_000): {bad: "…"},
	}
	for text, tc := range tests {
		t.Run(text[:min(len(text), 30)], func(t *testing.T) {
			t.Parallel()
			got, err := directory.ParseScopes(text)
			if tc.bad == "" && (err != nil || !slices.Equal(got, tc.want)) {
				t.Errorf("%v, %v", got, err)
			}
			if again, err := directory.ParseScopes(directory.FormatScopes(got)); tc.bad == "" && (err != nil || !slices.Equal(again, got)) {
				t.Errorf("read back: %v, %v", again, err)
			}
			if tc.bad != "" && (!errors.Is(err, directory.ErrInvalid) || !strings.Contains(err.Error(), tc.bad) || len(err.Error()) > 1000) {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
}

func TestSchemaHasTheCatalogueOfScopes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	text := ask[string](t, h.owner, "select string_agg(pg_get_constraintdef(oid), ' ') from pg_constraint where conrelid = 'api_key'::regclass and contype = 'c'")
	var inSchema []string
	for _, m := range regexp.MustCompile(`'([a-z:]+)'::text`).FindAllStringSubmatch(text, -1) {
		inSchema = append(inSchema, m[1])
	}
	if d := cmp.Diff(directory.ScopeNames(), inSchema); d != "" {
		t.Error(d)
	}
}

func TestAuthenticationThatCannotAskIsNoRefusal(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, text := h.mustCreateKey(t, erpKey())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.Authenticate(ctx, "", text.Reveal()); err == nil || errors.Is(err, directory.ErrUnauthorized) {
		t.Error(err)
	}
}
