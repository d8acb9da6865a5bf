package erp

// What may be sent. These types describe it in the OpenAPI document; the reading is done
// by hand (see intake), so that everything that is wrong is told at once and nothing is
// guessed. A test holds the two together.

// DocumentBody is a state of a document. Unknown names are refused: what is your own goes
// into fields. An empty text is the same as none.
type DocumentBody struct {
	Type        string            `json:"type" pattern:"^[a-z][a-z0-9_]{0,63}$" doc:"Type of document; a route for it must be published" example:"payment_request"`
	Number      string            `json:"number,omitempty" nullable:"true" maxLength:"100" doc:"For people; need not be unique" example:"4711"`
	Title       string            `json:"title,omitempty" nullable:"true" maxLength:"500" doc:"For people" example:"Rent, June"`
	Revision    int               `json:"revision,omitempty" nullable:"true" minimum:"1" maximum:"2000000000" doc:"Your own number of this state, up to 2000000000; leave it out where yours are greater. Other content under a number that was used is refused (409 stale_revision). Without it states are counted here" example:"4"`
	Company     string            `json:"company,omitempty" nullable:"true" maxLength:"100" example:"LLC-A"`
	Requester   string            `json:"requester" maxLength:"200" doc:"Who asks: external id or mail address, as all persons here. May not approve" example:"ivanova@example.org"`
	OnBehalfOf  string            `json:"on_behalf_of,omitempty" nullable:"true" maxLength:"200" doc:"May not approve either"`
	LastEditor  string            `json:"last_editor,omitempty" nullable:"true" maxLength:"200" doc:"May not approve either" example:"ivanova@example.org"`
	Amount      string            `json:"amount,omitempty" nullable:"true" doc:"Decimal text with a point, above 0 and below 10^15, with no more decimals than the currency has. This or amount_minor; both must say the same" example:"125000.00"`
	AmountMinor int64             `json:"amount_minor,omitempty" nullable:"true" minimum:"1" doc:"The same as a whole number of the smallest units: kopecks, cents, yen" example:"12500000"`
	Currency    string            `json:"currency" pattern:"^[A-Z]{3}$" doc:"ISO 4217" example:"RUB"`
	DueDate     string            `json:"due_date,omitempty" nullable:"true" doc:"2026-06-30. A time behind it is cut off; 0001-01-01T00:00:00 and an empty text are null" example:"2026-06-30"`
	Payee       *PayeeBody        `json:"payee,omitempty"`
	Contract    string            `json:"contract,omitempty" nullable:"true" maxLength:"200" example:"15/24"`
	CostCenter  string            `json:"cost_center,omitempty" nullable:"true" maxLength:"100" example:"CC-12"`
	URL         string            `json:"url,omitempty" nullable:"true" maxLength:"2000" doc:"http or https: a link to the document in the ERP" example:"https://erp.example.org/doc/4711"`
	Fields      map[string]string `json:"fields,omitempty" maxProperties:"200" doc:"Whatever else is to be seen and protected: up to 200, names up to 100 and texts up to 2000 characters. Numbers and booleans are taken as texts. A change of one is material unless the route says otherwise"`
	Lines       []LineBody        `json:"lines,omitempty" maxItems:"500"`
	Files       []FileBody        `json:"files,omitempty" maxItems:"50"`
	Lenient     bool              `json:"lenient,omitempty" doc:"Understand numbers and dates as ERPs print them: spaces between groups of three digits and a decimal comma in amounts, amounts as JSON numbers, 30.06.2026, 20260630, and bodies in windows-1251. What can be read in two ways is refused (422 ambiguous_amount): 1,000 with one comma and three digits behind it, 125 00 with a group that is none. A point is always the decimal point. The answer lists what was understood in normalized"`
}

