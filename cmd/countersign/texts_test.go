package main

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"countersign/internal/config"
)

func TestTextsOfTheOperatorNeverKeepTheGatewayFromStarting(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{"fr.toml": "\"button.cancel\" = \"Annuler\"\n\"no.such\" = \"x\"\n", "it.toml": "half a fi"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		dir, group string
		refused    bool
		says       []string
	}{
		"of the product":        {"", "ru", false, nil},
		"none such":             {"", "fr", true, nil},
		"of the operator":       {dir, "fr", false, []string{"fr.toml: no.such", "it.toml:1"}},
		"lost with its file":    {dir, "it", false, []string{"it.toml:1", "groups read English"}},
		"with the whole folder": {filepath.Join(dir, "gone"), "fr", false, []string{"the folder cannot be read", "groups read English"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := config.Default()
			cfg.Locale.Dir, cfg.Telegram.GroupLanguage = c.dir, c.group
			var said bytes.Buffer
			texts, err := openTexts(t.Context(), cfg, slog.New(slog.NewTextHandler(&said, nil)))
			if c.refused {
				if !errors.Is(err, errUsage) {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range c.says {
				if !strings.Contains(said.String(), want) {
					t.Errorf("%q is not said in %s", want, &said)
				}
			}
			if c.says == nil && said.Len() > 0 {
				t.Errorf("said: %s", &said)
			}
			if got := texts.For("fr").T("button.cancel", nil); c.dir == dir && got != "Annuler" {
				t.Errorf("fr says %q", got)
			}
		})
	}
}
