package deed

import "cmp"

// Words is the key of the text that says what was done and how it ended, where the words for
// it tell that.
func (d Deed) Words() string {
	all := words()
	return cmp.Or(all[[2]string{d.What, d.Outcome}], all[[2]string{d.What}], "video.did.unknown")
}

// words are the texts by what was done and how it ended. An approval that was asked for, and
// a conference that was closed, end in words of those who write them down.
func words() map[[2]string]string {
	return map[[2]string]string{
		{Stop}: "video.did.unknown", {Stop, Done}: "video.did.stopped", {Stop, Over}: "video.did.over", {Stop, Other}: "video.did.other",
		{Stop, Failed}: "video.did.failed", {Stop, CalledOff}: "video.did.called_off", {Stop, Unclear}: "video.did.unclear",
		{Snooze}: "video.did.snooze", {Ignore}: "video.did.ignore",

		{Ask}: "video.did.ask", {Ask, "approved"}: "video.did.ask_approved", {Ask, "refused"}: "video.did.ask_refused",
		{Ask, "over"}: "video.did.ask_over", {Ask, "unasked"}: "video.did.ask_unasked", {Ask, "orphaned"}: "video.did.ask_orphaned",

		{Arrange}: "video.did.arrange", {Call}: "video.did.call", {Prolong}: "video.did.prolong", {Replace}: "video.did.replace", {Revoke}: "video.did.revoke",
		{Admit}: "video.did.admit", {Decline}: "video.did.decline", {Open}: "video.did.open", {Join}: "video.did.join", {Forget}: "video.did.forget",

		{Close, "left"}: "video.did.close_left", {Close, "idle"}: "video.did.close_idle", {Close, "too_old"}: "video.did.close_too_old",
		{Close, "revoked"}: "video.did.close_revoked", {Close}: "video.did.close_gone",
	}
}

// Words is the key of the text that says who that is; empty for a person, who has a name.
func (b By) Words() string {
	switch b.kind() {
	case "person":
		return ""
	case "key":
		return "video.by.key"
	case "guest":
		return "video.by.guest"
	default:
		return "video.by.rule"
	}
}
