package file_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"

	"countersign/internal/file"
	"countersign/internal/ledger/ledgertest"
)

const (
	most     = 3 << 20
	patience = 20 * time.Second
)

type bench struct {
	*file.Store

	owner *pgxpool.Pool
}

func newBench(t *testing.T, connections int32) bench {
	t.Helper()
	ownerURL, appURL := ledgertest.Database(t)
	return bench{&file.Store{Pool: open(t, appURL, connections), Now: time.Now, Max: most}, open(t, ownerURL, 2)}
}

func open(t *testing.T, address string, connections int32) *pgxpool.Pool {
	t.Helper()
	config, err := pgxpool.ParseConfig(address)
	if err != nil {
		t.Fatal(err)
	}
	config.MaxConns = connections
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func (b bench) count(t *testing.T, table string) int {
	t.Helper()
	var n int
	if err := b.owner.QueryRow(t.Context(), "select count(*) from "+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func (b bench) empty(t *testing.T) {
	t.Helper()
	for _, table := range []string{"file", "file_chunk", "file_source"} {
		if n := b.count(t, table); n != 0 {
			t.Errorf("%s has %d rows", table, n)
		}
	}
}

func (b bench) read(t *testing.T, digest string) []byte {
	t.Helper()
	_, r, err := b.Open(t.Context(), digest)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	content, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func digestOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

// picture is the head of a PNG of that size, which is all that is looked at.
func picture(width, height uint32) []byte {
	head := append([]byte("IHDR"), binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, width), height)...)
	head = append(head, 8, 2, 0, 0, 0)
	out := append([]byte("\x89PNG\r\n\x1a\n"), 0, 0, 0, 13)
	out = append(out, head...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(head))
}

func zipped(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("invoice.txt")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("invoice")); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestWhatIsStoredIsReadBack(t *testing.T) {
	t.Parallel()
	b := newBench(t, 4)
	for name, content := range map[string][]byte{
		"one byte": {7}, "a text": []byte("Счёт №7"), "a piece": random(1 << 20), "a piece and a byte": random(1<<20 + 1), "the most": random(most),
	} {
		digest := digestOf(content)
		for _, asked := range []string{digest, ""} {
			meta, err := b.Put(t.Context(), "erp1c", asked, bytes.NewReader(content))
			if err != nil || meta.SHA256 != digest || meta.Size != int64(len(content)) || meta.MediaType == "" {
				t.Errorf("%s: %+v, %v", name, meta, err)
			}
		}
		if !bytes.Equal(b.read(t, digest), content) {
			t.Errorf("%s is not what was stored", name)
		}
		if meta, err := b.Meta(t.Context(), "erp1c", digest); err != nil || meta.Size != int64(len(content)) {
			t.Errorf("%s: %+v, %v", name, meta, err)
		}
		_, r, err := b.Open(t.Context(), digest)
		if err != nil {
			t.Fatal(err)
		}
		if err := iotest.TestReader(io.MultiReader(iotest.OneByteReader(io.LimitReader(r, 10))), content[:min(len(content), 10)]); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		r.Close()
		if _, err := r.Read(make([]byte, 1)); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("%s: a closed file is read: %v", name, err)
		}
	}
	if _, _, err := b.Open(t.Context(), digestOf([]byte("never stored"))); !errors.Is(err, file.ErrNotFound) {
		t.Errorf("a file that is not there: %v", err)
	}
}

func TestWhatMustNotBeStoredIsRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t, 4)
	elf := append([]byte("\x7fELF\x02\x01\x01"), make([]byte, 64)...)
	elf[16] = 2
	exe := make([]byte, 512)
	copy(exe, "MZ")
	binary.LittleEndian.PutUint32(exe[0x3c:], 128)
	copy(exe[128:], "PE\x00\x00\x64\x86")
	for name, c := range map[string]struct {
		content []byte
		digest  string
		err     error
	}{
		"nothing":         {nil, "", file.ErrEmpty},                 // F-03
		"a byte too many": {random(most + 1), "", file.ErrTooLarge}, // F-03
		"other digest":    {[]byte("a"), digestOf([]byte("b")), file.ErrDigest},
		"no digest":       {[]byte("a"), "A", file.ErrDigest},
		"ELF":             {elf, "", file.ErrForbidden},
		"EXE":             {exe, "", file.ErrForbidden},
		"Mach-O":          {append([]byte("\xcf\xfa\xed\xfe\x07\x00\x00\x01"), make([]byte, 64)...), "", file.ErrForbidden},
		"huge picture":    {picture(60_000, 60_000), "", file.ErrPicture}, // F-06
		"wide picture":    {picture(1<<31-1, 1<<31-1), "", file.ErrPicture},
		"broken picture":  {[]byte("\xff\xd8\xff\xe0 no more"), "", file.ErrPicture},
	} {
		if _, err := b.Put(t.Context(), "erp1c", c.digest, bytes.NewReader(c.content)); !errors.Is(err, c.err) {
			t.Errorf("%s: %v, want %v", name, err, c.err)
		}
	}
	b.empty(t)
	for name, content := range map[string][]byte{
		"image/png": picture(7_000, 7_000), "application/pdf": []byte("%PDF-1.7\n"), "text/plain; charset=utf-8": []byte("Счёт"), "application/zip": zipped(t),
	} {
		meta, err := b.Put(t.Context(), "erp1c", "", bytes.NewReader(content))
		if err != nil || meta.MediaType != name {
			t.Errorf("%s: %+v, %v", name, meta, err)
		}
	}
}

func TestTheSameFileAtOnceIsStoredOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t, 8)
	content := random(2 << 20) // F-09
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			if _, err := b.Put(t.Context(), []string{"erp1c", "sap"}[i%2], "", bytes.NewReader(content)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if files, pieces, sources := b.count(t, "file"), b.count(t, "file_chunk"), b.count(t, "file_source"); files != 1 || pieces != 2 || sources != 2 {
		t.Errorf("%d files, %d pieces, %d sources", files, pieces, sources)
	}
	if !bytes.Equal(b.read(t, digestOf(content)), content) {
		t.Error("it is not what was stored")
	}
}

func TestOthersSeeNothingOfAFile(t *testing.T) {
	t.Parallel()
	b := newBench(t, 4)
	content := []byte("invoice")
	if _, err := b.Put(t.Context(), "erp1c", "", bytes.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	digest := digestOf(content)
	if _, err := b.Meta(t.Context(), "sap", digest); !errors.Is(err, file.ErrNotFound) { // F-12
		t.Errorf("another source: %v", err)
	}
	other, none := digestOf([]byte("other")), strings.Repeat("0", 64)
	for source, want := range map[string][]string{"erp1c": {none, other}, "sap": {none, digest, other}} {
		got, err := b.Missing(t.Context(), b.Pool, source, []string{other, digest, other, none})
		if err != nil {
			t.Fatal(err)
		}
		for i := range want {
			if len(got) != len(want) || !slices.Contains(got, want[i]) {
				t.Errorf("%s misses %v, want %v", source, got, want)
				break
			}
		}
	}
	if got, err := b.Missing(t.Context(), b.Pool, "erp1c", []string{digest}); err != nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := b.Missing(t.Context(), b.Pool, "erp1c", nil); err != nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestAnUploadThatDiesLeavesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, 4)
	broken := errors.New("connection reset")
	if _, err := b.Put(t.Context(), "erp1c", "", io.MultiReader(bytes.NewReader(random(1<<20)), iotest.ErrReader(broken))); !errors.Is(err, broken) {
		t.Errorf("the error of the sender: %v", err)
	}
	b.empty(t)
	// The second piece never gets in: the first must not stay. F-10
	for code, want := range map[string]error{"53100": file.ErrFull, "58030": nil} {
		if _, err := b.owner.Exec(t.Context(), `create or replace function full_disk() returns trigger language plpgsql as $$ begin
			raise exception 'no room' using errcode = '`+code+`'; end $$;
			create or replace trigger full_disk before insert on file_chunk for each row when (new.no = 1) execute function full_disk()`); err != nil {
			t.Fatal(err)
		}
		_, err := b.Put(t.Context(), "erp1c", "", bytes.NewReader(random(2<<20)))
		if err == nil || errors.Is(err, file.ErrFull) != (want != nil) {
			t.Errorf("%s: %v", code, err)
		}
		b.empty(t)
	}
	if _, err := b.owner.Exec(t.Context(), `drop trigger full_disk on file_chunk`); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Put(ctx, "erp1c", "", bytes.NewReader(random(10))); err == nil {
		t.Error("a request that was given up is stored")
	}
	b.empty(t)
}

func TestASlowSenderHoldsNoConnection(t *testing.T) {
	t.Parallel()
	b := newBench(t, 1)
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		_, err := b.Put(t.Context(), "erp1c", "", r)
		done <- err
	}()
	if _, err := w.Write([]byte("half")); err != nil { // it is being read now
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := b.Meta(ctx, "erp1c", strings.Repeat("0", 64)); !errors.Is(err, file.ErrNotFound) {
		t.Errorf("the only connection is taken: %v", err)
	}
	w.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]byte("half"), b.read(t, digestOf([]byte("half")))); diff != "" {
		t.Error(diff)
	}
}

func TestDigestsAreSmallHex(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		strings.Repeat("0f", 32): true, strings.Repeat("0F", 32): false, strings.Repeat("0", 63): false, strings.Repeat("0", 65): false,
		"": false, strings.Repeat("g", 64): false, strings.Repeat("0", 63) + "\n": false, strings.Repeat("é", 32): false,
	} {
		if file.IsDigest(text) != want {
			t.Errorf("%q", text)
		}
	}
}

func FuzzExamine(f *testing.F) {
	f.Add([]byte("%PDF"))
	f.Add(picture(3, 3))
	f.Add([]byte("GIF89a\xff\xff\xff\xff\x80\x00\x00"))
	f.Fuzz(func(t *testing.T, content []byte) {
		// A digest that nothing has: all is looked at, nothing is stored.
		s := &file.Store{Max: 1 << 10}
		if _, err := s.Put(t.Context(), "fuzz", strings.Repeat("0", 64), bytes.NewReader(content)); err == nil {
			t.Error("stored without a database")
		}
	})
}
