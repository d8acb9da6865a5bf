package audiodesk

import (
	"slices"

	"countersign/internal/people"
)

// fate is what becomes of somebody who is asked to talk.
type fate string

// The fates.
const (
	rings      fate = "rings"
	inThere    fate = "in"        // he is in the room, or is being called into it
	elsewhere  fate = "elsewhere" // in another call
	numberless fate = "no_number"
	strange    fate = "prefix"    // his number begins like none that is called
	tired      fate = "daily"     // he was called as often as may be
	allTired   fate = "daily_all" // so many were called that nobody is any more
)

// guest is somebody who is asked to talk.
type guest struct {
	people.Person

	mark   []byte // of his number
	before []byte // the same by the key before, if there is one
	bar    fate   // why no phone of his can be called; empty: it can
}

// tally is what decides on who is called, at one moment.
type tally struct {
	before int // calls that the same tap asked for
	all    int // calls within a day
	of     []one
}

// one is how it is with a guest.
type one struct {
	member  bool // he was asked into the room before
	inside  bool // he has a call into it
	calling bool // he, or his number, has a call
	today   int  // calls to him, or his number, within a day
}

// fates are those of the guests, in their order.
func (t tally) fates(all []guest, r Rules) []fate {
	out := make([]fate, 0, len(all))
	var rung [][]byte
	for i, g := range all {
		how := t.of[i].fate(g, r)
		switch {
		case how != rings:
		case slices.ContainsFunc(rung, func(mark []byte) bool { return slices.Equal(mark, g.mark) }):
			how = elsewhere // two share a phone
		case t.all+len(rung) >= r.DailyAll:
			how = allTired
		default:
			rung = append(rung, g.mark)
		}
		out = append(out, how)
	}
	return out
}

func (o one) fate(g guest, r Rules) fate {
	switch {
	case o.inside:
		return inThere
	case g.bar != "":
		return g.bar
	case o.calling:
		return elsewhere
	case o.today >= r.Daily:
		return tired
	default:
		return rings
	}
}
