package chat

import "time"

// Hurry gives files on their way another time than the usual.
func Hurry(d *Door, life time.Duration) { d.fetchLife = life }
