// Package hook tells ERPs what happened: it signs every event and delivers it to the
// endpoints that want it, at least once and in the order of its document.
//
// It owns the tables of endpoints, their secrets and deliveries. It leaves the events
// to package ledger, whose order it follows, and the REST calls to their door. Three
// parts work in each replica: the sequencer gives events their place in the feed and
// makes the deliveries in the same transaction; the deliverer claims what is due, sends
// it outside any transaction and notes what came of it; the tender looks after
// endpoints that keep failing.
//
// A claim is a lease of a few seconds, renewed while the request is under way, so a
// slow receiver may take its whole timeout and a killed replica still delays nothing
// for longer than one lease. Each claim has a number, and only the holder of the last
// may settle the delivery.
//
// History is kept until Purge is called, which somebody has to do now and then. What is
// due is kept whatever its age, and so is the record of who had what sent again.
package hook
