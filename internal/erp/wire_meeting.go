package erp

import "time"

// MeetingBody is a video meeting to be arranged.
type MeetingBody struct {
	Topic       string         `json:"topic" maxLength:"200" doc:"What the guests see" example:"Consultation"`
	Host        string         `json:"host,omitempty" nullable:"true" maxLength:"200" doc:"Who receives: external id or mail address. Needed for a lobby" example:"petrov"`
	HostUser    string         `json:"host_user,omitempty" nullable:"true" maxLength:"64" doc:"The user of the video server who owns the conference. Left out: the host's, by the settings of the gateway" example:"p.petrov"`
	Server      string         `json:"server,omitempty" nullable:"true" maxLength:"200" doc:"Name of a video server. Left out: that of the settings" example:"Clinic"`
	Lobby       bool           `json:"lobby,omitempty" nullable:"true" doc:"Each guest waits until the host lets him in, by a button in Telegram" example:"true"`
	Guests      []MeetingGuest `json:"guests" minItems:"1" maxItems:"20" doc:"Each gets a link of his own"`
	ExpiresAt   string         `json:"expires_at,omitempty" nullable:"true" doc:"RFC 3339, from a minute to 31 days ahead: the links open nothing afterwards; whoever is in stays in. Left out: by the settings" example:"2026-06-21T18:00:00+03:00"`
	MaxMinutes  int            `json:"max_minutes,omitempty" nullable:"true" minimum:"1" maximum:"1440" doc:"A conference is ended after it" example:"60"`
	IdleMinutes int            `json:"idle_minutes,omitempty" nullable:"true" minimum:"1" maximum:"1440" doc:"A conference of which nothing is heard, and in which the server has no guest, is ended after it" example:"5"`
}

// MeetingGuest is somebody who gets a link.
type MeetingGuest struct {
	Name   string `json:"name,omitempty" nullable:"true" maxLength:"60" doc:"Stands in the field already; left out: the guest fills it in" example:"Ann"`
	Places int    `json:"places,omitempty" nullable:"true" minimum:"1" maximum:"50" doc:"How many may be in by this link at a time; 1 where it is left out" example:"1"`
}

// MeetingAnswer is a meeting and how it stands.
type MeetingAnswer struct {
	ID        string        `json:"id" example:"mtg_06f1z2k3m4n5p6q7r8s9t0v1w2"`
	Topic     string        `json:"topic" example:"Consultation"`
	Server    string        `json:"server" example:"Clinic"`
	Lobby     bool          `json:"lobby" example:"true"`
	State     string        `json:"state" enum:"open,running,expired,revoked" doc:"running: there is a conference" example:"open"`
	CreatedAt time.Time     `json:"created_at" example:"2026-06-20T11:02:03Z"`
	ExpiresAt time.Time     `json:"expires_at" example:"2026-06-21T11:02:03Z"`
	Links     []MeetingLink `json:"links"`
	RequestID string        `json:"request_id" example:"req_4ymxk5c7w2"`
}

// MeetingLink is a link of a meeting.
type MeetingLink struct {
	ID     string `json:"id" example:"mlk_06f1z2k3m4n5p6q7r8s9t0v1w2"`
	Name   string `json:"name,omitempty" example:"Ann"`
	Places int    `json:"places" example:"1"`
	URL    string `json:"url,omitempty" doc:"In the first answer to the request only: a link is kept nowhere" example:"https://pay.example.com/meet/ABCDEFGHIJKLMNOPQRSTUVWXYZ"`
	State  string `json:"state,omitempty" enum:"waiting,admitted,declined,in,left" doc:"Of whoever came by it last; left out: nobody came" example:"waiting"`
	In     int    `json:"in" doc:"How many are in by it now" example:"0"`
}
