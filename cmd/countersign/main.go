// Command countersign is the gateway through which a company visas its payments and
// other documents in Telegram.
//
// It owns the wiring: one file for each subcommand, and gateway.go, which builds
// everything by hand. Whatever it does is done by the packages under internal.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // zones of calendars and persons, also where the system has no files of them
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	go func() { // the second signal ends at once
		<-ctx.Done()
		stop()
	}()
	os.Exit(run(ctx, process{Args: os.Args[1:], Env: os.Environ(), Out: os.Stdout, Err: os.Stderr}))
}
