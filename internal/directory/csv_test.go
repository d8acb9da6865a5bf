package directory_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"countersign/internal/directory"
	"countersign/internal/people"
)

const head = "external_id,email,name,roles,telegram_id,locale\n"

func TestReadUsersCSV(t *testing.T) {
	t.Parallel()
	anna := directory.User{
		ExternalID: "anna", Email: "anna@corp.example", Name: "Анна", Telegram: 100, Locale: "ru", Line: 2,
		Roles: []people.Role{{Name: "budget_holder", Scope: "CC-12"}, {Name: "treasurer"}},
	}
	bare := directory.User{ExternalID: "b", Name: "B", Line: 2}
	tests := map[string]struct {
		file string
		want []directory.User
	}{
		"plain":              {head + "anna,anna@corp.example,Анна,treasurer|budget_holder@CC-12,100,ru\n", []directory.User{anna}},
		"with a mark":        {"\ufeff" + head + "anna,Anna@corp.example,Анна,treasurer|budget_holder@CC-12,100,ru", []directory.User{anna}},
		"semicolons":         {strings.ReplaceAll(head, ",", ";") + "anna;anna@corp.example;Анна;treasurer|budget_holder@CC-12;100;ru\n", []directory.User{anna}},
		"Windows line ends":  {strings.ReplaceAll(head, "\n", "\r\n") + "anna,anna@corp.example,Анна,treasurer|budget_holder@CC-12,100,ru\r\n", []directory.User{anna}},
		"columns moved":      {"name,locale,Telegram_ID,roles, email ,EXTERNAL_ID\nАнна,ru,100,treasurer | budget_holder @ CC-12,anna@corp.example,anna\n", []directory.User{anna}},
		"quotes":             {head + "\"anna\",\"anna@corp.example\",\"Анна\",\"treasurer|budget_holder@CC-12\",\"100\",\"ru\"\n", []directory.User{anna}},
		"role twice":         {head + "anna,anna@corp.example,Анна,treasurer|budget_holder@CC-12|treasurer,100,ru\n", []directory.User{anna}},
		"only what must be":  {head + "b,,B,,,\n", []directory.User{bare}},
		"empty rows":         {head + "b,,B,,,\n,,,,,\n\n , ,,,,\n", []directory.User{bare}},
		"comma in a name":    {head + "b,,\"Ivanov, I.\",,,\n", []directory.User{{ExternalID: "b", Name: "Ivanov, I.", Line: 2}}},
		"formula is a text":  {head + "b,,=1+1,,,\n", []directory.User{{ExternalID: "b", Name: "=1+1", Line: 2}}},
		"scope with an at":   {head + "b,,B,holder@a@b,,\n", []directory.User{{ExternalID: "b", Name: "B", Line: 2, Roles: []people.Role{{Name: "holder", Scope: "a@b"}}}}},
		"nobody":             {head, nil},
		"header without end": {strings.TrimSpace(head), nil},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := directory.ReadUsersCSV(strings.NewReader(tc.file))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tc.want, got, cmpopts.EquateEmpty()); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestBadCSVIsRefusedWithAllThatIsWrong(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		file string
		want []string
	}{
		"nothing":             {"", []string{"the file is empty", "external_id,email,name,roles,telegram_id,locale"}},
		"a mark and no more":  {"\ufeff", []string{"the file is empty"}},
		"columns":             {"external_id,mail,name,name,roles\n", []string{`unknown column "mail"`, "column name occurs twice", "missing column email", "missing column telegram_id", "missing column locale"}},
		"another separator":   {strings.ReplaceAll(head, ",", "\t"), []string{"unknown column", "missing column external_id"}},
		"very many columns":   {strings.Repeat("x,", 5000), []string{"more"}},
		"broken header":       {"external\"_id\n", []string{"header"}},
		"not UTF-8":           {head + "b,,\xc0\xed\xed\xe0,,,\n", []string{"not UTF-8 (line 2)", "CSV UTF-8"}},
		"UTF-16":              {"\xff\xfee\x00x\x00", []string{"not UTF-8 (line 1)"}},
		"too few fields":      {head + "b,,B\n", []string{"line 2: 3 fields, the header has 6"}},
		"too many fields":     {head + "b,,B,,,,\n", []string{"line 2: 7 fields, the header has 6"}},
		"zero byte":           {head + "b,,a\x00b,,,\n", []string{"name contains control characters"}},
		"line break in name":  {head + "b,,\"a\nb\",,,\nc,,,,,\n", []string{"line 2: \"b\": name contains control characters", "line 4: \"c\": name is missing"}},
		"open quote":          {head + "b,,\"B,,,\nc,,C,,,\n", []string{"line 2: broken quotes"}},
		"bare quote, more":    {head + "b,,B\"B,,,\nc,,,,,\n", []string{"line 2: broken quotes", "line 3: \"c\": name is missing"}},
		"spreadsheet number":  {head + "b,,B,,\"1,23457E+11\",\n", []string{`telegram_id "1,23457E+11" is not a whole number; format the column as text`}},
		"signed number":       {head + "b,,B,,+5,\n", []string{`telegram_id "+5" is not a whole number`}},
		"overflow":            {head + "b,,B,,99999999999999999999,\n", []string{"is not a whole number"}},
		"zero":                {head + "b,,B,,0,\n", []string{"telegram_id 0 is not the id"}},
		"group":               {head + "b,,B,,-100123,\n", []string{"telegram_id -100123 is not the id"}},
		"anonymous":           {head + "b,,B,,1087968824,\n", []string{"not for a person"}},
		"role without scope":  {head + "b,,B,treasurer@,,\n", []string{`role "treasurer@" has nothing after @`}},
		"empty role":          {head + "b,,B,a||b,,\n", []string{"an empty role between |"}},
		"role in Cyrillic":    {head + "b,,B,казначей,,\n", []string{`role "казначей" is not a name`}},
		"twice":               {head + "b,,B,,,\nb,,C,,,\n", []string{`line 3: "b": external_id "b" occurs twice (line 2)`}},
		"all rows at once":    {head + ",,B,,,\nc,x,C,,,\nd,,D,,x,\n", []string{"3 problems, nothing was stored\nline 2:", "\nline 3:", "\nline 4:"}},
		"one problem":         {head + ",,B,,,\n", []string{"1 problem, nothing was stored\nline 2: external_id is missing"}},
		"too many rows":       {head + strings.Repeat("b,,B,,,\n", 50_001), []string{"more than 50000 rows"}},
		"too large":           {head + strings.Repeat(" ", 16<<20), []string{"larger than 16 MiB"}},
		"flood in an address": {head + "b," + strings.Repeat("a", 10_000) + ",B,,,\n", []string{"a…\" is not an address"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			users, err := directory.ReadUsersCSV(strings.NewReader(tc.file))
			if !errors.Is(err, directory.ErrInvalid) || users != nil {
				t.Fatalf("%d users, %v", len(users), err)
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in %.500s", want, err)
				}
			}
		})
	}
}

