package assure_test

import (
	"regexp"
	"strconv"
	"testing"

	"github.com/skip2/go-qrcode"
)

// The picture on the page is that of the address for the app, dot by dot.
func TestPageOfCodesShowsThemToACamera(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	b := w.browser(t)
	p := b.send(b.enter("anna", annasPhone), "setup/totp")
	q, err := qrcode.New(p.Find(t, `href="(otpauth://[^"]+)"`), qrcode.Medium)
	must(t, err)
	want := q.Bitmap()
	svg := p.Find(t, `(?s)(<svg class="qr".*?</svg>)`)
	got := make([][]bool, len(want))
	for y := range got {
		got[y] = make([]bool, len(want))
	}
	for _, m := range regexp.MustCompile(`M(\d+) (\d+)h(\d+)v1h`).FindAllStringSubmatch(svg, -1) {
		var at [3]int
		for i := range at {
			at[i], err = strconv.Atoi(m[i+1])
			must(t, err)
		}
		for i := range at[2] {
			got[at[1]][at[0]+i] = true
		}
	}
	for y := range want {
		for x := range want[y] {
			if got[y][x] != want[y][x] {
				t.Fatalf("another dot at %d, %d", x, y)
			}
		}
	}
	if n := strconv.Itoa(len(want)); p.Find(t, `viewBox="0 0 (\d+) `) != n || want[0][0] || want[3][3] {
		t.Errorf("no quiet edge, or another size than %s", n)
	}
}
