package assure

import "fmt"

// Lacking says in words what somebody has to do before he can confirm as much as is asked
// for at least; nothing where he can. A stronger way is enough, too. A login is a way of
// whoever has an account of a login service that says when he signed in.
func Lacking(least Method, has []Method) string {
	if !least.Known() {
		return fmt.Sprintf("nobody can confirm by %s yet", least)
	}
	for _, m := range has {
		if m.rank() >= least.rank() {
			return ""
		}
	}
	switch least {
	case PIN:
		return "has no PIN: sends /login to the bot if never linked by a login, then /security"
	case Login:
		return "is not linked by a login that is dated: sends /login to the bot, or sets up codes with /security"
	case TOTP:
		return "has no one-time codes: sends /login to the bot if never linked by a login, then /security"
	default:
		return "has no passkey: sends /login to the bot if never linked by a login, then /security"
	}
}
