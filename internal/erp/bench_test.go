package erp_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"countersign/internal/erp"
)

// BenchmarkPutDocument posts new documents over a real listener, eight at a time.
func BenchmarkPutDocument(b *testing.B) {
	bench := newBench(b)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}}
	var n atomic.Int64
	b.SetParallelism(4)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			path := documentPath(fmt.Sprintf("REQ-%d", n.Add(1)))
			r, err := http.NewRequestWithContext(b.Context(), http.MethodPut, bench.url+path, strings.NewReader(rent))
			if err != nil {
				b.Error(err)
				return
			}
			r.Header.Set("Authorization", bench.auth)
			r.Header.Set("Content-Type", "application/json")
			res, err := client.Do(r)
			if err != nil {
				b.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, res.Body)
			res.Body.Close()
			if res.StatusCode != http.StatusCreated {
				b.Errorf("%d", res.StatusCode)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "documents/s")
}

// BenchmarkReadDocument reads a body without storing it.
func BenchmarkReadDocument(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := erp.ReadDocument([]byte(rent)); err != nil {
			b.Fatal(err)
		}
	}
}
