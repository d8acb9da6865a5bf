package videodesk

import (
	"errors"

	"countersign/internal/locale"
	"countersign/internal/trueconf"
)

// Trouble is the text that says what is wrong with a server, and what to look at, with its
// placeholders.
func Trouble(err error) (key string, data map[string]any) {
	data = map[string]any{"Right": ""}
	if e, ok := errors.AsType[*trueconf.Error](err); ok {
		data["Right"] = e.Right
	}
	key = map[trueconf.Kind]string{
		trueconf.Credentials: "video.trouble.credentials", trueconf.Right: "video.trouble.right", trueconf.TLS: "video.trouble.tls",
		trueconf.Timeout: "video.trouble.timeout", trueconf.Unreachable: "video.trouble.unreachable", trueconf.TooOld: "video.trouble.too_old",
		trueconf.NotFound: "video.trouble.not_found", trueconf.BadRequest: "video.trouble.bad_request", trueconf.NotSupported: "video.trouble.not_supported",
	}[trueconf.KindOf(err)]
	switch {
	case key == "":
		key = "video.trouble.other"
	case key == "video.trouble.right" && data["Right"] == "":
		key = "video.trouble.some_right"
	}
	return key, data
}

func trouble(lang locale.Lang, err error) string {
	return lang.T(Trouble(err))
}

// away is the screen of a server that did not answer as it should.
func (d *Desk) away(w work, err error, back link) draft {
	var p draft
	p.head(w.title())
	p.gap()
	p.say("⚠️ " + trouble(w.Lang, err))
	p.gap()
	p.say(d.seen(w))
	p.row(w.refresh(), back)
	return p
}
