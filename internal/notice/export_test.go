package notice

import "time"

// Hurry gives a board another lease than the usual.
func Hurry(b *Board, lease time.Duration) { b.lease = lease }
