package asterisk

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"time"

	"countersign/internal/secret"
)

// ContextCheck is where the dialplan tells what there is; a call to it rings nobody.
const ContextCheck = "countersign-check"

// trial is what the jobs of such calls begin with. No client tells of them.
const trial = "try-"

// Check is what a try has found.
type Check struct {
	Lacks   []string // rights to hear, as "read = call"
	Old     bool     // the dialplan is from before there was a check: nothing more is known
	Trunk   string   // how the line to the network is, as Asterisk has it: [TrunkUnknown], [TrunkAway]
	Modules []string // that are not loaded, as "app_exec"
	Prompts []string // that there are not, as "de/conf-locked"; English is spoken in their place
}

// States of the trunk in which nobody is reached. In others somebody may be.
const (
	TrunkUnknown = "INVALID"
	TrunkAway    = "UNAVAILABLE"
)

// trying is a try that goes on.
type trying struct {
	job    string
	heard  map[string]bool // classes of events
	found  Check
	failed bool
	over   chan struct{}
}

// Try finds out whether the user may do and hear what calls need, and whether Asterisk has
// what they need, and rings nobody: it ends a channel that there is not, and has the dialplan
// tell, which must be heard within patience. The error is [ErrForbidden] with the right to
// act that is missing, or what else was wrong.
func (c *Client) Try(ctx context.Context, patience time.Duration) (Check, error) {
	t := &trying{job: trial + rand.Text(), heard: map[string]bool{}, found: Check{Old: true}, over: make(chan struct{})}
	if err := c.Hangup(ctx, t.job); err != nil && !errors.Is(err, ErrNotFound) {
		return Check{}, err
	}
	c.mu.Lock()
	c.tries = append(c.tries, t)
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.tries = slices.DeleteFunc(c.tries, func(o *trying) bool { return o == t })
	}()
	err := c.Originate(ctx, Originate{
		Job: t.job, Channel: "Local/" + t.job + "@" + ContextCheck + "/n", Timeout: time.Second,
		Context: ContextRoom, Exten: "failed", Priority: 1, Variables: []Variable{{VariableJob, secret.Text(t.job)}},
	})
	if err != nil {
		return Check{}, err
	}
	enough := time.NewTimer(patience)
	defer enough.Stop()
	select {
	case <-t.over:
	case <-enough.C:
	case <-ctx.Done():
		return Check{}, ctx.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return t.result(), nil
}

func (t *trying) result() Check {
	out := t.found
	for _, class := range []string{"call", "user"} {
		if !t.heard[class] {
			out.Lacks = append(out.Lacks, "read = "+class)
		}
	}
	return out
}

// tried takes what is told of a try, and reports whether it was of one, perhaps another client's.
func (c *Client) tried(m message) bool {
	job := accounted(m.get("AccountCode"))
	if m.get("Event") == "UserEvent" {
		job = m.get("Job")
	}
	if !strings.HasPrefix(job, trial) {
		return false
	}
	for _, t := range c.tries {
		if t.job == job {
			t.hear(m)
		}
	}
	return true
}

func (t *trying) hear(m message) {
	class, _, _ := strings.Cut(m.get("Privilege"), ",")
	t.heard[class] = true
	if m.get("Event") == "UserEvent" {
		t.read(m)
	}
	last := m.get("Event") == "Hangup" && m.get("Channel") == spoolFailed
	if t.failed = t.failed || m.get("Result") == "FAILED"; last {
		t.heard["end"] = true
	}
	if t.failed && t.heard["end"] {
		select {
		case <-t.over:
		default:
			close(t.over)
		}
	}
}

// read takes what the dialplan tells. Of the functions that it looks with it tells first what
// they make of what is known.
func (t *trying) read(m message) {
	switch m.get("Result") {
	case "CHECK":
		t.found.Old, t.found.Trunk = false, m.get("Trunk")
		if m.get("Module") != "1" {
			t.lack("func_module")
		}
		if m.get("Shift") != "good" {
			t.lack("func_strings")
		}
	case "NO_MODULE":
		t.lack(m.get("Module"))
	case "NO_PROMPT":
		if name := m.get("Prompt"); made(name, 1, maxName, word+"/_-") && len(t.found.Prompts) < maxName {
			t.found.Prompts = append(t.found.Prompts, name)
		}
	}
}

func (t *trying) lack(module string) {
	if made(module, 1, maxName, word+"_") && !slices.Contains(t.found.Modules, module) && len(t.found.Modules) < maxName {
		t.found.Modules = append(t.found.Modules, module)
	}
}
