package assure

import (
	"strconv"

	"countersign/internal/pages"
)

// tokenOf is a secret of the browser for one purpose in one of the logins of an attempt.
func tokenOf(c pages.Seed, purpose string, login int) string {
	return c.Token("assure " + purpose + " " + strconv.Itoa(login))
}