// PayeeBody is who gets the money. A change of any of it is always material. Cards show
// it whole: what is longer than a card can hold is refused.
type PayeeBody struct {
	Name    string `json:"name,omitempty" nullable:"true" maxLength:"500" doc:"For people. At most 500 UTF-16 units, in which an emoji is two: approvers see it whole" example:"Landlord LLC"`
	TaxID   string `json:"tax_id,omitempty" nullable:"true" maxLength:"100" doc:"At most 100 UTF-16 units, none of them invisible" example:"7701234567"`
	Account string `json:"account,omitempty" nullable:"true" maxLength:"150" doc:"At most 150 UTF-16 units, none of them invisible: approvers see it whole" example:"40702810000000000001"`
	BankID  string `json:"bank_id,omitempty" nullable:"true" maxLength:"100" doc:"At most 100 UTF-16 units, none of them invisible" example:"044525225"`
	Person  string `json:"person,omitempty" nullable:"true" maxLength:"100" doc:"The payee if an employee: external id or mail address, at most 100 UTF-16 units. May not approve"`
}

// LineBody is a row of a document.
type LineBody struct {
	No          int    `json:"no,omitempty" nullable:"true" minimum:"0" maximum:"1000000" doc:"Its place from 1 where it is left out" example:"1"`
	Text        string `json:"text,omitempty" nullable:"true" maxLength:"1000" doc:"For people" example:"Rent"`
	Amount      string `json:"amount,omitempty" nullable:"true" doc:"Decimal text in the currency of the document; 0 and less are fine here" example:"125000.00"`
	AmountMinor int64  `json:"amount_minor,omitempty" nullable:"true" example:"12500000"`
	CostCenter  string `json:"cost_center,omitempty" nullable:"true" maxLength:"100" example:"CC-12"`
}

// FileBody is an attachment: announced by its digest and sent by itself, or sent here.
type FileBody struct {
	Name    string `json:"name" doc:"Folders and characters that do not show are removed" example:"invoice.pdf"`
	SHA256  string `json:"sha256,omitempty" nullable:"true" pattern:"^[0-9A-Fa-f]{64}$" doc:"Hex digest of the content. May be left out beside content_base64" example:"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
	Content string `json:"content_base64,omitempty" nullable:"true" doc:"The content; all files of a document together at most 5 MB. Larger ones: PUT …/files/{sha256}"`
	Upload  string `json:"upload,omitempty" nullable:"true" enum:"pending" doc:"The content follows. Nobody can approve before it is here"`
}

// ConsumeBody takes an approval.
type ConsumeBody struct {
	Hash        string `json:"hash" doc:"content_hash of what you are about to pay" example:"sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
	ConsumerRef string `json:"consumer_ref" minLength:"1" maxLength:"200" doc:"Your name for this payment, with something in it that can be seen: the same one gets the same answer again, another one is refused" example:"PAY-2026-0815"`
}

// WithdrawBody takes a document back.
type WithdrawBody struct {
	Reason string `json:"reason,omitempty" nullable:"true" maxLength:"1000" doc:"Needed after the final approval" example:"Paid in cash"`
}

// StatusBody says what became of a document in the ERP.
type StatusBody struct {
	Status string `json:"status" pattern:"^[a-z][a-z0-9_]{0,63}$" example:"paid"`
	Note   string `json:"note,omitempty" nullable:"true" maxLength:"500" example:"Payment order 815"`
}

// CommentBody is a remark.
type CommentBody struct {
	Author   string `json:"author" maxLength:"200" doc:"Who says it: external id, mail address or the name of a program" example:"ivanova"`
	Text     string `json:"text" maxLength:"4096" doc:"May have several lines" example:"The invoice is attached now."`
	Question string `json:"question_id,omitempty" nullable:"true" maxLength:"100" doc:"The question that it answers" example:"com_06f1z2k3m4n5p6q7r8s9t0v1w2"`
}

// BatchBody is up to 100 documents.
type BatchBody struct {
	Items []BatchItem `json:"items" minItems:"1" maxItems:"100"`
}

// BatchItem is one document of a batch.
type BatchItem struct {
	ExternalID string       `json:"external_id" maxLength:"200" example:"8f0e7c9a-REQ-4711"`
	IfMatch    int          `json:"if_match,omitempty" nullable:"true" minimum:"1" doc:"As the header If-Match of PUT" example:"3"`
	Document   DocumentBody `json:"document"`
}

