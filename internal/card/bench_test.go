package card_test

import (
	"testing"

	"countersign/internal/card"
	"countersign/internal/locale/localetest"
)

func BenchmarkFor(b *testing.B) {
	v := situations()["opened"](b).view()
	lang := localetest.Texts(b).For("ru")
	s := card.Audience(v)[0]
	b.ReportAllocs()
	for b.Loop() {
		card.For(v, s, lang)
	}
}
