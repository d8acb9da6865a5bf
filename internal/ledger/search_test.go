package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"countersign/internal/approval"
	"countersign/internal/document"
	"countersign/internal/ledger"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/money"
	"countersign/internal/people"
)

// finder looks for documents as the person who holds an account.
type finder struct {
	*ledgertest.Bench
}

func (f finder) person(tb testing.TB, account int64) people.ID {
	tb.Helper()
	dir, err := f.Directory.Snapshot(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	p, _ := dir.ByTelegram(account)
	return p.ID
}

// finds gives the numbers of what is found, in order.
func (f finder) finds(tb testing.TB, account int64, text string) []string {
	tb.Helper()
	found, err := f.Find(tb.Context(), ledger.Search{Person: f.person(tb, account), Text: text, Limit: 20})
	if err != nil {
		tb.Fatalf("%q: %v", text, err)
	}
	out := []string{}
	for _, h := range found.Hits {
		out = append(out, h.Document.Number)
	}
	return out
}

func (f finder) submit(tb testing.TB, id string, change func(*document.Document)) ledger.Status {
	tb.Helper()
	d := ledgertest.Payment(id)
	change(&d)
	st, err := f.Submit(tb.Context(), ledger.Submission{Key: ledgertest.Key(id), Document: d})
	if err != nil {
		tb.Fatal(err)
	}
	return st
}

func TestDocumentsAreFoundByNumberFirstThenTheNewest(t *testing.T) {
	t.Parallel()
	f := finder{ledgertest.New(t)}
	for _, id := range []string{"ПЗ-0047", "471", "47", "470", "9"} {
		f.submit(t, id, func(d *document.Document) {
			if id == "9" {
				d.Title = "Rent of room 47"
			}
		})
	}
	for text, want := range map[string][]string{
		"47":              {"47", "ПЗ-0047", "470", "471", "9"},
		"пз47":            {},
		"пз 0047":         {"ПЗ-0047"},
		"landlord":        {"9", "470", "47", "471", "ПЗ-0047"},
		"125 000,00 rent": {"9", "470", "47", "471", "ПЗ-0047"},
		"":                {"9", "470", "47", "471", "ПЗ-0047"},
		"%":               {}, "_7": {}, `\`: {}, "' | 'x": {}, "!47 & 5": {}, "room:*": {"9"},
	} {
		got := f.finds(t, ledgertest.Budget, text)
		if text == "47" { // exact ones by age, then the beginnings, then the rest
			slices.Sort(got[:2])
			slices.Sort(got[2:4])
			want = []string{"47", "ПЗ-0047", "470", "471", "9"}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q finds %q, want %q", text, got, want)
		}
	}
}

func TestRevisedDocumentIsFoundAsItIsNow(t *testing.T) {
	t.Parallel()
	f := finder{ledgertest.New(t)}
	f.submit(t, "1", func(*document.Document) {})
	f.submit(t, "1", func(d *document.Document) { d.Payee.Name, d.Requester = "Zebra", "orlova" })
	if a, b := f.finds(t, ledgertest.Budget, "landlord"), f.finds(t, ledgertest.Budget, "zebra"); len(a) != 0 || len(b) != 1 {
		t.Errorf("found by what it was: %q, by what it is: %q", a, b)
	}
	if a, b := f.finds(t, ledgertest.Requester, ""), f.finds(t, ledgertest.Second, ""); len(a) != 0 || len(b) != 1 {
		t.Errorf("it is found by who asked for it before: %q, now: %q", a, b)
	}
}

func TestOnlyWhoMaySeeFinds(t *testing.T) {
	t.Parallel()
	f := finder{ledgertest.New(t)}
	f.Import(t, ledgertest.User("chief", "Chief", "administrator", 1900), ledgertest.User("clerk", "Clerk", "viewer", 1901))
	st := f.submit(t, "1", func(d *document.Document) { d.OnBehalfOf, d.LastEditor = "CLERK@example.org", "chief" })
	look := func(want ...int64) {
		t.Helper()
		for _, account := range []int64{ledgertest.Requester, ledgertest.Budget, ledgertest.Finance, ledgertest.Treasurer, 1900, 1901} {
			for _, text := range []string{"", "1", "landlord"} {
				if got := len(f.finds(t, account, text)) > 0; got != slices.Contains(want, account) {
					t.Errorf("%d finds it by %q: %v", account, text, got)
				}
			}
			_, _, err := f.Seen(t.Context(), f.person(t, account), st.Case.ID)
			if got := !errors.Is(err, ledger.ErrNotFound); got != slices.Contains(want, account) {
				t.Errorf("%d sees it: %v, %v", account, got, err)
			}
		}
	}
	look(ledgertest.Requester, 1901, ledgertest.Budget)
	f.Vote(t, "1", ledgertest.Budget, approval.Accept, "")
	look(ledgertest.Requester, 1901, ledgertest.Budget, ledgertest.Finance)
	if _, err := f.Withdraw(t.Context(), ledgertest.Key("1"), "no"); err != nil { // and again: another case
		t.Fatal(err)
	}
	f.submit(t, "1", func(d *document.Document) { d.OnBehalfOf, d.Title = "chief", "Rent, July" })
	look(ledgertest.Requester, 1900, ledgertest.Budget, ledgertest.Finance)
	if _, err := f.Leave(t.Context(), "test", "clerk", "left"); err != nil {
		t.Fatal(err)
	}
	if err := f.Directory.Deactivate(t.Context(), "test", "petrov", "left"); err != nil {
		t.Fatal(err)
	}
	dir, err := f.Directory.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	gone, _ := dir.Find("petrov")
	if found, err := f.Find(t.Context(), ledger.Search{Person: gone.ID, Limit: 20}); err != nil || len(found.Hits) > 0 {
		t.Errorf("who left finds %d documents, %v", len(found.Hits), err)
	}
	if _, _, err := f.Seen(t.Context(), gone.ID, st.Case.ID); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("who left sees a case: %v", err)
	}
}

func TestPagesOfASearchFollowOneAnother(t *testing.T) {
	t.Parallel()
	f := finder{ledgertest.New(t)}
	for i := range 7 {
		f.Post(t, fmt.Sprint(i))
	}
	var all []string
	for offset := 0; ; offset += 3 {
		found, err := f.Find(t.Context(), ledger.Search{Person: f.person(t, ledgertest.Budget), Text: "rent", Offset: offset, Limit: 3})
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range found.Hits {
			all = append(all, h.Document.Number)
		}
		if !found.More {
			break
		}
	}
	if strings.Join(all, " ") != "6 5 4 3 2 1 0" {
		t.Errorf("pages show %q", all)
	}
	for _, s := range []ledger.Search{{Offset: -5, Limit: 2}, {Offset: 1 << 40, Limit: 2}, {Limit: -1}, {Limit: 0}} {
		s.Person = f.person(t, ledgertest.Budget)
		if found, err := f.Find(t.Context(), s); err != nil || len(found.Hits) > 2 {
			t.Errorf("%+v: %d, %v", s, len(found.Hits), err)
		}
	}
}

func TestDocumentsFromBeforeTheSearchAreMadeFindable(t *testing.T) {
	t.Parallel()
	f := finder{ledgertest.New(t)}
	for i := range 3 {
		f.Post(t, fmt.Sprint(i))
	}
	owner, err := pgx.Connect(t.Context(), f.OwnerURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = owner.Close(context.WithoutCancel(t.Context())) })
	for _, sql := range []string{`delete from document_search`, `update document set sought = 0`} {
		if _, err := owner.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	if got := f.finds(t, ledgertest.Budget, "rent"); len(got) != 0 {
		t.Fatalf("found %q, of which nothing is known", got)
	}
	if n, err := f.Index(t.Context()); n != 3 || err != nil {
		t.Fatalf("%d made findable, %v", n, err)
	}
	if got := f.finds(t, ledgertest.Budget, "rent"); len(got) != 3 {
		t.Errorf("found %q", got)
	}
	if n, err := f.Index(t.Context()); n != 0 || err != nil {
		t.Errorf("%d more, %v", n, err)
	}
}

func TestNoTextHurtsTheSearch(t *testing.T) {
	t.Parallel()
	f := finder{ledgertest.New(t)}
	f.submit(t, "1", func(d *document.Document) { d.Title, d.Payee.Name = "' | \\ :* %", strings.Repeat("é\u202e'", 500) })
	for _, text := range []string{
		strings.Repeat("x", 64<<10), strings.Repeat("12 ", 20<<10), "\x00", "a\x00b", "\u202e4711", "'", "''':*", "a & | ! (", "\xff\xfe", "%%%", "<->",
		strings.Repeat("'", 300), "\\", "$1", "--", "ﷺ", "İ", strings.Repeat("é", 300),
	} {
		f.finds(t, ledgertest.Budget, text)
	}
}

// TestSearchReadsNoTableFromEndToEnd looks at the plans: each table is read by an index.
func TestSearchReadsNoTableFromEndToEnd(t *testing.T) {
	t.Parallel()
	f := finder{ledgertest.New(t)}
	for i := range 50 {
		f.Post(t, fmt.Sprint(i))
	}
	settings, statements := ledger.Searches()
	args := map[string][]any{
		"many": {"per_x", []string{"a"}, 5000}, "near": {"per_x", []string{"a"}, "'rent':*", 5000, 200},
		"deep": {"per_x", []string{"a"}, "'rent':*", 5000, 200}, "number": {"per_x", []string{"a"}, "47", "47%", "'#47'", 500},
	}
	for name, sql := range statements {
		plan := f.plan(t, settings, sql, args[name])
		if len(args[name]) == 0 || !strings.Contains(plan, "Index") {
			t.Fatalf("no plan of %s: %s", name, plan)
		}
		if regexp.MustCompile(`Seq Scan`).MatchString(plan) {
			t.Errorf("%s reads a table from end to end:\n%s", name, plan)
		}
		if name == "deep" && !strings.Contains(plan, "document_search_words") || name == "number" && !strings.Contains(plan, "document_search_number") {
			t.Errorf("%s does not use its index:\n%s", name, plan)
		}
	}
}

// plan explains a statement as a search would run it.
func (f finder) plan(tb testing.TB, settings, sql string, args []any) string {
	tb.Helper()
	var lines []string
	err := pgx.BeginFunc(tb.Context(), f.Pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(tb.Context(), settings); err != nil {
			return err
		}
		rows, err := tx.Query(tb.Context(), "explain "+sql, args...)
		if err != nil {
			return err
		}
		lines, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

// TestNobodyEverFindsWhatTheRuleDoesNotLetHimSee: random people, documents and votes;
// what is found is held against what the slots and the words of the documents say.
func TestNobodyEverFindsWhatTheRuleDoesNotLetHimSee(t *testing.T) {
	t.Parallel()
	f := finder{ledgertest.New(t)}
	accounts := []int64{ledgertest.Requester, ledgertest.Budget, ledgertest.Finance, ledgertest.Treasurer, ledgertest.Second}
	for i := range 4 {
		accounts = append(accounts, int64(3000+i))
		f.Import(t, ledgertest.User(fmt.Sprintf("extra%d", i), "Extra", fmt.Sprintf("budget_holder@CC-%d", i), int64(3000+i)))
	}
	names := []string{"ivanova", "petrov", "sidorova@example.org", "EXTRA0@example.org", "extra1", "extra2@example.org", "nobody", "kozlov"}
	may := map[string]map[people.ID]bool{} // by document: who was ever asked
	docs := map[string]document.Document{}
	count := 0
	rapid.Check(t, func(r *rapid.T) {
		count++
		id := fmt.Sprintf("P%d", count)
		d := ledgertest.Payment(id)
		d.Requester, d.OnBehalfOf = rapid.SampledFrom(names).Draw(r, "requester"), rapid.SampledFrom(append(names, "", "")).Draw(r, "behalf")
		d.CostCenter = rapid.SampledFrom([]string{"CC-0", "CC-1", "CC-2", "CC-3", "CC-9"}).Draw(r, "center")
		d.Amount = money.Amount{Minor: rapid.Int64Range(1, 99999).Draw(r, "minor"), Currency: "EUR"}
		d.Payee.Name = rapid.SampledFrom([]string{"Alpha", "Beta GmbH", "Гамма"}).Draw(r, "payee")
		note := func() {
			st, err := f.Submit(r.Context(), ledger.Submission{Key: ledgertest.Key(id), Document: d})
			if err != nil {
				r.Fatal(err)
			}
			docs[id] = d
			if may[id] == nil {
				may[id] = map[people.ID]bool{}
			}
			for _, p := range st.Case.Asked() {
				may[id][p] = true
			}
		}
		note()
		for range rapid.IntRange(0, 4).Draw(r, "acts") {
			switch rapid.SampledFrom([]string{"vote", "revise", "withdraw"}).Draw(r, "act") {
			case "vote":
				account := rapid.SampledFrom(accounts).Draw(r, "voter")
				verdict := rapid.SampledFrom([]approval.Verdict{approval.Accept, approval.Accept, approval.Reject}).Draw(r, "verdict")
				tap := f.Tap(t, id, account, verdict)
				tap.Reason = "r"
				_, _ = f.DB.Vote(r.Context(), tap) // refused or not: note tells who is asked
			case "revise":
				d.Amount.Minor++
				d.Requester = rapid.SampledFrom(names).Draw(r, "next requester")
			case "withdraw":
				_, _ = f.Withdraw(r.Context(), ledgertest.Key(id), "r")
				d.Title += "!"
			}
			note()
		}
		f.agrees(t, r, accounts, may, docs)
	})
}

func (f finder) agrees(t *testing.T, r *rapid.T, accounts []int64, may map[string]map[people.ID]bool, docs map[string]document.Document) {
	t.Helper()
	dir, err := f.Directory.Snapshot(r.Context())
	if err != nil {
		r.Fatal(err)
	}
	account := rapid.SampledFrom(accounts).Draw(r, "who looks")
	p, _ := dir.ByTelegram(account)
	lets := func(id string) bool {
		mine := func(ref string) bool { return ref == p.ExternalID || strings.EqualFold(ref, p.Email) }
		return may[id][p.ID] || mine(docs[id].Requester) || mine(docs[id].OnBehalfOf)
	}
	text := rapid.SampledFrom([]string{"", "alpha", "gmbh", "гам", "p", "rent", "eur", "P1", "llc"}).Draw(r, "text")
	for _, id := range f.finds(t, account, text) {
		if !lets(id) {
			r.Fatalf("%s finds %s by %q", p.ExternalID, id, text)
		}
	}
	for _, id := range []string{fmt.Sprintf("P%d", len(docs)), fmt.Sprintf("P%d", 1+len(docs)/2)} {
		if got := slices.Contains(f.finds(t, account, id), id); got != lets(id) {
			r.Fatalf("%s finds %s by its number: %v", p.ExternalID, id, got)
		}
	}
}
