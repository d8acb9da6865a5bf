package erp

import "time"

// This file is the public JSON: names here change never, they are only added to.

// Normalized is a value that was taken in another form than it was sent.
type Normalized struct {
	Field string `json:"field" doc:"Path of the field; empty for the body as a whole" example:"due_date"`
	From  string `json:"from" doc:"As it came, shortened" example:"2026-06-30T00:00:00"`
	To    string `json:"to" doc:"As it was taken; empty: as null" example:"2026-06-30"`
}

// Warning is something that is not wrong but should be looked at.
type Warning struct {
	Field string `json:"field" doc:"Path of the field" example:"requester"`
	Code  string `json:"code" enum:"unknown_person" doc:"unknown_person: nobody in the directory has this external id or mail address" example:"unknown_person"`
}

// User is a person as the ERP knows him.
type User struct {
	User string `json:"user" doc:"External id" example:"petrov"`
	Name string `json:"name" example:"Pyotr Petrov"`
}

// Step is where a case is.
type Step struct {
	Key       string `json:"key" doc:"Key of the step in the route" example:"budget_holder"`
	Title     string `json:"title" example:"Budget holder"`
	Position  int    `json:"position" doc:"From 1" example:"1"`
	Of        int    `json:"of" doc:"How many steps there are" example:"3"`
	WaitingOn []User `json:"waiting_on" doc:"Who is asked now; empty unless the status is in_progress"`
}

// Route is what a case follows.
type Route struct {
	Key     string `json:"key" example:"payment_request"`
	Version int    `json:"version" example:"1"`
	Rule    string `json:"rule" doc:"Which of its rules matched" example:"three_steps"`
}

// Case is one run of a route over a document.
type Case struct {
	ID       string    `json:"id" example:"cas_06f1z2k3m4n5p6q7r8s9t0v1w2"`
	Round    int       `json:"round" doc:"Counts up when a material change or a return makes earlier votes void" example:"1"`
	Status   string    `json:"status" enum:"in_progress,approved,rejected,returned,withdrawn,expired,blocked" example:"in_progress"`
	Revision int       `json:"revision" doc:"The revision that is judged" example:"4"`
	Hash     string    `json:"content_hash" doc:"Its hash" example:"sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
	Route    Route     `json:"route"`
	Step     *Step     `json:"step,omitempty" doc:"Absent once the case has ended"`
	Note     string    `json:"note,omitempty" doc:"Why it is blocked (nobody_to_ask: nobody may decide on this step; files_missing: a file that was announced has not arrived), the question of a return, the reason of an end" example:"Wrong account"`
	Missing  []string  `json:"missing_files" doc:"Digests of files that were announced and have not arrived; nobody can approve before"`
	OpenedAt time.Time `json:"opened_at" example:"2026-06-20T07:00:00Z"`
	Consumed bool      `json:"consumed" doc:"The approval was taken by POST …/consume"`
	// Beside them a verdict is possible at any time.
	Questions []Question `json:"open_questions" doc:"Questions of approvers to the requester that wait for an answer: POST …/comments with question_id"`
}

// Question is a question of an approver that waits for its answer.
type Question struct {
	ID   string    `json:"id" example:"com_06f1z2k3m4n5p6q7r8s9t0v1w2"`
	Text string    `json:"text" example:"Which contract is it for?"`
	At   time.Time `json:"at" example:"2026-06-20T07:05:00Z"`
}

// DocumentAnswer is what PUT says.
type DocumentAnswer struct {
	ID             string       `json:"id" example:"doc_06f1z2k3m4n5p6q7r8s9t0v1w2"`
	Source         string       `json:"source" example:"erp1c"`
	ExternalID     string       `json:"external_id" example:"8f0e7c9a-REQ-4711"`
	Revision       int          `json:"revision" doc:"Also the ETag" example:"4"`
	Hash           string       `json:"content_hash" doc:"Names exactly this content with its files; keep it for GET …/decision and POST …/consume" example:"sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
	Change         string       `json:"change" enum:"created,unchanged,cosmetic,tolerant,material" doc:"What this request changed. cosmetic, tolerant: votes stand. material: votes fell, a new round is open" example:"created"`
	Changed        bool         `json:"changed" doc:"false when the same content was known already" example:"true"`
	Case           Case         `json:"case"`
	Normalized     []Normalized `json:"normalized" doc:"Values that were taken in another form than they were sent, up to 200"`
	MoreNormalized int          `json:"more_normalized,omitempty,omitzero" doc:"How many such values there are besides those in normalized" example:"300"`
	Warnings       []Warning    `json:"warnings"`
	RequestID      string       `json:"request_id" example:"req_4ymxk5c7w2"`
}

