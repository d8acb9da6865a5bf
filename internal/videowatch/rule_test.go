package videowatch_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"countersign/internal/trueconf"
	"countersign/internal/videowatch"
)

// noon is a Monday.
func noon() time.Time { return time.Date(2026, 6, 15, 12, 0, 0, 0, time.UTC) }

func running(ago time.Duration) trueconf.Conference {
	return trueconf.Conference{ID: "4711", Session: "00000033@srv.example#vcs", Topic: "Standup", Owner: "anna", Running: true, Started: noon().Add(-ago), People: -1}
}

func crowd(letters string) []trueconf.Participant {
	var in []trueconf.Participant
	for _, r := range letters {
		in = append(in, map[rune]trueconf.Participant{
			'o': {ID: "anna@srv.example", Owner: true, Moderator: true}, 'm': {ID: "boris", Moderator: true},
			'u': {ID: "clara"}, 'g': {ID: "#guest:1@srv.example", Guest: true}, 'x': {ID: "#sip:1", External: true},
		}[r])
	}
	return in
}

func TestWhatIsForgotten(t *testing.T) {
	t.Parallel()
	const forgotten, fine, unknown = "forgotten ", "", "unknown"
	type conference = trueconf.Conference
	set := func(change func(*videowatch.Rule)) videowatch.Rule {
		r := videowatch.DefaultRule()
		change(&r)
		return r
	}
	usual := videowatch.DefaultRule()
	with := func(change func(*conference)) conference {
		c := running(2 * time.Hour)
		change(&c)
		return c
	}
	old := running(2 * time.Hour)
	hours := func(texts ...string) videowatch.Rule {
		return set(func(r *videowatch.Rule) {
			for _, text := range texts {
				w, err := videowatch.ParseWindow(text)
				if err != nil {
					t.Fatal(err)
				}
				r.Hours = append(r.Hours, w)
			}
		})
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		rule  videowatch.Rule
		c     conference
		in    string // "?": cannot be asked for
		wants string
	}{
		"the owner alone":                  {usual, old, "o", forgotten + "alone"},
		"a moderator alone":                {usual, old, "m", forgotten + "alone"},
		"people without a moderator":       {usual, old, "uug", forgotten + "no_moderator"},
		"one user alone":                   {usual, old, "u", forgotten + "no_moderator"},
		"a room system alone":              {usual, old, "x", forgotten + "no_moderator"},
		"nobody":                           {usual, old, "", forgotten + "empty"},
		"guests only":                      {usual, old, "gg", forgotten + "no_moderator"},
		"people with a moderator":          {usual, old, "mu", fine},
		"two moderators":                   {usual, old, "om", fine},
		"an hour and not a second less":    {usual, running(time.Hour), "o", forgotten + "alone"},
		"not an hour yet":                  {usual, running(time.Hour - time.Second), "o", fine},
		"begun by a clock that is ahead":   {usual, running(-time.Hour), "", fine},
		"an age that is not told":          {usual, with(func(c *conference) { c.Started = time.Time{} }), "", unknown},
		"an age from the room's creation":  {usual, with(func(c *conference) { c.Started, c.Created = time.Time{}, noon().AddDate(0, -6, 0) }), "o", unknown},
		"people that are not told":         {usual, old, "?", unknown},
		"young, and people not told":       {usual, running(time.Minute), "?", fine},
		"a run that has no name":           {usual, with(func(c *conference) { c.Session = "" }), "", unknown},
		"one that does not run":            {usual, with(func(c *conference) { c.Running = false }), "", fine},
		"no shape counts":                  {set(func(r *videowatch.Rule) { r.When = nil }), old, "", fine},
		"the owner may wait alone":         {set(func(r *videowatch.Rule) { r.When = []videowatch.Why{videowatch.NoModerator, videowatch.Empty} }), old, "o", fine},
		"people may be without moderator":  {set(func(r *videowatch.Rule) { r.When = []videowatch.Why{videowatch.Alone, videowatch.Empty} }), old, "uu", fine},
		"empty rooms are kept":             {set(func(r *videowatch.Rule) { r.When = []videowatch.Why{videowatch.Alone, videowatch.NoModerator} }), old, "", fine},
		"only guests count: guests":        {set(func(r *videowatch.Rule) { r.When = []videowatch.Why{videowatch.Guests} }), old, "gg", forgotten + "guests"},
		"only guests count: one is not":    {set(func(r *videowatch.Rule) { r.When = []videowatch.Why{videowatch.Guests} }), old, "gu", fine},
		"only guests count: nobody":        {set(func(r *videowatch.Rule) { r.When = []videowatch.Why{videowatch.Guests} }), old, "", fine},
		"fewer than it takes":              {set(func(r *videowatch.Rule) { r.Least = 2 }), old, "u", fine},
		"as many as it takes":              {set(func(r *videowatch.Rule) { r.Least = 2 }), old, "uu", forgotten + "no_moderator"},
		"more than it takes":               {set(func(r *videowatch.Rule) { r.Most = 2 }), old, "uuu", fine},
		"older than ten minutes":           {set(func(r *videowatch.Rule) { r.Older = 10 * time.Minute }), running(11 * time.Minute), "o", forgotten + "alone"},
		"left out by its id":               {set(func(r *videowatch.Rule) { r.IDs = []string{"1", "4711"} }), old, "", fine},
		"no id is not every id":            {set(func(r *videowatch.Rule) { r.IDs = []string{""} }), with(func(c *conference) { c.ID = "" }), "", forgotten + "empty"},
		"left out by its owner":            {set(func(r *videowatch.Rule) { r.Owners = []string{"ANNA@srv.example"} }), old, "", fine},
		"left out by its owner's place":    {set(func(r *videowatch.Rule) { r.Owners = []string{"anna"} }), with(func(c *conference) { c.Owner = "Anna@srv.example/1f" }), "", fine},
		"another owner":                    {set(func(r *videowatch.Rule) { r.Owners = []string{"ann"} }), old, "", forgotten + "empty"},
		"the owner's namesake elsewhere":   {set(func(r *videowatch.Rule) { r.Owners = []string{"anna@a.example"} }), with(func(c *conference) { c.Owner = "anna@b.example" }), "", forgotten + "empty"},
		"no owner is not every owner":      {set(func(r *videowatch.Rule) { r.Owners = []string{""} }), with(func(c *conference) { c.Owner = "" }), "", forgotten + "empty"},
		"left out by a tag":                {set(func(r *videowatch.Rule) { r.Tags = []string{"keep"} }), with(func(c *conference) { c.Tags = []string{"a", "Keep"} }), "", fine},
		"another tag":                      {set(func(r *videowatch.Rule) { r.Tags = []string{"keep"} }), with(func(c *conference) { c.Tags = []string{"keeper"} }), "", forgotten + "empty"},
		"left out by the hour":             {hours("Mon-Fri 09:00-18:00"), old, "", fine},
		"outside the hours":                {hours("Tue-Fri 09:00-18:00", "Mon 13:00-14:00"), old, "", forgotten + "empty"},
		"hours by the clock of the house":  {func() videowatch.Rule { r := hours("Mon 13:30-14:30"); r.Zone = berlin; return r }(), old, "", fine},
		"left out because it was planned":  {set(func(r *videowatch.Rule) { r.Scheduled = true }), with(func(c *conference) { c.Scheduled = true }), "", fine},
		"planned, and that does not count": {usual, with(func(c *conference) { c.Scheduled = true }), "", forgotten + "empty"},
		"left out before it is unknown":    {set(func(r *videowatch.Rule) { r.IDs = []string{"4711"} }), with(func(c *conference) { c.Started = time.Time{} }), "?", fine},
	} {
		v := c.rule.Judge(c.c, crowd(c.in), c.in != "?", noon())
		got := map[bool]string{true: unknown}[v.Unknown]
		if v.Forgotten {
			got += forgotten + string(v.Why)
		}
		if got != c.wants {
			t.Errorf("%s: %q, want %q", name, got, c.wants)
		}
	}
}

