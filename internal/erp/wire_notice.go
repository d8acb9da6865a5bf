package erp

import "time"

// NoticeBody is something to be told; nobody decides about it.
type NoticeBody struct {
	Kind      string       `json:"kind" enum:"info,alarm,progress" doc:"info: without a sound outside working hours and in a person's quiet hours; what a busy group has to wait for may come in one message. alarm: with a sound at any hour. progress: one message that changes in place until its end" example:"info"`
	Title     string       `json:"title,omitempty" nullable:"true" maxLength:"200" doc:"At most 200 UTF-16 units" example:"Bank statement"`
	Text      string       `json:"text" maxLength:"3500" doc:"May have several lines; shown as it is. At most 3500 UTF-16 units, in which an emoji is two" example:"The statement of June is booked."`
	People    []string     `json:"people,omitempty" nullable:"true" maxItems:"500" doc:"External ids or mail addresses. People, roles and chats together at most 500; whoever is meant in several ways is told once" example:"[\"petrov\"]"`
	Roles     []string     `json:"roles,omitempty" nullable:"true" maxItems:"500" doc:"Everybody who has the role: role, or role@scope" example:"[\"treasurer\"]"`
	Chats     []string     `json:"chats,omitempty" nullable:"true" maxItems:"500" doc:"External ids of group chats" example:"[\"payments\"]"`
	Document  string       `json:"document,omitempty" nullable:"true" maxLength:"200" doc:"External id of a document of your source that this is about. It is named under the text to whoever may see it. In a group, fields that are hidden from it are also taken out of title, text and names of files, and files come only where files of documents do" example:"8f0e7c9a-REQ-4711"`
	Files     []NoticeFile `json:"files,omitempty" nullable:"true" maxItems:"10" doc:"They come under the text; what is too large for the messenger, as a link that expires, and ends with the connection or the binding of whoever got it"`
	ExpiresAt string       `json:"expires_at,omitempty" nullable:"true" doc:"RFC 3339, from a minute to 30 days ahead: what could not be sent until then is not sent. A day where it is left out" example:"2026-06-21T18:00:00+03:00"`
	Percent   int          `json:"percent,omitempty" nullable:"true" minimum:"0" maximum:"100" doc:"Of a progress; left out: it is not known how far it is" example:"0"`
}

// NoticeFile is a file of a notice: sent here, or before.
type NoticeFile struct {
	Name    string `json:"name" doc:"In any script. Folders and characters that do not show are removed" example:"Выписка.pdf"`
	SHA256  string `json:"sha256,omitempty" nullable:"true" pattern:"^[0-9A-Fa-f]{64}$" doc:"Hex digest of a content that your source sent before, by PUT /v1/notices/files/{sha256} or with a document. May be left out beside content_base64" example:"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
	Content string `json:"content_base64,omitempty" nullable:"true" doc:"The content; all files of a notice together at most 5 MB"`
}

// NoticeChange is a later state of a progress. What is left out stays as it is.
type NoticeChange struct {
	Sequence int64  `json:"sequence" minimum:"1" maximum:"9007199254740991" doc:"Your own number of this change, greater each time: one that comes late never covers up a later one (409 stale_sequence)" example:"3"`
	State    string `json:"state,omitempty" nullable:"true" enum:"running,done,failed" doc:"done and failed end it. running where it is left out" example:"running"`
	Percent  int    `json:"percent,omitempty" nullable:"true" minimum:"0" maximum:"100" example:"40"`
	Title    string `json:"title,omitempty" nullable:"true" maxLength:"200" example:"Bank statement"`
	Text     string `json:"text,omitempty" nullable:"true" maxLength:"3500" example:"Loading the statement of June"`
}

// NoticeAnswer is a notice and how far it has come.
type NoticeAnswer struct {
	ID         string            `json:"id" example:"ntc_06f1z2k3m4n5p6q7r8s9t0v1w2"`
	Kind       string            `json:"kind" enum:"info,alarm,progress" example:"info"`
	Title      string            `json:"title,omitempty" example:"Bank statement"`
	Text       string            `json:"text" example:"The statement of June is booked."`
	Document   string            `json:"document,omitempty" example:"8f0e7c9a-REQ-4711"`
	State      string            `json:"state,omitempty" enum:"running,done,failed" doc:"Of a progress" example:"running"`
	Percent    *int              `json:"percent,omitempty" doc:"Of a progress, where it is known" example:"40"`
	Sequence   int64             `json:"sequence" doc:"That of the latest change; 0: there was none" example:"3"`
	CreatedAt  time.Time         `json:"created_at" example:"2026-06-20T11:02:03Z"`
	ExpiresAt  time.Time         `json:"expires_at" example:"2026-06-21T11:02:03Z"`
	Recipients []NoticeRecipient `json:"recipients"`
	Changed    *bool             `json:"changed,omitempty" doc:"In the answer to a change: false where it was known already" example:"true"`
	Normalized []Normalized      `json:"normalized,omitempty" doc:"Values that were taken in another form than they came"`
	RequestID  string            `json:"request_id" example:"req_4ymxk5c7w2"`
}

// NoticeRecipient is somebody whom a notice is for.
type NoticeRecipient struct {
	Kind         string     `json:"kind" enum:"person,chat" example:"person"`
	ExternalID   string     `json:"external_id" example:"petrov"`
	State        string     `json:"state" enum:"waiting,sent,failed,expired,unlinked" doc:"unlinked: has no Telegram account connected, or another than when the notice was posted" example:"sent"`
	SentAt       *time.Time `json:"sent_at,omitempty" doc:"When the text arrived" example:"2026-06-20T11:02:04Z"`
	Reason       string     `json:"reason,omitempty" enum:"expired,unlinked,deactivated,disabled,unknown_chat,unreachable,no_rights,too_large,bad_file,withheld,refused" doc:"Stable, for programs" example:"unreachable"`
	Why          string     `json:"why,omitempty" doc:"The same for people, in the language of Accept-Language"`
	FilesSent    int        `json:"files_sent,omitempty,omitzero" example:"1"`
	FilesWaiting int        `json:"files_waiting,omitempty,omitzero" example:"1"`
	FilesFailed  []Lost     `json:"files_failed,omitempty" doc:"Files that will not arrive although the text may"`
}

// Lost is why a file of a notice does not arrive.
type Lost struct {
	Reason string `json:"reason" enum:"expired,unlinked,deactivated,disabled,unknown_chat,unreachable,no_rights,too_large,bad_file,withheld,refused" example:"withheld"`
	Why    string `json:"why"`
}

// KeptFile is a content that notices may name from now on.
type KeptFile struct {
	SHA256    string `json:"sha256" example:"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
	Size      int64  `json:"size" example:"48213"`
	MediaType string `json:"media_type" example:"application/pdf"`
	RequestID string `json:"request_id" example:"req_4ymxk5c7w2"`
}
