package assure

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // the only hash that every authenticator app knows; as a MAC it holds
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

const (
	totpStep   = 30 * time.Second
	totpDigits = 6
	totpBytes  = 20
)

func newTOTP() string {
	b := make([]byte, totpBytes)
	_, _ = rand.Read(b) // never fails
	return base32.StdEncoding.EncodeToString(b)
}

// isCode reads six digits, which apps show in groups.
func isCode(text string) (string, bool) {
	text = strings.NewReplacer(" ", "", "\u00a0", "", "-", "").Replace(text)
	return text, len(text) == totpDigits && strings.Trim(text, "0123456789") == ""
}

// totp is the code of a step.
func totp(secret []byte, step int64) string {
	mac := hmac.New(sha1.New, secret)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(step))) //nolint:gosec // time is after 1970
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 0xf
	n := binary.BigEndian.Uint32(sum[at:]) & 0x7fffffff
	return fmt.Sprintf("%0*d", totpDigits, n%1_000_000)
}

// errSecret: what was stored cannot be a secret of codes. It never says what it is instead.
var errSecret = errors.New("the stored secret cannot be read")

func readTOTP(secret string) ([]byte, error) {
	raw, err := base32.StdEncoding.DecodeString(secret)
	if err != nil || len(raw) < totpBytes {
		return nil, errSecret
	}
	return raw, nil
}

// stepOf finds the step of a code: the present one, or one beside it, since clocks differ.
// 0: it is the code of none of them.
func stepOf(secret []byte, code string, now time.Time) int64 {
	present := now.Unix() / int64(totpStep/time.Second)
	var found int64
	for _, step := range []int64{present - 1, present, present + 1} {
		if subtle.ConstantTimeCompare([]byte(totp(secret, step)), []byte(code)) == 1 {
			found = step
		}
	}
	return found
}

// totpLink is what an authenticator app opens.
func totpLink(secret, account string) string {
	const issuer = "Countersign"
	q := url.Values{"secret": {secret}, "issuer": {issuer}, "algorithm": {"SHA1"}, "digits": {"6"}, "period": {"30"}}
	return "otpauth://totp/" + url.PathEscape(issuer+":"+account) + "?" + q.Encode()
}

// grouped is a secret to type by hand.
func grouped(secret string) string {
	const group = 4
	var out []string
	for len(secret) > group {
		out, secret = append(out, secret[:group]), secret[group:]
	}
	return strings.Join(append(out, secret), " ")
}