// Whatever a server tells: what is not known is never forgotten, nor is what is young, and a
// conference with a moderator beside others never is.
func TestTheForgottenIsKnownOldAndLeft(t *testing.T) {
	t.Parallel()
	all := []videowatch.Why{videowatch.Alone, videowatch.NoModerator, videowatch.Empty, videowatch.Guests}
	rapid.Check(t, func(t *rapid.T) {
		r := videowatch.Rule{
			Older: time.Duration(rapid.IntRange(60, 7200).Draw(t, "older")) * time.Second,
			When:  rapid.SliceOfDistinct(rapid.SampledFrom(all), rapid.ID).Draw(t, "when"),
			Least: rapid.IntRange(0, 3).Draw(t, "least"), Most: rapid.IntRange(0, 5).Draw(t, "most"),
		}
		c := running(time.Duration(rapid.IntRange(-60, 9000).Draw(t, "age")) * time.Second)
		c.Running = rapid.Bool().Draw(t, "runs")
		if rapid.Bool().Draw(t, "ageless") {
			c.Started = time.Time{}
		}
		if rapid.Bool().Draw(t, "nameless") {
			c.Session = ""
		}
		in := crowd(rapid.StringOfN(rapid.RuneFrom([]rune("omugx")), 0, 6, -1).Draw(t, "in"))
		known := rapid.Bool().Draw(t, "known")
		v := r.Judge(c, in, known, noon())
		leads := slices.ContainsFunc(in, func(p trueconf.Participant) bool { return p.Moderator })
		switch {
		case v.Forgotten && v.Unknown:
			t.Error("both forgotten and unknown")
		case v.Forgotten && (!known || c.Started.IsZero() || c.Session == "" || !c.Running):
			t.Error("forgotten although it is not known, or does not run")
		case v.Forgotten && noon().Sub(c.Started) < r.Older:
			t.Error("forgotten too early")
		case v.Forgotten && !slices.Contains(r.When, v.Why):
			t.Errorf("forgotten as %q, which does not count", v.Why)
		case v.Forgotten && len(in) > 1 && leads:
			t.Error("forgotten although somebody leads it")
		case v.Forgotten && (len(in) < r.Least || r.Most > 0 && len(in) > r.Most):
			t.Errorf("forgotten with %d people", len(in))
		case !v.Forgotten && v.Why != "":
			t.Errorf("not forgotten, and yet %q", v.Why)
		}
		if !v.Forgotten && !v.Unknown && c.Running && known && noon().Sub(c.Started) >= r.Older && !c.Started.IsZero() &&
			len(in) == 0 && r.Least == 0 && slices.Contains(r.When, videowatch.Empty) {
			t.Error("an old empty conference is not forgotten")
		}
	})
}