func TestReadErrorIsPassedOn(t *testing.T) {
	t.Parallel()
	if _, err := directory.ReadUsersCSV(io.MultiReader(strings.NewReader(head), broken{})); !errors.Is(err, errBroken) {
		t.Error(err)
	}
}

var errBroken = errors.New("broken")

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errBroken }

func TestWhatWasReadCanBeStored(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	users, err := directory.ReadUsersCSV(strings.NewReader(head +
		"anna,anna@corp.example,Анна,treasurer|budget_holder@CC-12,100,ru\nboris,,Boris,,,\n"))
	if err != nil {
		t.Fatal(err)
	}
	diff, err := h.Import(t.Context(), "admin", users, directory.Apply)
	if err != nil || len(diff.Added) != 2 || diff.Added[1].Line != 3 {
		t.Errorf("%+v, %v", diff, err)
	}
	links, err := h.Links(t.Context(), h.person(t, "anna").ID)
	if err != nil || len(links) != 1 || links[0].How != directory.ByAdministrator || links[0].By != "admin" {
		t.Errorf("%+v, %v", links, err)
	}
}

// A file is either refused, with a line for each problem, or every user in it is as the
// schema wants him.
func FuzzReadUsersCSV(f *testing.F) {
	f.Add(head + "anna,anna@corp.example,Анна,treasurer|budget_holder@CC-12,100,ru\n")
	f.Add("\ufeff" + strings.ReplaceAll(head, ",", ";") + "b;;B;;;\n")
	f.Add(head + "b,,\"B,,,\nc,,C,a||b@,,\n")
	f.Add(head + "b,,B,,,,\n\"\"\"")
	f.Add("\x00")
	f.Fuzz(func(t *testing.T, file string) {
		users, err := directory.ReadUsersCSV(strings.NewReader(file))
		if err != nil {
			if users != nil || !errors.Is(err, directory.ErrInvalid) || !utf8.ValidString(err.Error()) {
				t.Fatalf("%d users, %q", len(users), err)
			}
			return
		}
		for _, u := range users {
			sound(t, u)
		}
	})
}

func sound(t *testing.T, u directory.User) {
	t.Helper()
	for _, text := range append([]string{u.ExternalID, u.Name, u.Email, u.Locale}, fmt.Sprint(u.Roles)) {
		if !utf8.ValidString(text) || strings.ContainsAny(text, "\x00\n\r\u202e") || text != strings.TrimSpace(text) {
			t.Errorf("text %q", text)
		}
	}
	if u.ExternalID == "" || u.Name == "" || u.Email != strings.ToLower(u.Email) || u.Line < 2 {
		t.Errorf("user %+v", u)
	}
	if u.Telegram != 0 && !directory.ValidAccount(u.Telegram) {
		t.Errorf("account %d", u.Telegram)
	}
	if slices.ContainsFunc(u.Roles, func(r people.Role) bool { return r.Name == "" || people.ParseRole(r.String()) != r }) {
		t.Errorf("roles %q", u.Roles)
	}
}
