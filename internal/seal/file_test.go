//go:build linux

package seal_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"

	"countersign/internal/seal"
)

func TestKeyFileIsMadeForItsOwnerAlone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "new", "folder", "seal.key")
	open(t, path)
	info, err := os.Stat(path)
	must(t, err)
	if info.Mode() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	if folder, err := os.Stat(filepath.Dir(path)); err != nil || folder.Mode().Perm() != 0o700 {
		t.Errorf("folder: %v, %v", folder.Mode(), err)
	}
	alone(t, path)
}

// alone checks that nothing was left beside the key file.
func alone(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("beside the key file: %v, %v", entries, err)
	}
}

func TestKeyFileThatCannotBeUsedIsRefusedInWords(t *testing.T) {
	t.Parallel()
	good := keyPath(t)
	open(t, good)
	whole, err := os.ReadFile(good)
	must(t, err)
	for name, c := range map[string]struct {
		make func(path string) error
		want error
		say  string
	}{
		"missing":           {func(string) error { return nil }, seal.ErrMissing, "seal.key"},
		"for the group":     {func(p string) error { return put(p, whole, 0o640) }, seal.ErrExposed, "chmod 600"},
		"for everybody":     {func(p string) error { return put(p, whole, 0o604) }, seal.ErrExposed, "chmod 600"},
		"written by others": {func(p string) error { return put(p, whole, 0o622) }, seal.ErrExposed, "mode 0622"},
		"empty":             {func(p string) error { return put(p, nil, 0o600) }, seal.ErrGarbage, "seal.key"},
		"noise":             {func(p string) error { return put(p, []byte("\x00\xffnoise"), 0o600) }, seal.ErrGarbage, "seal.key"},
		"other JSON":        {func(p string) error { return put(p, []byte(`{"primaryKeyId":1}`), 0o600) }, seal.ErrGarbage, "seal.key"},
		"half":              {func(p string) error { return put(p, whole[:len(whole)/2], 0o600) }, seal.ErrGarbage, "seal.key"},
		"too large":         {func(p string) error { return put(p, bytes.Repeat([]byte(" "), 2<<20), 0o600) }, seal.ErrGarbage, "larger"},
		"a folder":          {func(p string) error { return os.Mkdir(p, 0o700) }, seal.ErrGarbage, "not a regular file"},
		"a pipe":            {func(p string) error { return syscall.Mkfifo(p, 0o600) }, seal.ErrGarbage, "not a regular file"},
		"a link to nothing": {func(p string) error { return os.Symlink("nowhere", p) }, seal.ErrMissing, "seal.key"},
		"keys that sign":    {keys("AES128_GCM"), seal.ErrGarbage, "is none of AES-256-GCM"},
		"keys without id":   {keys("AES256_GCM_RAW"), seal.ErrGarbage, "with a prefix"},
	} {
		path := keyPath(t)
		must(t, c.make(path))
		_, err := seal.Open(seal.Options{File: path})
		if !errors.Is(err, c.want) || !strings.Contains(fmt.Sprint(err), c.say) {
			t.Errorf("%s: %v", name, err)
		}
		if shows(err, whole) {
			t.Errorf("%s: the error shows what is in the file: %v", name, err)
		}
	}
	path := keyPath(t)
	must(t, os.WriteFile(filepath.Dir(path)+"/file", nil, 0o600))
	if _, err := seal.Open(seal.Options{File: filepath.Dir(path) + "/file/seal.key", Create: true}); !errors.Is(err, seal.ErrUnreadable) {
		t.Errorf("a file where a folder should be: %v", err)
	}
}

// shows reports that a key stands in an error.
func shows(err error, file []byte) bool {
	_, value, found := strings.Cut(string(file), `"value":"`)
	return !found || strings.Contains(fmt.Sprint(err), value[:12])
}

func put(path string, data []byte, mode os.FileMode) error {
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return err
	}
	return os.Chmod(path, mode)
}

// keys makes a file of keys of another kind.
func keys(kind string) func(string) error {
	return func(path string) error {
		template := map[string]func() *tinkpb.KeyTemplate{
			"AES128_GCM": aead.AES128GCMKeyTemplate, "AES256_GCM_RAW": aead.AES256GCMNoPrefixKeyTemplate,
		}[kind]
		handle, err := keyset.NewHandle(template())
		if err != nil {
			return err
		}
		var out bytes.Buffer
		if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&out)); err != nil {
			return err
		}
		return put(path, out.Bytes(), 0o600)
	}
}

func TestKeyFileOfAnotherAccountIsRefusedInWords(t *testing.T) {
	t.Parallel()
	path := keyPath(t)
	open(t, path)
	must(t, os.Chmod(path, 0))
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the account that it has become
		if os.Geteuid() == 0 {
			_, _, _ = syscall.RawSyscall(syscall.SYS_SETFSUID, 65534, 0, 0)
		}
		_, err := seal.Open(seal.Options{File: path})
		done <- err
	}()
	if err := <-done; !errors.Is(err, seal.ErrUnreadable) || !strings.Contains(err.Error(), "chown") {
		t.Errorf("%v", err)
	}
}

