package asterisk

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
)

// Rooms lists those with somebody in them.
func (c *Client) Rooms(ctx context.Context) ([]Room, error) {
	return roomsOf(c.do(ctx, action{name: "ConfbridgeListRooms"}))
}

func roomsOf(got answer, err error) ([]Room, error) {
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	}
	all := make([]Room, 0, len(got.items))
	for _, m := range got.items {
		people, err := strconv.Atoi(m.get("Parties"))
		if err != nil {
			return nil, &Error{Action: "ConfbridgeListRooms", Is: ErrProtocol, Err: err}
		}
		all = append(all, Room{Name: m.get("Conference"), People: people, Locked: yes(m, "Locked")})
	}
	return all, nil
}

// People lists who is in a room; nobody when there is no such room.
func (c *Client) People(ctx context.Context, room string) ([]Participant, error) {
	got, err := c.room(ctx, "ConfbridgeList", room)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	}
	all := make([]Participant, 0, len(got.items))
	for _, m := range got.items {
		all = append(all, Participant{
			Job: jobOf(m), Channel: m.get("Channel"), Number: known(m.get("CallerIDNum")), Name: known(m.get("CallerIDName")),
			Admin: yes(m, "Admin"), Muted: yes(m, "Muted"),
		})
	}
	return all, nil
}

// Mute silences a participant for the others.
func (c *Client) Mute(ctx context.Context, room, channel string) error {
	return c.person(ctx, "ConfbridgeMute", room, channel)
}

// Unmute has him heard again.
func (c *Client) Unmute(ctx context.Context, room, channel string) error {
	return c.person(ctx, "ConfbridgeUnmute", room, channel)
}

// Lock has only administrators come into a room from now on. A room that ends and begins
// anew is not locked.
func (c *Client) Lock(ctx context.Context, room string) error {
	return c.bolt(ctx, "ConfbridgeLock", room)
}

// Unlock has everybody come in again.
func (c *Client) Unlock(ctx context.Context, room string) error {
	return c.bolt(ctx, "ConfbridgeUnlock", room)
}

// Kick removes a participant, and comes back when he is out. Asterisk can say that it did and
// do nothing, while the first in a room is told that he is alone; from then on it does not
// find him. Whoever is still there is hung up.
func (c *Client) Kick(ctx context.Context, room, channel string) error {
	gone, forget := c.leaving(channel)
	defer forget()
	err := c.person(ctx, "ConfbridgeKick", room, channel)
	switch {
	case err != nil && !errors.Is(err, ErrNotFound):
		return err
	case err == nil && c.settle(ctx, gone):
		return nil
	}
	there, fault := c.in(ctx, room, channel)
	if fault == nil && !there {
		return err // he left, or never was there
	}
	if fault == nil {
		fault = c.cast(ctx, room, channel, gone)
	}
	if err == nil && errors.Is(fault, ErrAway) { // only what came after the kick was not sent
		fault = &Error{Action: "ConfbridgeKick", Is: ErrUnanswered, Err: fault}
	}
	return fault
}

// cast hangs up who is still in a room after a kick.
func (c *Client) cast(ctx context.Context, room, channel string, gone <-chan struct{}) error {
	if err := c.Hangup(ctx, channel); err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if c.settle(ctx, gone) {
		return nil
	}
	there, err := c.in(ctx, room, channel)
	if err == nil && there {
		err = &Error{Action: "ConfbridgeKick", Is: ErrRefused, Message: "still in the room"}
	}
	return err
}

// KickAll removes everybody, as [Client.Kick] does.
func (c *Client) KickAll(ctx context.Context, room string) error {
	people, err := c.People(ctx, room)
	if err != nil {
		return err
	}
	var all []error
	for _, p := range people {
		if err := c.Kick(ctx, room, p.Channel); !errors.Is(err, ErrNotFound) {
			all = append(all, err)
		}
	}
	return errors.Join(all...)
}

func (c *Client) room(ctx context.Context, name, room string, more ...field) (answer, error) {
	if err := (checked{"Room", room, isRoom, "must be 3 to 32 of A to Z and 0 to 9, with a digit"}).check(); err != nil {
		return answer{}, err
	}
	return c.do(ctx, action{name: name, fields: append([]field{{"Conference", room}}, more...)})
}

// person does something to one participant. Asterisk takes "all" for everybody, and mutes all
// whose channels begin as the name does: the name must be one of the list.
func (c *Client) person(ctx context.Context, name, room, channel string) error {
	if err := checkChannel(channel); err != nil {
		return err
	}
	there, err := c.in(ctx, room, channel)
	switch {
	case err != nil:
		return err
	case !there:
		return &Error{Action: name, Is: ErrNotFound}
	}
	_, err = c.room(ctx, name, room, field{"Channel", channel})
	return err
}

// in tells whether a channel is in a room.
func (c *Client) in(ctx context.Context, room, channel string) (bool, error) {
	people, err := c.People(ctx, room)
	return slices.ContainsFunc(people, func(p Participant) bool { return p.Channel == channel }), err
}

// leaving gives a channel that is closed when the participant is out of his room.
func (c *Client) leaving(channel string) (gone <-chan struct{}, forget func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	own := make(chan struct{})
	c.gone[channel] = append(c.gone[channel], own)
	return own, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.gone[channel] = slices.DeleteFunc(c.gone[channel], func(ch chan struct{}) bool { return ch == own })
		if len(c.gone[channel]) == 0 {
			delete(c.gone, channel)
		}
	}
}

func yes(m message, key string) bool { return strings.EqualFold(m.get(key), "yes") }

// known is a caller id; Asterisk writes <unknown> where there is none.
func known(s string) string {
	if s == "<unknown>" {
		return ""
	}
	return s
}
