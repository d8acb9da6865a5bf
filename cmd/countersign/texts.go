package main

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strings"

	"countersign/internal/config"
	"countersign/internal/locale"
	"countersign/web"
)

// readTexts reads the texts of the product with the operator's over them, and what is wrong
// with his.
func readTexts(cfg config.Config) (*locale.Texts, []error, error) {
	var own fs.FS
	if cfg.Locale.Dir != "" {
		own = os.DirFS(cfg.Locale.Dir)
	}
	return locale.LoadWith(web.Locales(), own)
}

// openTexts does so for the gateway. A mistake in the operator's files keeps nothing from
// starting, not even one that loses the language of groups: somebody may break a file at
// any time, and the gateway must come up again after it.
func openTexts(ctx context.Context, cfg config.Config, log *slog.Logger) (*locale.Texts, error) {
	texts, mistakes, err := readTexts(cfg)
	if err != nil {
		return nil, err
	}
	for _, m := range mistakes {
		log.ErrorContext(ctx, "a text of locale.dir is left out", slog.Any("error", m))
	}
	known, lang := texts.Languages(), cfg.Telegram.GroupLanguage
	switch {
	case slices.Contains(known, lang):
	case cfg.Locale.Dir == "":
		return nil, fmt.Errorf("%w: telegram.group_language is %q; there are %s", errUsage, lang, strings.Join(known, ", "))
	default:
		log.ErrorContext(ctx, "groups read English: there is no such language", slog.String("group_language", lang), slog.String("there_are", strings.Join(known, ", ")))
	}
	return texts, nil
}