func TestProcessesThatMakeTheKeyAtOnceAllUseOne(t *testing.T) {
	t.Parallel()
	path := keyPath(t)
	others := make([]*process, 6)
	for i := range others {
		others[i] = newProcess(t, path)
	}
	for _, p := range others {
		p.tell(t, "start")
	}
	for _, p := range others {
		if got := p.answer(t); got != "ok" {
			t.Fatal(got)
		}
	}
	mine := open(t, path)
	primary, err := mine.Primary()
	must(t, err)
	for i, p := range others {
		box, err := hex.DecodeString(p.ask(t, fmt.Sprint("seal text ", i)))
		must(t, err)
		if plain, err := mine.Open(box, place("1")); err != nil || plain.Reveal() != fmt.Sprint("text ", i) || keyOf(t, box) != primary {
			t.Errorf("process %d: %q, %v", i, plain.Reveal(), err)
		}
	}
	alone(t, path)
}

func TestKeyFileThatIsThereIsNeverMadeAnew(t *testing.T) {
	t.Parallel()
	path := keyPath(t)
	box := sealed(t, open(t, path), "secret", place("1"))
	if plain, err := open(t, path).Open(box, place("1")); err != nil || plain.Reveal() != "secret" {
		t.Errorf("%q, %v", plain.Reveal(), err)
	}
	must(t, put(path, []byte("noise"), 0o600))
	if _, err := seal.Open(seal.Options{File: path, Create: true}); !errors.Is(err, seal.ErrGarbage) {
		t.Errorf("what is wrong was made anew: %v", err)
	}
}

func TestKeyFileBehindALinkIsUsedWhereItIs(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	link := keyPath(t)
	must(t, os.Symlink(d.path, link))
	linked, err := seal.Open(seal.Options{File: link})
	must(t, err)
	id, err := linked.Rotate(t.Context(), d.pool)
	must(t, err)
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link became %v, %v", info, err)
	}
	if primary, err := d.Primary(); err != nil || primary != id {
		t.Errorf("key %d behind the link, want %d, %v", primary, id, err)
	}
}

func TestFaultsThatComeLaterAreTold(t *testing.T) {
	t.Parallel()
	path := keyPath(t)
	s := open(t, path)
	box := sealed(t, s, "secret", place("1"))
	must(t, os.Chmod(path, 0o644))
	if _, err := s.Seal("more", place("1")); !errors.Is(err, seal.ErrExposed) {
		t.Errorf("sealed with a file that others may read: %v", err)
	}
	must(t, os.Remove(path))
	if _, err := s.Seal("more", place("1")); !errors.Is(err, seal.ErrMissing) {
		t.Errorf("sealed without a file: %v", err)
	}
	if plain, err := s.Open(box, place("1")); err != nil || plain.Reveal() != "secret" {
		t.Errorf("what is known is not opened: %v", err)
	}
}

func TestWrappedKeysetShowsNoKey(t *testing.T) {
	t.Parallel()
	path := keyPath(t)
	service := wrapper(t, 1)
	service.File, service.Create = path, true
	s, err := seal.Open(service)
	must(t, err)
	box := sealed(t, s, "secret", place("1"))
	raw, err := os.ReadFile(path)
	must(t, err)
	if strings.Contains(string(raw), "keyData") || strings.Contains(string(raw), base64.StdEncoding.EncodeToString(box[1:5])) {
		t.Errorf("the file holds %q", raw)
	}
	again, err := seal.Open(service)
	must(t, err)
	if plain, err := again.Open(box, place("1")); err != nil || plain.Reveal() != "secret" {
		t.Errorf("%q, %v", plain.Reveal(), err)
	}
	other := wrapper(t, 2)
	other.File = path
	if _, err := seal.Open(other); !errors.Is(err, seal.ErrUnreadable) || !strings.Contains(err.Error(), "unwrap") {
		t.Errorf("another key that wraps: %v", err)
	}
	if _, err := seal.Open(seal.Options{File: path}); !errors.Is(err, seal.ErrGarbage) {
		t.Errorf("a wrapped file without the key that wraps: %v", err)
	}
}

// wrapper is what a key service does.
func wrapper(t *testing.T, key byte) seal.Options {
	t.Helper()
	block, err := aes.NewCipher(bytes.Repeat([]byte{key}, 32))
	must(t, err)
	gcm, err := cipher.NewGCMWithRandomNonce(block)
	must(t, err)
	return seal.Options{
		Wrap:   func(keyset, associated []byte) ([]byte, error) { return gcm.Seal(nil, nil, keyset, associated), nil },
		Unwrap: func(wrapped, associated []byte) ([]byte, error) { return gcm.Open(nil, nil, wrapped, associated) },
	}
}

func FuzzKeyFile(f *testing.F) {
	path := keyPath(f)
	open(f, path)
	whole, err := os.ReadFile(path)
	must(f, err)
	f.Add(whole)
	f.Add([]byte(`{"primaryKeyId":1,"key":[{"keyData":{"typeUrl":"type.googleapis.com/google.crypto.tink.AesGcmKey","value":"","keyMaterialType":"SYMMETRIC"},"status":"ENABLED","keyId":1,"outputPrefixType":"TINK"}]}`))
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		must(t, put(path, raw, 0o600))
		s, err := seal.Open(seal.Options{File: path})
		if err != nil {
			if !errors.Is(err, seal.ErrGarbage) {
				t.Errorf("an error of no kind: %v", err)
			}
			return
		}
		box := sealed(t, s, "secret", place("1"))
		if plain, err := s.Open(box, place("1")); err != nil || plain.Reveal() != "secret" {
			t.Errorf("a keyset was taken that does not work: %v", err)
		}
	})
}
