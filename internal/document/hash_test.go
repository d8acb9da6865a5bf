package document_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"countersign/internal/document"
	"countersign/internal/money"
)

// The hash of a fixed document is part of the contract: decisions of years ago are
// bound to it. Should this test fail, hashVersion must change with the hash.
func TestTheHashOfAFixedDocumentNeverChanges(t *testing.T) {
	t.Parallel()
	for want, d := range map[string]document.Document{
		"sha256:fedc33d4fbd64fd8f93d36585c67bc5da536f7016171be4c5b47612733c9d027": rent(),
		"sha256:c6b39c1e1c6cef541fc224ab00c7fbd08df5d5cf59c372f6c02b9a8be9646440": {},
	} {
		if got := d.Hash(); got != want {
			t.Errorf("%s: %s, want %s", d.Number, got, want)
		}
	}
}

// unhashed are the fields that say nothing an approver could have judged.
func unhashed() []string { return []string{".Files[].Size", ".Files[].MediaType"} }

// TestEveryFieldIsInTheHash walks the type, so that a field added later and forgotten
// in Hash or in Compare fails here.
func TestEveryFieldIsInTheHash(t *testing.T) {
	t.Parallel()
	visited := map[string]bool{}
	mutations(t, reflect.TypeFor[document.Document](), "", func(path string, mutate func(*document.Document)) {
		visited[path] = true
		before, after := rent(), rent()
		mutate(&after)
		want := slices.Contains(unhashed(), path)
		if same := before.Hash() == after.Hash(); same != want {
			t.Errorf("%s changed and the hash is the same: %t, want %t", path, same, want)
		}
		change := document.Compare(before, after, document.Policy{})
		if unchanged := change.Class == document.Unchanged; unchanged != want {
			t.Errorf("%s changed: Compare says %s", path, change.Class)
		}
	})
	for _, path := range append(unhashed(), ".Type", ".Payee.Account", ".Amount.Minor", ".Lines[].Amount.Currency", ".Fields{}", ".Files[].Name") {
		if !visited[path] {
			t.Errorf("%s was not tried", path)
		}
	}
}

// mutations tries every leaf of a document: each gives a change of that leaf alone.
func mutations(t *testing.T, typ reflect.Type, path string, try func(string, func(*document.Document))) {
	t.Helper()
	switch typ.Kind() {
	case reflect.Struct:
		for f := range typ.Fields() {
			mutations(t, f.Type, path+"."+f.Name, try)
		}
	case reflect.Slice:
		mutations(t, typ.Elem(), path+"[]", try)
	case reflect.Map:
		try(path+"{}", func(d *document.Document) { touch(t, reflect.ValueOf(d).Elem(), path+"{}") })
	case reflect.String, reflect.Int, reflect.Int64:
		try(path, func(d *document.Document) { touch(t, reflect.ValueOf(d).Elem(), path) })
	default:
		t.Fatalf("%s is a %s: teach this test to change it", path, typ.Kind())
	}
}

// touch changes the leaf at the path: of a slice in its second element.
func touch(t *testing.T, v reflect.Value, path string) {
	t.Helper()
	for part := range strings.SplitSeq(strings.TrimPrefix(path, "."), ".") {
		name, inList := strings.CutSuffix(part, "[]")
		name, inMap := strings.CutSuffix(name, "{}")
		v = v.FieldByName(name)
		switch {
		case inList:
			v = v.Index(1)
		case inMap:
			v.SetMapIndex(reflect.ValueOf("project"), reflect.ValueOf("stay"))
			return
		}
	}
	if v.Kind() == reflect.String {
		v.SetString(v.String() + "!")
		return
	}
	v.SetInt(v.Int() + 1)
}

func TestTheOrderOfFilesSaysNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := rent()
		a.Files = rapid.SliceOfN(files(), 0, 5).Draw(t, "files")
		b := a
		b.Files = rapid.Permutation(a.Files).Draw(t, "order")
		if a.Hash() != b.Hash() {
			t.Fatalf("%v and %v differ", a.Files, b.Files)
		}
		if change := document.Compare(a, b, document.Policy{}); change.Class != document.Unchanged {
			t.Fatalf("%v and %v: %+v", a.Files, b.Files, change)
		}
	})
}

func TestTheOrderOfLinesSaysSomething(t *testing.T) {
	t.Parallel()
	a, b := rent(), rent()
	slices.Reverse(b.Lines)
	if a.Hash() == b.Hash() {
		t.Error("the hash is the same")
	}
}