// DocumentState is what GET says of a document.
type DocumentState struct {
	ID         string    `json:"id" example:"doc_06f1z2k3m4n5p6q7r8s9t0v1w2"`
	Source     string    `json:"source" example:"erp1c"`
	ExternalID string    `json:"external_id" example:"8f0e7c9a-REQ-4711"`
	Revision   int       `json:"revision" example:"4"`
	Hash       string    `json:"content_hash" example:"sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
	ERPStatus  string    `json:"erp_status,omitempty" doc:"What POST …/status said last" example:"paid"`
	CreatedAt  time.Time `json:"created_at" example:"2026-06-20T07:00:00Z"`
	Document   Document  `json:"document"`
	Case       Case      `json:"case"`
	Warnings   []Warning `json:"warnings"`
	RequestID  string    `json:"request_id" example:"req_4ymxk5c7w2"`
}

// Document is the content of a document as it is told; what may be sent is DocumentBody.
type Document struct {
	Type        string            `json:"type" example:"payment_request"`
	Number      string            `json:"number,omitempty" example:"4711"`
	Title       string            `json:"title,omitempty" example:"Rent, June"`
	Company     string            `json:"company,omitempty" example:"LLC-A"`
	Requester   string            `json:"requester" example:"ivanova"`
	OnBehalfOf  string            `json:"on_behalf_of,omitempty"`
	LastEditor  string            `json:"last_editor,omitempty" example:"ivanova"`
	Amount      string            `json:"amount" doc:"Decimal text" example:"125000.00"`
	AmountMinor int64             `json:"amount_minor" doc:"The same in the smallest units of the currency" example:"12500000"`
	Currency    string            `json:"currency" example:"RUB"`
	DueDate     *string           `json:"due_date" format:"date" example:"2026-06-30"`
	Payee       Payee             `json:"payee"`
	Contract    string            `json:"contract,omitempty" example:"15/24"`
	CostCenter  string            `json:"cost_center,omitempty" example:"CC-12"`
	URL         string            `json:"url,omitempty" format:"uri"`
	Fields      map[string]string `json:"fields"`
	Lines       []Line            `json:"lines"`
	Files       []File            `json:"files"`
}

// Payee is who gets the money.
type Payee struct {
	Name    string `json:"name,omitempty" maxLength:"500" doc:"For people" example:"Landlord LLC"`
	TaxID   string `json:"tax_id,omitempty" maxLength:"100" example:"7701234567"`
	Account string `json:"account,omitempty" maxLength:"150" example:"40702810000000000001"`
	BankID  string `json:"bank_id,omitempty" maxLength:"100" example:"044525225"`
	Person  string `json:"person,omitempty" maxLength:"200" doc:"The payee if an employee: external id or mail address. May not approve"`
}

// Line is a row of a document as it is told.
type Line struct {
	No          int     `json:"no" example:"1"`
	Text        string  `json:"text,omitempty" example:"Rent"`
	Amount      *string `json:"amount" doc:"Decimal text in the currency of the document" example:"125000.00"`
	AmountMinor *int64  `json:"amount_minor" example:"12500000"`
	CostCenter  string  `json:"cost_center,omitempty" example:"CC-12"`
}

// File is an attachment as it is told.
type File struct {
	Name      string `json:"name" example:"invoice.pdf"`
	SHA256    string `json:"sha256" example:"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
	Size      int64  `json:"size,omitempty,omitzero" doc:"Bytes, where the content was here when this state of the document was sent" example:"48213"`
	MediaType string `json:"media_type,omitempty" doc:"As found in the content" example:"application/pdf"`
	Missing   bool   `json:"missing" doc:"Announced and not arrived"`
}

// Vote is one verdict in the chain that led to a decision.
type Vote struct {
	Step    string    `json:"step" doc:"Key of the step" example:"budget_holder"`
	User    string    `json:"user" doc:"External id" example:"petrov"`
	Name    string    `json:"name" example:"Pyotr Petrov"`
	Verdict string    `json:"verdict" enum:"accept,reject,return" example:"accept"`
	Reason  string    `json:"reason,omitempty"`
	At      time.Time `json:"at" example:"2026-06-20T11:02:03Z"`
	Carried bool      `json:"carried" doc:"The person's vote in the step before counts here too"`
}

