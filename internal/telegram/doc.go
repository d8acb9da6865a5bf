// Package telegram owns the conversation with the Bot API: one client that sends, one classifier that says
// what an error means, and one parser of updates that is tolerant of everything new and strict about identity.
// It is the only importer of github.com/go-telegram/bot, which encodes the requests; sending, reading
// and judging the answers is done here, because the library ignores the HTTP status, decodes more than is
// needed and puts the token and whole bodies into errors.
//
// It knows nothing of documents and approvals: taking updates in and acting on them is chat's, keeping
// cards true is courier's, limits per chat are the caller's.
package telegram
