// Package telegramtest owns a stand-in for Telegram: a strict and stateful Bot API server on loopback, and the
// people who use it. Tests run against it and so does the demonstration, so it knows nothing of package
// testing. It refuses what Telegram refuses, in Telegram's words, delivers updates as Telegram does (queues per
// person and per chat, retries, lifetimes), and fails on demand. It keeps ledgers of every call, and of
// everything people did and were told. A proxy on the way to it can be had as well.
//
// What it plays is a local Bot API server: a webhook may be plain http on loopback, on any port. Texts are HTML or
// plain; Markdown is refused. It leaves the meaning of messages to its callers.
package telegramtest
