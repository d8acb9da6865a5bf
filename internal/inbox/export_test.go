package inbox

import "time"

// Hurry gives acts another time than the usual.
func Hurry(x *Inbox, life time.Duration) { x.life = life }
