package chat

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"sync"
	"time"

	"countersign/internal/telegram"
	"countersign/internal/wake"
)

const (
	setUpEvery = 30 * time.Second // how often Telegram is asked whether it is still so
	lookEvery  = 10 * time.Second // at the file of the certificate, and for the right to speak
	setUpAgain = 2 * time.Second  // and longer each time, up to a minute
)

// Notice is one replica's part in telling Telegram where to deliver, and that it goes on
// being so. Of several replicas one speaks at a time, so that a new certificate is
// uploaded once; whoever takes over tells Telegram anew, so that nothing is lost between.
type Notice struct {
	Door *Door
	Hook Hook
	// Certificate reads what Hook.Certificate is to be now; nil for an ordinary one.
	Certificate func() ([]byte, error)
	Self        string // names this replica
	Me          func(telegram.Me)
	Wardrobe    Wardrobe // of the menus; its Door is Door

	met    bool // who the bot is, is known
	told   bool // by this replica, and as far as is known it still holds
	looked time.Time
	again  time.Duration
	fault  string // what was said of the file last
}

// Run goes on until ctx ends. The gateway works while the Bot API is away or knows only
// some of this: it says so and tries again.
func (n *Notice) Run(ctx context.Context) error {
	n.Wardrobe.Door = n.Door
	var wg sync.WaitGroup
	wg.Go(func() { n.Wardrobe.Run(ctx) })
	for wake.Rest(ctx, n.Step(ctx)) {
	}
	wg.Wait()
	if n.Hook.URL != "" { // with the long poll the right is Poll's, which gives it back itself
		n.Door.letGo(ctx, n.Self)
	}
	return nil
}

// Step does what is due and says after how long to come again.
func (n *Notice) Step(ctx context.Context) time.Duration {
	if n.Hook.URL != "" {
		mine, err := n.Door.Inbox.Poller(ctx, n.Self, pollerLease)
		if err != nil {
			n.Door.Log.WarnContext(ctx, "not known who speaks with the Bot API", slog.Any("error", err))
			return n.later()
		}
		if !mine {
			n.told = false
			n.Wardrobe.Leave()
			return n.meet(ctx)
		}
	}
	n.read(ctx)
	if now := n.Door.Now(); n.told && now.Sub(n.looked) >= setUpEvery {
		n.looked, n.told = now, n.Door.Holds(ctx, n.Hook)
	}
	if n.told {
		return lookEvery
	}
	if err := n.Door.Announce(ctx, n.Hook, n.Me); err != nil {
		if ctx.Err() == nil {
			n.Door.Log.WarnContext(ctx, "the Bot API is not set up yet", slog.Any("error", err))
		}
		return n.later()
	}
	n.met, n.told, n.looked, n.again = true, true, n.Door.Now(), 0
	n.Wardrobe.Want()
	if len(n.Hook.Certificate) > 0 {
		n.Door.Log.InfoContext(ctx, "Telegram has the certificate", slog.String("sha256", digest(n.Hook.Certificate)))
	}
	return lookEvery
}

// meet finds out who the bot is, which every replica needs to know.
func (n *Notice) meet(ctx context.Context) time.Duration {
	if n.met {
		return lookEvery
	}
	bot, err := n.Door.Telegram.GetMe(ctx)
	if err != nil {
		n.Door.Log.WarnContext(ctx, "the Bot API does not say who the bot is", slog.Any("error", err))
		return n.later()
	}
	n.Me(bot)
	n.met, n.again = true, 0
	return lookEvery
}

// read looks whether the file of the certificate was changed. One that cannot be used
// changes nothing: Telegram goes on with the one it has.
func (n *Notice) read(ctx context.Context) {
	if n.Certificate == nil {
		return
	}
	text, err := n.Certificate()
	switch {
	case err != nil:
		if n.fault != err.Error() {
			n.Door.Log.ErrorContext(ctx, "the certificate for Telegram cannot be used; Telegram keeps the one it has", slog.Any("error", err))
		}
		n.fault = err.Error()
		return
	case !bytes.Equal(text, n.Hook.Certificate):
		n.Door.Log.InfoContext(ctx, "the certificate for Telegram was changed; uploading it", slog.String("sha256", digest(text)))
		n.Hook.Certificate, n.told = text, false
	}
	n.fault = ""
}

func (n *Notice) later() time.Duration {
	n.again = min(max(2*n.again, setUpAgain), time.Minute)
	return n.again
}

// digest is what sha256sum says of the file.
func digest(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
