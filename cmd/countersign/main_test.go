package main

import (
	"context"
	"flag"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strconv"
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
	flag.Parse()
	// Most of these tests wait: for a lease of a killed gateway to end, for programs to start.
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		if err := f.Value.Set(strconv.Itoa(2 * runtime.GOMAXPROCS(0))); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
