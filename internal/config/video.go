package config

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// longestServer is what the scope of a role holds: people have their rights by the name.
const longestServer = 100

// watchRules are those of looking after a video server.
func (s TrueConfServer) watchRules(name string) []rule {
	path := serverPath(name)
	const day = 24 * time.Hour
	return []rule{
		{len([]rune(name)) > longestServer || strings.ContainsFunc(name, isControl), path, fmt.Sprintf("has a name of more than %d characters, or one with a line break in it; people choose a server by its name", longestServer)},
		outside(path+".check_of", s.CheckOf, 1, 20),
		{s.CheckFailures < 1 || s.CheckFailures > s.CheckOf, path + ".check_failures", "must be between 1 and check_of: so many of so many looks must fail before anybody is told"},
		{s.ForgottenInterval != 0 && s.ForgottenInterval < 10*time.Second || s.ForgottenInterval > day, path + ".forgotten_interval", `must be between "10s" and "24h", or "0s" to look for none`},
		outside(path+".forgotten_after", s.ForgottenAfter, time.Minute, 30*day),
		{
			slices.ContainsFunc(s.ForgottenWhen, func(w string) bool { return !slices.Contains([]string{"alone", "no_moderator", "empty", "guests"}, w) }), path + ".forgotten_when",
			`holds something that it cannot; write some of ["alone", "no_moderator", "empty", "guests"]`,
		},
		outside(path+".forgotten_least", s.ForgottenLeast, 0, 1_000_000),
		{s.ForgottenMost < 0 || s.ForgottenMost > 0 && s.ForgottenMost < s.ForgottenLeast, path + ".forgotten_most", "is smaller than forgotten_least; make it at least as large, or 0 for no bound"},
		{
			slices.ContainsFunc(s.ForgottenExceptHours, func(w string) bool { return !isWeekly(w) }), path + ".forgotten_except_hours",
			`holds something that is no hours of a week; write ["Mon-Fri 09:00-18:00", "Sat 10:00-14:00"]`,
		},
		{s.ForgottenStopAfter != 0 && s.ForgottenStopAfter < time.Minute || s.ForgottenStopAfter > 7*day, path + ".forgotten_stop_after", `must be between "1m" and "168h", or "0s" to stop nothing by itself`},
		{s.ForgottenStopAfter > 0 && s.ForgottenInterval == 0, path + ".forgotten_stop_after", "is set although forgotten_interval is 0s, so that nothing is looked for; set both or neither"},
		{s.ForgottenStopAfter > 0 && s.StopRoute != "" && !s.ForgottenDryRun, path + ".forgotten_stop_after", "stops conferences without the approval that stop_route asks for; set one of them, or forgotten_dry_run"},
		{s.ForgottenDryRun && s.ForgottenStopAfter == 0, path + ".forgotten_dry_run", "is on although nothing is stopped; set forgotten_stop_after, too"},
	}
}

// isWeekly reports whether a text is hours on days of the week. They may end on the next day.
func isWeekly(text string) bool {
	const days, clock = `(Mon|Tue|Wed|Thu|Fri|Sat|Sun)`, `([01]\d|2[0-3]):[0-5]\d`
	return matches(`^`+days+`(-`+days+`)? `+clock+`-(`+clock+`|24:00)$`, text)
}