// Decision is what was decided on exactly one content.
type Decision struct {
	ID          string     `json:"id" doc:"The document" example:"doc_06f1z2k3m4n5p6q7r8s9t0v1w2"`
	CaseID      string     `json:"case_id" example:"cas_06f1z2k3m4n5p6q7r8s9t0v1w2"`
	Hash        string     `json:"hash" example:"sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
	Revision    int        `json:"revision" example:"4"`
	Round       int        `json:"round" example:"1"`
	Outcome     string     `json:"outcome" enum:"in_progress,approved,rejected,returned,withdrawn,expired,blocked" doc:"Only approved is a yes" example:"approved"`
	DecidedAt   *time.Time `json:"decided_at" doc:"null until the case was approved or rejected" example:"2026-06-20T11:02:03Z"`
	Reason      string     `json:"reason,omitempty" doc:"Of a rejection, a return, a withdrawal"`
	Consumed    bool       `json:"consumed" example:"false"`
	ConsumerRef string     `json:"consumer_ref,omitempty" doc:"Who took the approval" example:"PAY-2026-0815"`
	ConsumedAt  *time.Time `json:"consumed_at" example:"2026-06-20T12:00:00Z"`
	Votes       []Vote     `json:"votes" doc:"Verdicts of this round, in their order"`
	RequestID   string     `json:"request_id" example:"req_4ymxk5c7w2"`
}

// CaseAnswer is what an act on a document comes to.
type CaseAnswer struct {
	ID        string `json:"id" doc:"The document" example:"doc_06f1z2k3m4n5p6q7r8s9t0v1w2"`
	Revision  int    `json:"revision" example:"4"`
	Hash      string `json:"content_hash" example:"sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
	ERPStatus string `json:"erp_status,omitempty" example:"paid"`
	Case      Case   `json:"case"`
	RequestID string `json:"request_id" example:"req_4ymxk5c7w2"`
}

// CommentAnswer is a comment that was taken.
type CommentAnswer struct {
	ID        string `json:"id" example:"com_06f1z2k3m4n5p6q7r8s9t0v1w2"`
	RequestID string `json:"request_id" example:"req_4ymxk5c7w2"`
}

// Comment is something that was said about a document.
type Comment struct {
	ID         string    `json:"id" example:"com_06f1z2k3m4n5p6q7r8s9t0v1w2"`
	Kind       string    `json:"kind" enum:"comment,question,answer,file" example:"comment"`
	Author     string    `json:"author" doc:"Who said it, by name or as POST …/comments was told" example:"Pyotr Petrov"`
	User       string    `json:"user,omitempty" doc:"External id of who wrote it in Telegram" example:"petrov"`
	Text       string    `json:"text" example:"The contract ends in July."`
	At         time.Time `json:"at" example:"2026-06-20T07:05:00Z"`
	QuestionID string    `json:"question_id,omitempty" doc:"Of an answer" example:"com_06f1z2k3m4n5p6q7r8s9t0v1w2"`
	File       *Attached `json:"file,omitempty"`
}

// Attached is a file that came from Telegram.
type Attached struct {
	Name      string `json:"name" example:"act.pdf"`
	SHA256    string `json:"sha256" example:"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
	Size      int64  `json:"size" example:"48213"`
	MediaType string `json:"media_type" doc:"As found in the content" example:"application/pdf"`
	URL       string `json:"url" doc:"Path of its content on this server" example:"/v1/sources/erp1c/documents/8f0e7c9a-REQ-4711/files/9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
}

// ThreadAnswer is a page of what was said about a document.
type ThreadAnswer struct {
	Comments  []Comment `json:"comments"`
	More      bool      `json:"more" doc:"There is more already: ask again at once"`
	RequestID string    `json:"request_id" example:"req_4ymxk5c7w2"`
}

// BatchResult is what became of one item; document or problem is there.
type BatchResult struct {
	ExternalID string          `json:"external_id" example:"8f0e7c9a-REQ-4711"`
	Status     int             `json:"status" doc:"What PUT would have answered" example:"201"`
	Document   *DocumentAnswer `json:"document,omitempty"`
	Problem    *Problem        `json:"problem,omitempty"`
}

// BatchAnswer has one result for each item, in their order.
type BatchAnswer struct {
	Results   []BatchResult `json:"results"`
	RequestID string        `json:"request_id" example:"req_4ymxk5c7w2"`
}

