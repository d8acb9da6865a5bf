package main

import (
	"testing"

	"github.com/chromedp/chromedp"

	"countersign/internal/demo"
)

// From the card to the frame, as two people see it: one calls, the other comes by his own
// link, is in the conference, leaves, and is back where he began.
func TestCardLeadsIntoTheFrameOfTheVideoServerInABrowser(t *testing.T) {
	t.Parallel()
	b := openBrowser(t)
	s := startDemo(t)
	s.post(demo.Entry{Title: "Rent, June", Payee: "Landlord LLC", Amount: "125000.00"})
	b.Do("open", chromedp.EmulateViewport(1440, 900), chromedp.Navigate(s.url+"/?lang=en"))
	b.reads(pyotr, "4711", "👉")
	b.press(pyotr, "📹")
	b.reads(anna, "Pyotr Petrov asks you to a video meeting", "4711")
	b.press(anna, "🎥")
	b.reads(anna, "This way in is yours alone")
	way := s.card(anna, "This way in is yours alone").Keyboard[0][0].URL

	tab := &browser{t: t, Browser: b.Tab()}
	tab.Do("her link", chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch), chromedp.Navigate(way+"?lang=en"))
	tab.Sees("her name", `document.querySelector('main').dataset.page === 'first' && document.getElementById('name').value === 'Anna Ivanova'`)
	tab.click(`//button[@class="act"]`)
	const frame = `document.querySelector('#stage iframe')`
	tab.Sees("the frame of the video server alone", `(() => {
		const f = `+frame+`, main = document.querySelector('main');
		return main.dataset.page === 'in' && main.hidden && f.src.startsWith(main.dataset.origin + '/webrtc/') && f.offsetWidth === innerWidth && f.offsetHeight > innerHeight / 2 })()`)
	tab.picture("19-meeting")
	tab.click(`//button[@id="out"]`)
	tab.Sees("where she began", `document.querySelector('main').dataset.page === 'first' && !`+frame+` && !document.querySelector('main').hidden
		&& document.getElementById('said').innerText.includes('You have left') && document.getElementById('name').value === 'Anna Ivanova' && !document.querySelector('button.act').disabled`)
}