func TestHoursOfAWeek(t *testing.T) {
	t.Parallel()
	at := func(day int, clock string) time.Time { // 15 June 2026 is a Monday
		hour, err := time.Parse("15:04", clock)
		if err != nil {
			t.Fatal(err)
		}
		return time.Date(2026, 6, 14+day, hour.Hour(), hour.Minute(), 59, 0, time.UTC)
	}
	for _, c := range []struct {
		window  string
		in, out []time.Time
	}{
		{"Mon-Fri 09:00-18:00", []time.Time{at(1, "09:00"), at(5, "17:59")}, []time.Time{at(1, "08:59"), at(5, "18:00"), at(6, "12:00"), at(7, "12:00")}},
		{"Sat 00:00-24:00", []time.Time{at(6, "00:00"), at(6, "23:59")}, []time.Time{at(5, "23:59"), at(7, "00:00")}},
		{"Fri-Mon 22:00-06:00", []time.Time{at(5, "22:00"), at(1, "22:00"), at(2, "05:59"), at(6, "03:00")}, []time.Time{at(5, "03:00"), at(2, "06:00"), at(3, "03:00"), at(4, "23:00")}},
		{"Sun 12:00-12:00", []time.Time{at(0, "12:00"), at(1, "11:59")}, []time.Time{at(0, "11:59"), at(1, "12:00")}},
	} {
		w, err := videowatch.ParseWindow(c.window)
		if err != nil {
			t.Fatal(err)
		}
		for _, moment := range c.in {
			if !w.Covers(moment) {
				t.Errorf("%s does not cover %s", c.window, moment.Format("Mon 15:04"))
			}
		}
		for _, moment := range c.out {
			if w.Covers(moment) {
				t.Errorf("%s covers %s", c.window, moment.Format("Mon 15:04"))
			}
		}
	}
	for _, text := range []string{"", "Mon", "Mon 9:00-18:00", "Mon 09:00", "mon 09:00-18:00", "Mon-Fry 09:00-18:00", "Mon 24:00-18:00", "Mon 09:60-18:00", "Mon  09:00-18:00", "Mon 09:00-18:00-20:00", "Monday 09:00-18:00"} {
		if w, err := videowatch.ParseWindow(text); err == nil {
			t.Errorf("%q is read as %+v", text, w)
		}
	}
}
