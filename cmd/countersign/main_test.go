package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
	"testing"
)

// TestMain lets the test binary play the program: tests that kill a gateway need a
// process of its own.
func TestMain(m *testing.M) {
	if os.Getenv("COUNTERSIGN_TEST_PROGRAM") != "" {
		if err := os.Unsetenv("COUNTERSIGN_TEST_PROGRAM"); err != nil {
			panic(err)
		}
		go func() { // whoever started this must not be outlived
			_, _ = io.Copy(io.Discard, os.Stdin)
			os.Exit(3)
		}()
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		code := run(ctx, process{Args: os.Args[1:], Env: os.Environ(), Out: os.Stdout, Err: os.Stderr})
		stop()
		os.Exit(code)
	}
	os.Exit(m.Run())
}
