package asterisk

import (
	"context"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// rights of the user in manager.conf that an action needs.
func rights(action string) string {
	switch action {
	case "Originate":
		return "write = originate"
	case "CoreShowChannels", "CoreSettings", "ShowDialPlan", "ConfbridgeList", "ConfbridgeListRooms":
		return "write = reporting"
	}
	return "write = call"
}

// What Asterisk says where there is nothing, and where nothing may be done. It has no codes.
func missing(text string) bool {
	return slices.Contains([]string{
		"No active conferences.", "No Conference by that name found.", "No Channel by that name found in Conference.",
		"No participants found!", "No such channel",
	}, text)
}

func denied(text string) bool {
	return text == "Permission denied" || strings.HasPrefix(text, "Originate Access Forbidden")
}

// do sends an action over the connection that is up.
func (c *Client) do(ctx context.Context, a action) (answer, error) {
	c.mu.Lock()
	n, why := c.conn, c.state.Err
	c.mu.Unlock()
	if n == nil {
		return answer{}, &Error{Action: a.name, Is: ErrAway, Err: why}
	}
	return c.on(ctx, n, a)
}

// on sends an action, and takes a refusal for an error.
func (c *Client) on(ctx context.Context, n *conn, a action) (answer, error) {
	within, cancel := context.WithTimeout(ctx, c.o.Timeout)
	defer cancel()
	got, err := n.ask(within, a)
	if err != nil {
		return answer{}, err
	}
	text := got.reply.get("Message")
	switch response := got.reply.get("Response"); {
	case response == "Success" || response == "Goodbye":
		return got, nil
	case response != "Error":
		return answer{}, &Error{Action: a.name, Is: ErrProtocol, Message: text}
	case missing(text):
		return answer{}, &Error{Action: a.name, Is: ErrNotFound, Message: text}
	case denied(text):
		return answer{}, &Error{Action: a.name, Is: ErrForbidden, Right: rights(a.name), Message: text}
	}
	return answer{}, &Error{Action: a.name, Is: ErrRefused, Message: text}
}

// greet logs in, sees that Asterisk has started and has our dialplan, and learns which calls
// are up and what its clock shows. The manager interface answers before the dialplan and its
// functions are there: a call that is made then may come into a room without being asked for
// the PIN.
func (c *Client) greet(ctx context.Context, n *conn) (State, error) {
	_, err := c.on(ctx, n, action{name: "Login", fields: []field{{"Username", c.o.User}, {"Secret", c.o.Secret.Reveal()}}})
	if err != nil {
		return State{}, login(err)
	}
	if err := c.boot(ctx, n); err != nil {
		return State{}, err
	}
	if err := c.furnished(ctx, n); err != nil {
		return State{}, err
	}
	settings, err := c.on(ctx, n, action{name: "CoreSettings"})
	if err != nil {
		return State{}, err
	}
	ahead, err := c.ahead(ctx, n)
	if err != nil {
		return State{}, err
	}
	up, err := c.on(ctx, n, action{name: "CoreShowChannels"})
	if err != nil {
		return State{}, err
	}
	c.mu.Lock()
	c.calls.found(up.items)
	c.mu.Unlock()
	c.recall(ctx, jobsOf(up.items), c.o.Now().Add(ahead))
	return State{Version: settings.reply.get("AsteriskVersion"), Ahead: ahead, Until: n.until()}, nil
}

// furnished sees that there is what no call can do without.
func (c *Client) furnished(ctx context.Context, n *conn) error {
	needed := [][]field{{{"Context", ContextOut}}, {{"Context", ContextRoom}, {"Extension", "failed"}}}
	if c.o.Spool != nil { // it must know the end of a call file's time
		needed = append(needed, []field{{"Context", ContextOut}, {"Extension", "late"}})
	}
	for _, fields := range needed {
		_, err := c.on(ctx, n, action{name: "ShowDialPlan", fields: fields})
		if errors.Is(err, ErrRefused) {
			err = &Error{Action: "ShowDialPlan", Is: ErrNotReady, Message: "its dialplan lacks what deploy/asterisk/extensions.conf has", Err: err}
		}
		if err != nil {
			return err
		}
	}
	_, err := c.on(ctx, n, action{name: "ConfbridgeListRooms"})
	switch {
	case errors.Is(err, ErrNotFound):
		return nil
	case errors.Is(err, ErrRefused):
		return &Error{Action: "ConfbridgeListRooms", Is: ErrNotReady, Message: "the module app_confbridge is not loaded", Err: err}
	}
	return err
}

// ahead is how far Asterisk's clock is ahead of ours.
func (c *Client) ahead(ctx context.Context, n *conn) (time.Duration, error) {
	asked := c.o.Now()
	pong, err := c.on(ctx, n, action{name: "Ping"})
	if err != nil {
		return 0, err
	}
	at, err := strconv.ParseFloat(pong.reply.get("Timestamp"), 64)
	if err != nil || at < 0 || at > math.MaxInt32*half {
		return 0, &Error{Action: "Ping", Is: ErrProtocol, Message: "it does not say what its clock shows"}
	}
	now := c.o.Now()
	return time.UnixMicro(int64(at * float64(time.Second/time.Microsecond))).Sub(asked.Add(now.Sub(asked) / half)), nil
}

// boot waits until Asterisk says that it has started. Who may not hear it waits in vain.
func (c *Client) boot(ctx context.Context, n *conn) error {
	t := time.NewTimer(c.o.Timeout)
	defer t.Stop()
	select {
	case <-n.booted:
		return nil
	case <-n.ended:
		return n.why()
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return &Error{Action: "Login", Is: ErrNotReady, Message: "it is still starting, or the user in manager.conf lacks read = system"}
	}
}

// login is what a refused one means.
func login(err error) error {
	if e, ok := err.(*Error); ok && (e.Is == ErrRefused || e.Is == ErrForbidden) { //nolint:errorlint // it is as [Client.on] made it
		return &Error{Action: "Login", Is: ErrLogin, Message: e.Message}
	}
	return err
}

// Originate has Asterisk make a call, by whichever way [Options] say. It comes back as soon as
// Asterisk took it; what becomes of it is told by events. By call files a number is called once
// at a time: [ErrInProgress], which is [ErrRefused], too. While a call with the same job is up, no second one is made: its
// channel would have the same id, and Asterisk refuses that, which nothing tells of. Once it
// is over the same job is called again.
//
// After [ErrUnanswered] look for the job among [Client.Channels]. A channel is there some
// milliseconds after Asterisk took the call.
func (c *Client) Originate(ctx context.Context, o Originate) error {
	if err := o.check(); err != nil {
		return err
	}
	c.mu.Lock()
	c.calls.anew(o.Job)
	c.mu.Unlock()
	if c.o.Spool != nil {
		return c.byFile(ctx, o)
	}
	fields := []field{
		{"Channel", o.Channel},
		{"Context", o.Context},
		{"Exten", o.Exten},
		{"Priority", strconv.Itoa(o.Priority)},
		{"Timeout", strconv.FormatInt(o.Timeout.Milliseconds(), 10)},
		{"CallerID", callerID(o)},
		{"Account", account + o.Job},
		{"ChannelId", o.Job},
		{"Async", "true"},
	}
	for _, v := range o.Variables {
		fields = append(fields, field{"Variable", v.Name + "=" + v.Value.Reveal()})
	}
	_, err := c.do(ctx, action{name: "Originate", fields: fields})
	return err
}

func callerID(o Originate) string {
	switch {
	case o.CallerName == "" && o.CallerNumber == "":
		return ""
	case o.CallerName == "":
		return "<" + o.CallerNumber + ">"
	}
	return `"` + o.CallerName + `" <` + o.CallerNumber + ">"
}

// Hangup ends a channel, whatever it is at. The job of a call by [Client.Originate] is good
// for its name.
func (c *Client) Hangup(ctx context.Context, channel string) error {
	if err := checkChannel(channel); err != nil {
		return err
	}
	if c.o.Spool != nil && isJob(channel) { // a channel of a call file has an id of its own
		up, err := c.Channels(ctx)
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(up, func(ch Channel) bool { return ch.Job == channel }); i >= 0 {
			channel = up[i].Name
		}
	}
	_, err := c.do(ctx, action{name: "Hangup", fields: []field{{"Channel", channel}}})
	return err
}

// Channels lists all that are up, whosever they are.
func (c *Client) Channels(ctx context.Context) ([]Channel, error) {
	got, err := c.do(ctx, action{name: "CoreShowChannels"})
	if err != nil {
		return nil, err
	}
	all := make([]Channel, 0, len(got.items))
	for _, m := range got.items {
		ch := Channel{Name: m.get("Channel"), ID: m.get("Uniqueid"), Job: jobOf(m), Answered: m.get("ChannelState") == stateUp}
		if m.get("Context") == ContextRoom && isRoom(m.get("Exten")) {
			ch.Room = m.get("Exten")
		}
		all = append(all, ch)
	}
	return all, nil
}

// Version asks which Asterisk it is.
func (c *Client) Version(ctx context.Context) (string, error) {
	got, err := c.do(ctx, action{name: "CoreSettings"})
	return got.reply.get("AsteriskVersion"), err
}

// checkChannel refuses what is no name: one that begins with "/" is a pattern for Asterisk, and
// would end all channels that are like it.
func checkChannel(name string) error {
	return checked{"Channel", name, func(s string) bool {
		return writable(s) && len(s) < mostChannel && (isJob(s) || strings.IndexByte(s, '/') > 0)
	}, "must be the whole name of one channel"}.check()
}

const mostChannel = 200

// settle is a time to wait for something that Asterisk said it did.
func (c *Client) settle(ctx context.Context, done <-chan struct{}) bool {
	t := time.NewTimer(c.o.Settle)
	defer t.Stop()
	select {
	case <-done:
		return true
	case <-t.C:
	case <-ctx.Done():
	}
	return false
}
