package asterisk

import "context"

// doors are the rooms that are locked, as far as this client has told. Measured: Asterisk 16
// and 22 tell nobody when a room is locked, by whichever way; only the list of rooms has it.
type doors struct {
	locked map[string]bool
	bolts  int // how often this client locked or unlocked: a list from before that is old
}

// bolt locks or unlocks, and tells so at once.
func (c *Client) bolt(ctx context.Context, name, room string) error {
	how := Unlocked
	if name == "ConfbridgeLock" {
		how = Locked
	}
	_, err := c.room(ctx, name, room)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.doors.bolts++
	if err == nil {
		c.turned(room, how)
	}
	return err
}

// turned tells of a room that is locked now, or not any more. The caller holds the mutex.
func (c *Client) turned(room string, how Kind) {
	delete(c.doors.locked, room)
	if how == Locked {
		c.doors.locked[room] = true
	}
	c.events.push(Event{Kind: how, Room: room, At: c.o.Now()})
}

// lookAtDoors sees which rooms are locked, and tells of those that somebody else locked or unlocked.
func (c *Client) lookAtDoors(ctx context.Context, n *conn) error {
	c.mu.Lock()
	before := c.doors.bolts
	c.mu.Unlock()
	rooms, err := roomsOf(c.on(ctx, n, action{name: "ConfbridgeListRooms"}))
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.doors.bolts != before {
		return nil // the next look is newer
	}
	there, turn := map[string]bool{}, map[bool]Kind{true: Locked, false: Unlocked}
	for _, r := range rooms {
		there[r.Name] = true
		if r.Locked != c.doors.locked[r.Name] {
			c.turned(r.Name, turn[r.Locked])
		}
	}
	for name := range c.doors.locked {
		if !there[name] { // it ended, and its lock with it
			delete(c.doors.locked, name)
		}
	}
	return nil
}
