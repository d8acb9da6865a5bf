package erp

import (
	"net/http"
	"reflect"
	"slices"

	"countersign/internal/directory"
	"countersign/internal/people"
	"countersign/internal/server"
)

// NameInput names a person or a chat.
type NameInput struct {
	ExternalID string `path:"external_id" doc:"Your own name, 1 to 200 characters" example:"petrov"`
}

func (m *mounting) directory() {
	failures := []int{http.StatusConflict}
	user := operation{
		id: "put-user", method: http.MethodPut, path: "/v1/users/{external_id}", tag: tagDirectory,
		summary: "Store a person", text: userText,
		endpoint: sending(directory.DirectoryWrite, repeatNatural), body: reflect.TypeFor[UserBody](), success: either[UserAnswer](), errors: failures,
	}
	add(m, user, m.door.putUser)
	also(m, user, http.MethodPost, user.path, m.door.putUser)
	chat := operation{
		id: "put-chat", method: http.MethodPut, path: "/v1/chats/{external_id}", tag: tagDirectory,
		summary: "Store a group chat that gets notices", text: "What the messenger has told of the chat since, such as that it became a supergroup, stays.",
		endpoint: sending(directory.DirectoryWrite, repeatNatural), body: reflect.TypeFor[ChatBody](), success: either[ChatAnswer](), errors: failures,
	}
	add(m, chat, m.door.putChat)
	also(m, chat, http.MethodPost, chat.path, m.door.putChat)
	m.standing()
}

// actor is how a key is named in the journal of the directory.
func (c *call) actor() string { return "key " + c.key.ID }

func (d *Door) putUser(c *call, in *NameInput) (answer, error) {
	if err := checkExternalID(in.ExternalID); err != nil {
		return answer{}, err
	}
	u, active, err := readUser(c.body)
	if err != nil {
		return answer{}, err
	}
	u.ExternalID = in.ExternalID
	if active != nil && !*active { // before anything is stored: his roles may be gone with this very call
		if _, err := d.Ledger.MayLeave(c.ctx(), in.ExternalID); err != nil {
			return answer{}, err
		}
	}
	change, err := d.Ledger.PutUser(c.ctx(), c.actor(), u)
	if err != nil {
		return answer{}, err
	}
	out := UserAnswer{ExternalID: in.ExternalID, Change: string(change.Kind), Active: !change.Inactive, RequestID: server.RequestID(c.ctx())}
	for _, f := range change.Fields {
		out.Fields = append(out.Fields, f.Field)
	}
	if err := d.settleActive(c, &out, active); err != nil {
		return answer{}, err
	}
	if _, err := d.Ledger.PeopleChanged(c.ctx(), in.ExternalID); err != nil {
		return answer{}, err
	}
	status := http.StatusOK
	if change.Kind == directory.Added {
		status = http.StatusCreated
	}
	return answer{status: status, body: out}, nil
}

// readUser reads a person. Without a word of it, who is active stays so and who has left
// stays away: somebody whom an administrator shut out must not come back with the nightly
// list of all employees.
func readUser(text []byte) (u directory.User, active *bool, err error) {
	body := &intake{}
	o, err := body.open(text)
	if err != nil {
		return u, nil, err
	}
	u = directory.User{Name: o.text("name", free(200).must()), Email: o.text("email", name(254)), Locale: o.text("locale", name(35))}
	for _, role := range o.texts("roles", 100, name(200)) {
		u.Roles = append(u.Roles, people.ParseRole(role))
	}
	active = o.choice("active")
	o.done()
	return u, active, body.err("")
}

// settleActive lets a person leave or come back where that was said.
func (d *Door) settleActive(c *call, out *UserAnswer, active *bool) (err error) {
	switch {
	case active == nil || *active == out.Active:
		return nil
	case *active:
		err = d.Directory.Reactivate(c.ctx(), c.actor(), out.ExternalID)
	default:
		_, err = d.Ledger.Leave(c.ctx(), c.actor(), out.ExternalID, "left, says "+c.key.Source)
	}
	out.Active, out.Fields = *active, append(out.Fields, "active")
	if out.Change == string(directory.Unchanged) {
		out.Change = string(directory.Changed)
	}
	return err
}

func (d *Door) putChat(c *call, in *NameInput) (answer, error) {
	if err := checkExternalID(in.ExternalID); err != nil {
		return answer{}, err
	}
	chat, left, err := readChat(c.body)
	if err != nil {
		return answer{}, err
	}
	chat.ExternalID = in.ExternalID
	stored, created, err := d.Directory.PutChat(c.ctx(), c.actor(), chat, left...)
	if err != nil {
		return answer{}, chatError(err)
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	return answer{status: status, body: chatAnswer(c, stored)}, nil
}

// readChat gives a chat and what was left out of it.
func readChat(text []byte) (chat directory.Chat, left []directory.ChatField, err error) {
	body := &intake{}
	o, err := body.open(text)
	if err != nil {
		return chat, nil, err
	}
	chat.Title = o.text("title", free(255).must())
	id, ok := o.whole("telegram_chat_id", -1<<52, -1)
	if !ok && o.fine("telegram_chat_id") {
		o.fault("telegram_chat_id", "missing_field")
	}
	chat.TelegramID = id
	chat.Thread, _ = o.whole("thread_id", 1, 1<<31-1)
	left = o.wishes(&chat)
	chat.Kind = directory.ChatKind(o.text("kind", name(20)))
	if chat.Kind != "" && !slices.Contains([]directory.ChatKind{directory.Group, directory.Supergroup, directory.Channel}, chat.Kind) {
		o.fault("kind", "invalid_field")
	}
	if fallback := o.choice("fallback"); fallback != nil {
		chat.Fallback = *fallback
	} else {
		left = append(left, directory.KeepFallback)
	}
	if disabled := o.choice("disabled"); disabled != nil {
		chat.Disabled = *disabled
	} else {
		left = append(left, directory.KeepDisabled)
	}
	o.done()
	return chat, left, body.err("")
}