// TestNoTextShiftsIntoItsNeighbor: one text cut in two places is two documents.
func TestNoTextShiftsIntoItsNeighbor(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringN(1, 12, -1).Draw(t, "text")
		cuts := rapid.SliceOfNDistinct(rapid.IntRange(0, len(text)), 2, 2, rapid.ID[int]).Draw(t, "cuts")
		for name, build := range map[string]func(a, b string) document.Document{
			"number|title": func(a, b string) document.Document { return document.Document{Number: a, Title: b} },
			"account|bank": func(a, b string) document.Document {
				return document.Document{Payee: document.Payee{Account: a, BankID: b}}
			},
			"url|field": func(a, b string) document.Document {
				return document.Document{URL: a, Fields: map[string]string{b: ""}}
			},
			"key|value": func(a, b string) document.Document { return document.Document{Fields: map[string]string{a: b}} },
			"text|center": func(a, b string) document.Document {
				return document.Document{Lines: []document.Line{{Text: a, CostCenter: b}}}
			},
			"digest|name": func(a, b string) document.Document {
				return document.Document{Files: []document.File{{SHA256: a, Name: b}}}
			},
			"field|fields": func(a, b string) document.Document {
				return document.Document{Fields: map[string]string{"a" + a: "", "b": b}}
			},
		} {
			first, second := build(text[:cuts[0]], text[cuts[0]:]), build(text[:cuts[1]], text[cuts[1]:])
			if first.Hash() == second.Hash() {
				t.Fatalf("%s: %+v and %+v have one hash", name, first, second)
			}
		}
	})
}

// TestCompareAndHashAgreeOnWhatIsTheSame is what keeps a change from slipping past:
// the hash is what decisions are bound to, Compare is what voids them.
func TestCompareAndHashAgreeOnWhatIsTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := documents().Draw(t, "a"), documents().Draw(t, "b")
		if rapid.Bool().Draw(t, "near") {
			b = neighbor(t, a)
		}
		there, back := document.Compare(a, b, document.Policy{}), document.Compare(b, a, document.Policy{})
		same := a.Hash() == b.Hash()
		if same != (there.Class == document.Unchanged) || same != (len(there.Differences) == 0) {
			t.Fatalf("same hash: %t, but %+v\na %+v\nb %+v", same, there, a, b)
		}
		if (there.Class == document.Unchanged) != (back.Class == document.Unchanged) {
			t.Fatalf("there %s, back %s", there.Class, back.Class)
		}
	})
}

// TestDifferentLinesThatReadTheSameAreDifferent: what a card shows of a line does not
// tell the text from the cost center.
func TestDifferentLinesThatReadTheSameAreDifferent(t *testing.T) {
	t.Parallel()
	five := money.Amount{Minor: 500, Currency: "RUB"}
	a, b := rent(), rent()
	a.Lines = []document.Line{{No: 1, Text: "x", Amount: five, CostCenter: "y] — 5.00 RUB [z"}}
	b.Lines = []document.Line{{No: 1, Text: "x — 5.00 RUB [y]", Amount: five, CostCenter: "z"}}
	if change := document.Compare(a, b, document.Policy{}); change.Class != document.Material || a.Hash() == b.Hash() {
		t.Errorf("%+v", change)
	}
}

func words() *rapid.Generator[string] {
	return rapid.SampledFrom([]string{"", "a", "b", "a ", "x — 5.00 RUB [y]", "y] — 5.00 RUB [z", "z"})
}

func amounts() *rapid.Generator[money.Amount] {
	return rapid.SampledFrom([]money.Amount{{}, {Minor: 500, Currency: "RUB"}, {Minor: 5, Currency: "JPY"}, {Minor: 500, Currency: "USD"}, {Minor: 501, Currency: "RUB"}})
}

func files() *rapid.Generator[document.File] {
	return rapid.Custom(func(t *rapid.T) document.File {
		return document.File{
			Name: words().Draw(t, "name"), SHA256: words().Draw(t, "digest"), Size: int64(rapid.IntRange(0, 1).Draw(t, "size")),
		}
	})
}

func documents() *rapid.Generator[document.Document] {
	return rapid.Custom(func(t *rapid.T) document.Document {
		text := func(name string) string { return words().Draw(t, name) }
		line := rapid.Custom(func(t *rapid.T) document.Line {
			return document.Line{
				No: rapid.IntRange(0, 1).Draw(t, "no"), Text: words().Draw(t, "text"),
				Amount: amounts().Draw(t, "amount"), CostCenter: words().Draw(t, "center"),
			}
		})
		return document.Document{
			Title: text("title"), LastEditor: text("editor"), Amount: amounts().Draw(t, "amount"),
			Payee:  document.Payee{Account: text("account")},
			Fields: rapid.MapOfN(words(), words(), 0, 3).Draw(t, "fields"),
			Lines:  rapid.SliceOfN(line, 0, 2).Draw(t, "lines"),
			Files:  rapid.SliceOfN(files(), 0, 3).Draw(t, "files"),
		}
	})
}

// neighbor is a document that differs in one part at most.
func neighbor(t *rapid.T, d document.Document) document.Document {
	o := documents().Draw(t, "other")
	switch part := rapid.SampledFrom(strings.Fields("title editor amount account fields lines files none")).Draw(t, "part"); part {
	case "title":
		d.Title = o.Title
	case "editor":
		d.LastEditor = o.LastEditor
	case "amount":
		d.Amount = o.Amount
	case "account":
		d.Payee.Account = o.Payee.Account
	case "fields":
		d.Fields = o.Fields
	case "lines":
		d.Lines = o.Lines
	case "files":
		d.Files = o.Files
	}
	return d
}

func ExampleDocument_Hash() {
	d := document.Document{Type: "payment_request", Number: "PR-17"}
	first := d.Hash()
	d.Payee.Account = "40702810900000000001"
	fmt.Println(len(first), first == d.Hash())
	// Output: 71 false
}
