package ledger_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/ledger"
	"countersign/internal/ledger/ledgertest"
)

// BenchmarkSearch measures searches among 1,000,000 documents, of which a treasurer was
// asked about all and a requester filed fifty. COUNTERSIGN_BENCH_DOCUMENTS sets the number.
func BenchmarkSearch(b *testing.B) {
	many, err := strconv.Atoi(os.Getenv("COUNTERSIGN_BENCH_DOCUMENTS"))
	if err != nil {
		many = 1_000_000
	}
	f := finder{ledgertest.New(b)}
	f.fill(b, many)
	settings, statements := ledger.Searches()
	for _, name := range []string{"near", "deep"} {
		if plan := f.plan(b, settings, statements[name], []any{f.person(b, ledgertest.Treasurer), []string{"kozlov"}, "'rent':*", 5000, 200}); strings.Contains(plan, "Seq Scan") {
			b.Fatalf("%s reads a table from end to end:\n%s", name, plan)
		}
	}
	for _, who := range []struct {
		name    string
		account int64
	}{{"treasurer", ledgertest.Treasurer}, {"requester", ledgertest.Requester}} {
		person := f.person(b, who.account)
		for name, text := range map[string]func(i int) string{
			"nothing": func(int) string { return "" },
			"number":  func(i int) string { return fmt.Sprintf("PR-%07d", i*7919%many) },
			"digits":  func(i int) string { return fmt.Sprint(i * 7919 % many) },
			"begun":   func(i int) string { return fmt.Sprintf("PR-%04d", i*7919%10000) },
			"amount":  func(i int) string { return fmt.Sprintf("%d,37", i*7919%many) },
			"rare":    func(i int) string { return fmt.Sprintf("supplier%d", i*7919%20000) },
			"common":  func(int) string { return "rent" },
			"apart":   func(int) string { return "first" }, // a hundredth of all, none of them new
			"both":    func(i int) string { return fmt.Sprintf("rent supplier%d", i*7919%20000) },
			"nowhere": func(i int) string { return fmt.Sprintf("zebra%d", i) },
		} {
			b.Run(who.name+"/"+name, func(b *testing.B) {
				var took []float64
				hits, i := 0, 0
				for b.Loop() {
					i++
					begun := time.Now()
					found, err := f.Find(b.Context(), ledger.Search{Person: person, Text: text(i), Limit: 20})
					if err != nil {
						b.Fatal(err)
					}
					took = append(took, float64(time.Since(begun).Microseconds())/1000)
					hits += len(found.Hits)
				}
				slices.Sort(took)
				b.ReportMetric(took[len(took)/2], "p50-ms")
				b.ReportMetric(took[len(took)*99/100], "p99-ms")
				b.ReportMetric(float64(hits)/float64(i), "hits")
			})
		}
	}
}

// fill puts documents straight into the tables.
func (f finder) fill(b *testing.B, n int) {
	b.Helper()
	owner, err := pgx.Connect(b.Context(), f.OwnerURL)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = owner.Close(context.WithoutCancel(b.Context())) }()
	body, err := json.Marshal(ledgertest.Payment("PR"))
	if err != nil {
		b.Fatal(err)
	}
	for _, sql := range []string{
		`set synchronous_commit = off`, `begin`,
		`create temp table n as select i, lpad(to_hex(i), 26, '0') as id, 'sha256:' || md5(i::text) || md5(i::text || 'x') as hash from generate_series(0, ` + fmt.Sprint(n-1) + `) i`,
		`insert into document (id, source, external_id, type, revision, sought, hash, case_id, events, created_at)
			select 'doc_' || id, 'filled', id, 'payment_request', 1, 1, hash, 'cas_' || id, 3, now() from n`,
		`insert into revision (document_id, revision, hash, body, amount_minor, currency, created_at)
			select 'doc_' || id, 1, hash, '` + string(body) + `', 100, 'RUB', now() from n`,
		`insert into approval_case (id, document_id, state, route_key, route_version, rule, round, revision, hash, amount_minor, currency, parties, missing, step, opened_at, events, cards_at)
			select 'cas_' || id, 'doc_' || id, 'in_progress', 'payment_request', 1, 'three_steps', 1, 1, hash, 100, 'RUB', '{}', '{}', 0, now(), 2, 2 from n`,
		`insert into slot (case_id, round, step, no, person_id, because, state, asked_at)
			select 'cas_' || n.id, 1, k.no, 0, p.id, 'x', 'voted', now() from n, (values (0, 'petrov'), (1, 'sidorova'), (2, 'kozlov')) k(no, who), person p
			where p.external_id = k.who`,
		`insert into document_search (document_id, number, requester, on_behalf, words)
			select 'doc_' || id, 'pr' || lpad(i::text, 7, '0'), case when i % 20000 = 7 then 'ivanova' else 'clerk' || i % 5000 end, '',
				array_to_tsvector(array['pr', '#' || i, lpad(i::text, 7, '0'), '=' || i || '.37', 'rub', 'supplier' || i % 20000, 'llc',
					'rent', 'june', 'llc' || i % 7, 'contract', '2026', 'c' || i % 1000] || case when i < ` + fmt.Sprint(n/100) + ` then array['first'] end)
			from n`,
		`commit`, `vacuum analyze`,
	} {
		if _, err := owner.Exec(b.Context(), sql); err != nil {
			b.Fatalf("%v in %s", err, sql)
		}
	}
}