// ChatBody is a group chat that gets notices.
type ChatBody struct {
	TelegramChatID int64    `json:"telegram_chat_id" maximum:"-1" doc:"Ids of groups and channels are negative" example:"-1001234567890"`
	ThreadID       int64    `json:"thread_id,omitempty" nullable:"true" minimum:"1" doc:"A topic of a supergroup" example:"7"`
	Title          string   `json:"title" maxLength:"255" example:"Payments"`
	Notices        []Notice `json:"notices,omitempty" maxItems:"100" doc:"What is told there: types of document, or objects for those of which not everything is. A document is told of where one object of its type fits" example:"[\"contract\"]"`
	Hidden         []string `json:"hidden,omitempty" nullable:"true" maxItems:"30" enum:"amount,company,contract,cost_center,due_date,fields,lines,number,on_behalf_of,payee,payee.account,payee.bank_id,payee.name,payee.person,payee.tax_id,reasons,requester,title" doc:"Fields that are never told there, neither in cards nor in names of files. Left out, they stay as they are" example:"[\"amount\",\"payee.account\"]"`
	Files          bool     `json:"files,omitempty" nullable:"true" doc:"The files of documents are sent there. Left out, it stays as it is, but where fields begin to be hidden no files are sent, as they may show them; of a new chat it is true unless fields are hidden"`
	Protect        bool     `json:"protect,omitempty" nullable:"true" doc:"What is sent there cannot be forwarded or saved. Left out, it stays as it is; of a new chat it is false"`
	Fallback       bool     `json:"fallback,omitempty" nullable:"true" doc:"Is told when nobody can be asked about a document. Left out, it stays as it is; of a new chat it is false"`
	Kind           string   `json:"kind,omitempty" nullable:"true" enum:"group,supergroup,channel" doc:"Told from the id where it is left out"`
	Disabled       bool     `json:"disabled,omitempty" nullable:"true" doc:"Gets nothing. Left out, it stays as it is; of a new chat it is false"`
}

// NoticeRule narrows what is told of one type of document.
type NoticeRule struct {
	Type      string   `json:"type" pattern:"^[a-z][a-z0-9_]{0,63}$" example:"payment_request"`
	Companies []string `json:"companies,omitempty" maxItems:"100" doc:"Left out or empty: all" example:"[\"LLC-A\"]"`
	Amounts   []Band   `json:"amounts,omitempty" maxItems:"50" doc:"Left out or empty: whatever the amount. Else only amounts within one of these"`
}

// Band is a range of amounts.
type Band struct {
	Currency string `json:"currency" pattern:"^[A-Z]{3}$" doc:"ISO 4217" example:"RUB"`
	From     string `json:"from,omitempty" nullable:"true" doc:"Decimal text; belongs to the range. Left out: from nothing" example:"100000.00"`
	To       string `json:"to,omitempty" nullable:"true" doc:"Decimal text; belongs to the range. Left out: without an end" example:"999999.99"`
}

// UserBody is a person. Links to Telegram accounts are not made here: only the person
// himself or an administrator makes them.
type UserBody struct {
	Name   string   `json:"name" maxLength:"200" example:"Pyotr Petrov"`
	Email  string   `json:"email,omitempty" nullable:"true" maxLength:"254" example:"petrov@example.org"`
	Roles  []string `json:"roles,omitempty" maxItems:"100" doc:"All roles of the person: role, or role@scope such as a company or a cost center" example:"[\"budget_holder@CC-12\"]"`
	Locale string   `json:"locale,omitempty" nullable:"true" maxLength:"35" example:"ru"`
	Active bool     `json:"active,omitempty" nullable:"true" doc:"false: the person has left. The link ends, roles stop counting, votes cast stand. true: the person is back, with the roles given here and without a link. Left out, it stays as it is; a new person is active"`
}
