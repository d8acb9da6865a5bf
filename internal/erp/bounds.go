package erp

import (
	"net/http"
	"strconv"
)

// What a body may be made of, and how much an answer tells of it. A body that is all
// mistakes must cost no more than one that is all right.
const (
	mostDepth = 32   // objects and lists in one another
	mostNames = 1000 // in one object
	// mostFaults are told in one answer, those of all items of a batch together.
	mostFaults = 100
	// mostTold is what the faults of one problem take in an answer, in bytes.
	mostTold = 32 << 10
	// mostNotes and mostNoted bound what is told of values taken in another form.
	mostNotes = 200
	mostNoted = 24 << 10
)

// weigh refuses a text that would cost much memory to read. It looks at the marks alone:
// whether the text is JSON at all the decoder finds, and it stops where it is not.
func weigh(text []byte) error {
	var names [mostDepth + 1]int // of the object at each depth
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			i = closing(text, i)
		case '{', '[':
			if depth++; depth > mostDepth {
				return &problemError{status: http.StatusBadRequest, code: "invalid_json", hint: "byte " + strconv.Itoa(i) + ": { [ > " + strconv.Itoa(mostDepth)}
			}
			names[depth] = 0
		case '}', ']':
			if depth--; depth < 0 {
				return nil
			}
		case ':':
			if names[depth]++; names[depth] > mostNames {
				return &problemError{status: http.StatusBadRequest, code: "too_many", hint: "byte " + strconv.Itoa(i) + ": { } > " + strconv.Itoa(mostNames)}
			}
		}
	}
	return nil
}

// closing finds the end of the text that begins with the quotation mark at i.
func closing(text []byte, i int) int {
	for i++; i < len(text) && text[i] != '"'; i++ {
		if text[i] == '\\' {
			i++
		}
	}
	return i
}

// gathered are faults: the first of them, and how many there are besides.
type gathered struct {
	kept faults
	more int
}

func (g *gathered) add(field, code, hint string) {
	if g.full() {
		g.more++
		return
	}
	g.kept.add(field, code, hint)
}

func (g *gathered) full() bool { return len(g.kept) == mostFaults }

func (g *gathered) none() bool { return len(g.kept) == 0 }

// keep leaves so many faults and counts the others.
func (p *problemError) keep(most int) {
	if over := len(p.faults) - most; over > 0 {
		p.faults, p.more = p.faults[:most], p.more+over
	}
}

// share leaves problems so many faults together that an answer can hold them. They take
// turns, so that each tells its first.
func share(problems []*problemError) {
	share := make([]int, len(problems))
	left := mostFaults
	for turn := 0; left > 0 && turn < mostFaults; turn++ {
		for i, p := range problems {
			if left > 0 && len(p.faults) > turn {
				share[i]++
				left--
			}
		}
	}
	for i, p := range problems {
		p.keep(share[i])
	}
}

// notes are values that were taken in another form: the first of them, and how many there
// are besides.
type notes struct {
	kept  []Normalized
	bytes int
	more  int
}

func (n *notes) put(field, from, to string) {
	one := Normalized{Field: field, From: shown(from), To: shown(to)}
	n.bytes += len(one.Field) + len(one.From) + len(one.To)
	if len(n.kept) == mostNotes || n.bytes > mostNoted {
		n.bytes, n.more = mostNoted, n.more+1 // a shorter one after it is not told either
		return
	}
	n.kept = append(n.kept, one)
}
