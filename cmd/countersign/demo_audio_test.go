package main

import (
	"testing"

	"github.com/chromedp/chromedp"

	"countersign/internal/demo"
)

// Who has given no number yet shares it by a button of the page, and is called.
func TestNumberIsSharedOnThePageOfTheDemonstration(t *testing.T) {
	t.Parallel()
	b := openBrowser(t)
	s := startDemo(t)
	b.Do("open", chromedp.EmulateViewport(1440, 900), chromedp.Navigate(s.url+"/?lang=en"))
	b.Sees("greetings", inMessage(ivan, "true", "✅ Connected: Ivan Kozlov"))
	s.call("say", demo.Said{User: ivan, Chat: ivan, Text: "/rooms"}, nil)
	b.press(ivan, "🔊 Daily call")
	b.reads(ivan, "👤 Pyotr Petrov", "👤 Guest")
	b.press(ivan, "📞")
	b.Sees("the button", `!!document.querySelector('[data-share]')`)
	b.picture("06-number")
	b.press(ivan, "📱")
	b.reads(ivan, "I keep the number encrypted")
	b.Sees("the button is gone", `!document.querySelector('[data-share]')`)
	b.press(ivan, "📞")
	b.reads(ivan, "👤 Ivan Kozlov (you)", "👤 Pyotr Petrov")
	b.picture("07-room")
}
