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
	b.Sees("greetings", inMessage(pyotr, "true", "✅ Connected: Pyotr Petrov"))
	s.call("say", demo.Said{User: pyotr, Chat: pyotr, Text: "/rooms"}, nil)
	b.press(pyotr, "🔊 Daily call")
	b.reads(pyotr, "👤 Ivan Kozlov", "👤 Guest")
	b.press(pyotr, "📞")
	b.Sees("the button", `!!document.querySelector('[data-share]')`)
	b.picture("06-number")
	b.press(pyotr, "📱")
	b.reads(pyotr, "I keep the number encrypted")
	b.Sees("the contact", `[...document.querySelectorAll('.mine .contact')].some((c) => c.textContent.includes('Pyotr Petrov') && c.textContent.includes('+493023125'))`)
	b.Sees("the button is gone", `!document.querySelector('[data-share]')`)
	b.press(pyotr, "📞")
	b.reads(pyotr, "👤 Pyotr Petrov (you)", "👤 Ivan Kozlov")
	b.picture("07-room")
}
