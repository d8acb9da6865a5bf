package assure_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"strings"
	"testing"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
)

// What a device says of itself, as bits.
const (
	present  = 1
	verified = 4
	attested = 64
)

// device is an authenticator with one key, as honest as its fields are.
type device struct {
	tb      testing.TB
	key     *ecdsa.PrivateKey
	id      []byte
	origin  string
	host    string
	flags   byte
	counter uint32
	owner   []byte // the user handle; nil: none is sent
}

func (t *town) device(tb testing.TB) *device {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(tb, err)
	id := make([]byte, 32)
	_, _ = rand.Read(id)
	return &device{tb: tb, key: key, id: id, origin: t.desk.PublicURL, host: "localhost", flags: present | verified, counter: 1}
}

// asked is what a page asks a device.
type asked struct {
	Challenge string `json:"challenge"`
	Host      string `json:"rpId"`
	Party     struct {
		ID string `json:"id"`
	} `json:"rp"`
	User struct {
		ID string `json:"id"`
	} `json:"user"`
	Verification string `json:"userVerification"`
	Selection    struct {
		Verification string `json:"userVerification"`
		ResidentKey  string `json:"residentKey"`
	} `json:"authenticatorSelection"`
	Attestation string `json:"attestation"`
	Allow       []struct {
		ID string `json:"id"`
	} `json:"allowCredentials"`
	Exclude []struct {
		ID string `json:"id"`
	} `json:"excludeCredentials"`
}

// asks reads what a page asks: to show a key (get), or to make one (create).
func (p page) asks(tb testing.TB, what string) asked {
	tb.Helper()
	var a asked
	must(tb, json.Unmarshal([]byte(p.Find(tb, `data-`+what+`="([^"]+)"`)), &a))
	return a
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (d *device) data(more ...byte) []byte {
	host := sha256.Sum256([]byte(d.host))
	flags := d.flags
	if len(more) > 0 {
		flags |= attested
	}
	return append(binary.BigEndian.AppendUint32(append(host[:], flags), d.counter), more...)
}

func (d *device) client(kind, challenge string) []byte {
	text, err := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": d.origin, "crossOrigin": false})
	must(d.tb, err)
	return text
}

func (d *device) says(response map[string]any) string {
	d.tb.Helper()
	text, err := json.Marshal(map[string]any{"id": b64(d.id), "rawId": b64(d.id), "type": "public-key", "response": response})
	must(d.tb, err)
	return string(text)
}

// makes is what the device answers to a page on which a key is made.
func (d *device) makes(a asked) string {
	d.tb.Helper()
	point, err := d.key.PublicKey.Bytes()
	must(d.tb, err)
	public, err := webauthncbor.Marshal(webauthncose.EC2PublicKeyData{
		PublicKeyData: webauthncose.PublicKeyData{KeyType: 2, Algorithm: -7}, Curve: 1, XCoord: point[1:33], YCoord: point[33:],
	})
	must(d.tb, err)
	more := bytes.Join([][]byte{make([]byte, 16), binary.BigEndian.AppendUint16(nil, uint16(len(d.id))), d.id, public}, nil)
	object, err := webauthncbor.Marshal(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": d.data(more...)})
	must(d.tb, err)
	return d.says(map[string]any{"clientDataJSON": b64(d.client("webauthn.create", a.Challenge)), "attestationObject": b64(object), "transports": []string{"internal"}})
}

// shows is what the device answers to a page on which a key is asked for.
func (d *device) shows(a asked) string {
	d.tb.Helper()
	data, client := d.data(), d.client("webauthn.get", a.Challenge)
	sum := sha256.Sum256(client)
	digest := sha256.Sum256(append(bytes.Clone(data), sum[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, d.key, digest[:])
	must(d.tb, err)
	response := map[string]any{"clientDataJSON": b64(client), "authenticatorData": b64(data), "signature": b64(signature)}
	if d.owner != nil {
		response["userHandle"] = b64(d.owner)
	}
	return d.says(response)
}

// uses is the device's next answer.
func (d *device) uses(a asked) string {
	d.counter++
	return d.shows(a)
}

// withPasskeys lets a town's pages be where browsers use passkeys.
func withPasskeys(tb testing.TB) *town {
	tb.Helper()
	w := newTown(tb)
	w.desk.PublicURL = strings.Replace(w.web.URL, "127.0.0.1", "localhost", 1)
	return w
}

// here is the address of a page as the test's browser finds it.
func (t *town) here(address string) string {
	return strings.Replace(address, t.desk.PublicURL, t.web.URL, 1)
}

// equip gives somebody a passkey by the pages.
func (t *town) equip(tb testing.TB, id string, account int64) *device {
	tb.Helper()
	b, d := t.browser(tb), t.device(tb)
	p := b.send(b.enter(id, account), "setup/passkey", "name", "laptop")
	p = b.send(p, "setup/passkey/complete", "passkey", d.makes(p.asks(tb, "create")))
	if p.Key() != "setup" || p.wrong() != "" || !strings.Contains(p.Body, ">laptop<") {
		tb.Fatalf("%d %s", p.Status, p.Body)
	}
	t.mu.Lock()
	t.told = map[int64][]string{}
	t.mu.Unlock()
	return d
}
