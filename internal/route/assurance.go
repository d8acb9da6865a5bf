package route

import "slices"

// Assurance says by what a person has shown to be who he is. The later of two words of
// the list is the stronger one; a word that is not in it is worth nothing.
type Assurance string

// The ways to show it, from the weakest up.
const (
	ByChat    Assurance = "chat"    // the account in the messenger alone
	ByPIN     Assurance = "pin"     // a secret number, on our page
	ByLogin   Assurance = "login"   // a login made for this
	ByTOTP    Assurance = "totp"    // a code of an app
	ByPasskey Assurance = "passkey" // a key of the device
)

func (a Assurance) rank() int {
	return slices.Index([]Assurance{ByChat, ByPIN, ByLogin, ByTOTP, ByPasskey}, a)
}

// Known reports whether the word is one of the list.
func (a Assurance) Known() bool { return a.rank() >= 0 }

// Gives reports whether it is enough where so much is asked for. A word that is unknown
// gives nothing, and nothing is enough for it.
func (a Assurance) Gives(least Assurance) bool {
	return a.Known() && least.Known() && a.rank() >= least.rank()
}

// stronger gives the one that asks for more.
func (a Assurance) stronger(b Assurance) Assurance {
	if a.rank() > b.rank() {
		return a
	}
	return b
}

// Raise gives what is asked for, step by step, where both lists ask: never less than
// either. A list that is nil asks for nothing beyond the chat.
func Raise(a, b []Assurance) []Assurance {
	if len(a) < len(b) {
		a, b = b, a
	}
	out := slices.Clone(a)
	for i := range b {
		out[i] = out[i].stronger(b[i])
	}
	return out
}
