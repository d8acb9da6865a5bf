package config_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/config"
)

const exampleFile = "../../configs/countersign.example.toml"

func example(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// settings is the lines of the example that set something, with the "#" taken away.
func settings(text string) string {
	return regexp.MustCompile(`(?m)^#(\[|[a-z])`).ReplaceAllString(text, "$1")
}

func TestTheExampleAsItStandsChangesNothing(t *testing.T) {
	t.Parallel()
	same(t, mustLoad(t, example(t)), config.Default())
}

func TestTheExampleShowsEveryKeyWithItsDefault(t *testing.T) {
	t.Parallel()
	cfg := mustLoad(t, settings(example(t)))

	const office = "Head office"
	server := cfg.TrueConf.Servers[office]
	if server.Address == "" || server.ClientID == "" || server.ClientSecret == "" {
		t.Errorf("the example of a video server is not whole: %+v", server)
	}
	server.Address, server.ClientID, server.ClientSecret = "", "", ""
	same(t, server, config.DefaultTrueConfServer())

	const sso = "keycloak"
	service := cfg.Login.Services[sso]
	if service.Title == "" || service.Issuer == "" || service.ClientID == "" || service.ClientSecret == "" {
		t.Errorf("the example of a login service is not whole: %+v", service)
	}
	service.Title, service.Issuer, service.ClientID, service.ClientSecret = "", "", "", ""
	same(t, service, config.LoginService{})

	const group = "payers@example.com"
	if g := cfg.Workspace.Groups[group]; len(g.Roles) == 0 {
		t.Errorf("the example of a group is not whole: %+v", g)
	}
	cfg.TrueConf.Servers, cfg.Login.Services, cfg.Workspace.Groups = nil, nil, nil
	same(t, cfg, config.Default())
}

func TestTheExampleAndTheProgramKnowTheSameKeys(t *testing.T) {
	t.Parallel()
	var shown, known []string
	section := ""
	explained, gap := false, true
	for line := range strings.Lines(settings(example(t))) {
		line = strings.TrimSpace(line)
		switch key, _, isKey := strings.Cut(line, " = "); {
		case strings.HasPrefix(line, "["):
			section = strings.Trim(line, "[]") + "."
		case strings.HasPrefix(line, "#"):
			explained, gap = true, false
		case line == "":
			explained, gap = false, true
		case isKey:
			shown = append(shown, section+key)
			if !explained || gap {
				t.Errorf("%s%s has no explanation above it", section, key)
			}
		}
	}
	for _, s := range mustLoad(t, settings(example(t))).Describe() {
		known = append(known, s.Name)
	}
	slices.Sort(shown)
	slices.Sort(known)
	if diff := cmp.Diff(known, shown); diff != "" {
		t.Errorf("keys of the program and of the example differ (-program +example)\n%s", diff)
	}
	if len(slices.Compact(slices.Clone(shown))) != len(shown) {
		t.Error("a key is shown twice")
	}
}

func TestTheExampleMarksEverySecret(t *testing.T) {
	t.Parallel()
	paragraphs := strings.Split(example(t), "\n\n")
	for _, k := range config.Keys() {
		_, name, _ := strings.Cut(k.Name, ".")
		section := "[" + strings.TrimSuffix(k.Name, "."+name) + "]"
		inside := false
		for _, p := range paragraphs {
			if header := regexp.MustCompile(`(?m)^#?\[.*`).FindString(p); header != "" {
				inside = header == section
			}
			if inside && strings.Contains(p, "\n#"+name+" = ") && strings.Contains(p, "Secret.") != k.Secret {
				t.Errorf("%s is a secret: %v, and the example says otherwise", k.Name, k.Secret)
			}
		}
	}
}
