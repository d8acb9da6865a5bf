package videowatch

// See plays looks at a part, a letter each, and gives the state after each of them.
func (c Check) See(looks string) []State {
	states := map[rune]State{'w': Well, 'd': Down, 's': Soon, 'e': Expired}
	var g gauge
	var out []State
	for _, r := range looks {
		g = c.see(g, states[r])
		out = append(out, g.State)
	}
	return out
}