// Stored is a file that arrived.
type Stored struct {
	Name      string `json:"name" doc:"Safe to show; the name on the document is the one in its files" example:"invoice.pdf"`
	SHA256    string `json:"sha256" example:"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
	Size      int64  `json:"size" example:"48213"`
	MediaType string `json:"media_type" doc:"As found in the content" example:"application/pdf"`
	Announced bool   `json:"announced" doc:"The document lists it"`
}

// FileAnswer is one file that arrived, and what the document still lacks.
type FileAnswer struct {
	File      Stored   `json:"file"`
	Missing   []string `json:"missing_files" doc:"Digests that have not arrived yet"`
	RequestID string   `json:"request_id" example:"req_4ymxk5c7w2"`
}

// FilesAnswer is several files that arrived.
type FilesAnswer struct {
	Files     []Stored `json:"files"`
	Missing   []string `json:"missing_files" doc:"Digests that have not arrived yet"`
	RequestID string   `json:"request_id" example:"req_4ymxk5c7w2"`
}

// Event is a fact; its text is the same to the byte in the feed and in every webhook.
type Event struct {
	ID         string         `json:"id" example:"evt_06f1z2k3m4n5p6q7r8s9t0v1w2"`
	Type       string         `json:"type" example:"case.decided"`
	Timestamp  time.Time      `json:"timestamp" example:"2026-06-20T11:02:03Z"`
	Source     string         `json:"source" example:"erp1c"`
	ExternalID string         `json:"external_id" example:"8f0e7c9a-REQ-4711"`
	Seq        int            `json:"seq" doc:"Counts the events of the document from 1 without a gap" example:"7"`
	Data       map[string]any `json:"data" doc:"document_id, revision, content_hash, and by type: case_id, round, outcome, by, on_behalf_of and delegations where a deputy decided, reason, step, asked, verdict, changes, class, … Where that would be more than 20 KB, shortened is true: texts and lists are cut, changes left out, and beside a list stands its whole length: asked_count beside asked"`
}

// EventsAnswer is a page of the feed.
type EventsAnswer struct {
	Events []Event `json:"events"`
	Next   *string `json:"next" doc:"Give this as after next time; null while there was no event at all" example:"evt_06f1z2k3m4n5p6q7r8s9t0v1w2"`
	More   bool    `json:"more" doc:"There is more already: ask again at once"`
}

// ChatAnswer is a group chat as it is stored.
type ChatAnswer struct {
	ExternalID     string   `json:"external_id" example:"payments"`
	TelegramChatID int64    `json:"telegram_chat_id" example:"-1001234567890"`
	ThreadID       int64    `json:"thread_id,omitempty,omitzero" example:"7"`
	Title          string   `json:"title" example:"Payments"`
	Notices        []Notice `json:"notices" example:"[\"payment_request\"]"`
	Hidden         []string `json:"hidden" doc:"Fields that are never told there" example:"[\"amount\"]"`
	Files          bool     `json:"files" doc:"The files of documents are sent there"`
	Protect        bool     `json:"protect" doc:"What is sent there cannot be forwarded or saved"`
	Fallback       bool     `json:"fallback" doc:"Is told when nobody can be asked about a document"`
	Kind           string   `json:"kind" enum:"group,supergroup,channel" example:"supergroup"`
	Disabled       bool     `json:"disabled"`
	Fault          string   `json:"fault,omitempty" doc:"Why nothing arrives there"`
	RequestID      string   `json:"request_id" example:"req_4ymxk5c7w2"`
}

// UserAnswer is what storing a person came to.
type UserAnswer struct {
	ExternalID string   `json:"external_id" example:"petrov"`
	Change     string   `json:"change" enum:"added,changed,unchanged" example:"added"`
	Fields     []string `json:"changed_fields" doc:"Names of what is not as it was" example:"[\"roles\"]"`
	Active     bool     `json:"active"`
	RequestID  string   `json:"request_id" example:"req_4ymxk5c7w2"`
}

// Problem is an error: application/problem+json of RFC 9457.
type Problem struct {
	Type      string         `json:"type" example:"urn:countersign:problem:invalid_field"`
	Title     string         `json:"title" example:"Unprocessable Entity"`
	Status    int            `json:"status" example:"422"`
	Code      string         `json:"code" doc:"Stable, for programs" example:"invalid_field"`
	Message   string         `json:"message" doc:"For people, in the language of Accept-Language (ru, en, de, es)" example:"The document has errors. See the list of fields."`
	Errors    []ProblemField `json:"errors,omitempty" doc:"Everything that is wrong, at once: up to 100 fields, those of all items of a batch together. Values are never repeated"`
	More      int            `json:"more_errors,omitempty,omitzero" doc:"How many fields are wrong besides those in errors" example:"12"`
	RequestID string         `json:"request_id" doc:"Quote it when you report the error" example:"req_4ymxk5c7w2"`
	Retryable bool           `json:"retryable" doc:"The same request may succeed later; see Retry-After"`
}

// ProblemField is what is wrong with one field.
type ProblemField struct {
	Field   string `json:"field" example:"lines[0].amount"`
	Code    string `json:"code" example:"not_a_decimal"`
	Message string `json:"message"`
}
