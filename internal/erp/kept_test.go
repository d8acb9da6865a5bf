package erp_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"countersign/internal/erp"
)

func TestDeliveriesThatArePurgedAreGoneNotUnknown(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	var ago atomic.Int64 // of the clock of webhooks
	ago.Store(int64(100 * day))
	b := newBench(t, openLoopback, func(d *erp.Door) {
		d.Hook.Clock = func() time.Time { return time.Now().Add(-time.Duration(ago.Load())) }
	})
	url, _ := receiver(t)
	path := "/v1/webhooks/" + b.post(t, "/v1/webhooks", fmt.Sprintf(`{"url":%q,"types":["document.received"]}`, url)).at(t, "id")
	deliver := func(id string) string {
		b.put(t, id, rent)
		if _, err := b.door.Hook.Place(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n, err := b.door.Hook.Deliver(t.Context()); n != 1 || err != nil {
			t.Fatalf("%d delivered, %v", n, err)
		}
		return b.get(t, path+"/deliveries?limit=1").at(t, "deliveries.0.event_id")
	}
	gone := deliver("OLD")
	ago.Store(0)
	b.Clock.Advance(time.Hour)
	kept := deliver("NEW")
	purged := b.get(t, path+"/deliveries").at(t, "deliveries.1.timestamp")
	if n, err := b.door.Hook.Purge(t.Context(), time.Now().Add(-90*day)); n != 2 || err != nil { // an attempt and a delivery
		t.Fatalf("%d rows purged, %v", n, err)
	}
	if left := b.get(t, path+"/deliveries"); left.at(t, "deliveries.0.event_id") != kept || left.at(t, "deliveries.1.event_id") != "" {
		t.Fatalf("%s", left.body)
	}
	replay := func(body, lang string) response {
		return b.post(t, path+"/replay", body, "Accept-Language: "+lang)
	}
	said := map[string]bool{}
	for _, body := range []string{
		fmt.Sprintf(`{"event":%q}`, gone), fmt.Sprintf(`{"from":%q}`, gone), fmt.Sprintf(`{"from":%q,"to":%q}`, gone, kept), fmt.Sprintf(`{"from":%q}`, purged),
	} {
		for _, lang := range []string{"en", "ru", "de", "es"} {
			out := replay(body, lang)
			expect(t, out, 410, "cursor_expired")
			if out.at(t, "retryable") != "false" || !strings.Contains(out.at(t, "message"), "(from > "+purged+")") {
				t.Errorf("%s: %s", body, out.body)
			}
			said[out.at(t, "message")] = true
		}
	}
	if len(said) != 4 {
		t.Errorf("%v", said)
	}
	// What the answer advises works.
	for _, body := range []string{`{"to":"2100-01-01T00:00:00Z"}`, fmt.Sprintf(`{"from":%q}`, kept)} {
		if out := replay(body, "en"); out.status != 200 || out.at(t, "replayed") != "1" {
			t.Errorf("%s: %d %s", body, out.status, out.body)
		}
	}
	// The event itself is in the feed, and one that never was is still unknown.
	if out := b.get(t, "/v1/events/"+gone); out.at(t, "id") != gone {
		t.Errorf("%s", out.body)
	}
	expect(t, replay(`{"event":"evt_06f1z2k3m4n5p6q7r8s9t0v1w2"}`, "en"), 404, "not_found")
	// A page of the list may begin after what was purged, and be empty.
	if out := b.get(t, path+"/deliveries?before="+gone); out.status != 200 || out.at(t, "deliveries") != "[]" {
		t.Errorf("%d %s", out.status, out.body)
	}
}
