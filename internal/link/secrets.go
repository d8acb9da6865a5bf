package link

import (
	"countersign/internal/google"
	"countersign/internal/pages"
)

// requestOf is the attempt of one browser at the login service.
func requestOf(c pages.Seed) google.Request {
	return google.Request{State: stateOf(c), Nonce: c.Token("link nonce"), Verifier: c.Token("link verifier")}
}

func stateOf(c pages.Seed) string { return c.Token("link state") }

// proofOf goes back to the chat in a link, codeOf by hand.
func proofOf(c pages.Seed) string { return c.Token("link proof") }

func codeOf(c pages.Seed) string { return c.Code("link code") }
