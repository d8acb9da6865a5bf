package erp_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/directory"
)

func TestPeopleAreStored(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	put := func(id, body string) response {
		return b.call(t, request{method: "PUT", path: "/v1/users/" + id, body: body})
	}
	made := put("newman", `{"name":"Nora Newman","email":"Nora@Example.org","roles":["treasurer@LLC-A","budget_holder"],"locale":"en"}`)
	expect(t, made, 201, "")
	if made.at(t, "change") != "added" || made.at(t, "active") != "true" {
		t.Errorf("%s", made.body)
	}
	same := put("newman", `{"name":" Nora Newman ","email":"nora@example.org","roles":["budget_holder","treasurer@LLC-A"],"locale":"en","active":true}`)
	expect(t, same, 200, "")
	if same.at(t, "change") != "unchanged" || same.at(t, "changed_fields") != "[]" {
		t.Errorf("%s", same.body)
	}
	gone := put("newman", `{"name":"Nora Newman","email":"nora@example.org","roles":["budget_holder"],"locale":"en","active":false}`)
	if diff := cmp.Diff([]any{"roles", "active"}, gone.json(t)["changed_fields"]); diff != "" || gone.at(t, "change") != "changed" || gone.at(t, "active") != "false" {
		t.Errorf("%s", gone.body)
	}
	still := put("newman", `{"name":"Nora B. Newman","email":"nora@example.org","roles":["budget_holder"],"locale":"en"}`)
	if diff := cmp.Diff([]any{"name"}, still.json(t)["changed_fields"]); diff != "" || still.at(t, "active") != "false" {
		t.Errorf("%s", still.body)
	}
	back := put("newman", `{"name":"Nora B. Newman","email":"nora@example.org","roles":["budget_holder"],"locale":"en","active":true}`)
	if back.at(t, "changed_fields.0") != "active" || back.at(t, "change") != "changed" {
		t.Errorf("%s", back.body)
	}
	dir, err := b.Directory.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if p, ok := dir.Find("newman"); !ok || !p.Active || len(p.Roles) != 1 || p.Linked() {
		t.Errorf("%+v", p)
	}
	for body, want := range map[string][]string{
		`{}`: {"name missing_field"}, `{"name":"N","email":"no"}`: {"email invalid_field"}, `{"name":"N","roles":["Treasurer!"]}`: {"roles invalid_field"}, `{"name":"N","roles":[7,""]}`: {"roles[0] wrong_type", "roles[1] missing_field"},
		`{"name":"N","email":"petrov@example.org"}`: {"email invalid_field"}, `{"name":"N","locale":"english please"}`: {"locale invalid_field"}, `{"name":"N","active":"yes"}`: {"active wrong_type"},
	} {
		out := put("bad", body)
		expect(t, out, 422, "invalid_field")
		if diff := cmp.Diff(want, out.faults(t)); diff != "" {
			t.Errorf("%s: %s", body, diff)
		}
	}
	expect(t, put("thief", `{"name":"N","telegram_id":1001}`), 400, "unknown_field")
	expect(t, put("%20x", `{"name":"N"}`), 422, "invalid_field")
}

func TestWhoWasShutOutComesBackOnlyWhenToldSo(t *testing.T) {
	t.Parallel()
	b := newBench(t) // of its own: who else can decide is what it is about
	if err := b.Directory.Deactivate(t.Context(), "administrator", "kozlov", "fraud"); err != nil {
		t.Fatal(err)
	}
	last := b.call(t, request{method: "PUT", path: "/v1/users/orlova", body: `{"name":"Maria Orlova","roles":[],"active":false}`})
	if expect(t, last, 409, "last_approver"); !strings.Contains(last.at(t, "message"), "last who can decide") {
		t.Errorf("%s", last.body)
	}
	stripped := b.call(t, request{method: "PUT", path: "/v1/users/orlova", body: `{"name":"Maria Orlova-Smith","roles":["clerk"]}`})
	expect(t, stripped, 409, "last_approver")
	if e, err := b.Directory.User(t.Context(), "orlova"); err != nil || e.Name != "Maria Orlova" || len(e.Roles) != 1 || e.Roles[0].Name != "treasurer" {
		t.Errorf("after a refusal: %+v, %v", e, err)
	}
	put := func(more string) response {
		return b.call(t, request{method: "PUT", path: "/v1/users/kozlov", body: `{"name":"Ivan Kozlov","email":"kozlov@example.org","roles":["treasurer"]` + more + `}`})
	}
	active := func() bool {
		dir, err := b.Directory.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		p, _ := dir.Find("kozlov")
		return p.Active
	}
	for _, more := range []string{``, `,"active":null`, `,"active":false`, `,"locale":"ru"`} {
		out := put(more)
		expect(t, out, 200, "")
		if out.at(t, "active") != "false" || strings.Contains(out.at(t, "changed_fields"), "active") || active() {
			t.Errorf("%s: %s", more, out.body)
		}
	}
	if out := put(`,"locale":"ru","active":true`); out.at(t, "active") != "true" || out.at(t, "changed_fields") != "[active]" || out.at(t, "change") != "changed" || !active() {
		t.Errorf("%s", out.body)
	}
	if out := put(`,"locale":"ru"`); out.at(t, "active") != "true" || out.at(t, "change") != "unchanged" || !active() {
		t.Errorf("%s", out.body)
	}
}

func TestAChatIsToldOfWhatNobodyCanDecide(t *testing.T) {
	t.Parallel()
	b := common(t)
	put := func(id, more string) response {
		return b.call(t, request{method: "PUT", path: "/v1/chats/" + id, body: `{"telegram_chat_id":-100123456789` + id + `,"title":"Ops"` + more + `}`})
	}
	for _, c := range []struct{ id, more, fallback string }{
		{"1", ``, "false"},
		{"1", `,"fallback":true`, "true"},
		{"1", ``, "true"},
		{"1", `,"fallback":null,"notices":["contract"]`, "true"},
		{"1", `,"fallback":false`, "false"},
		{"1", ``, "false"},
		{"2", `,"fallback":true`, "true"},
	} {
		out := put(c.id, c.more)
		chats, err := b.Directory.ChatsFor(t.Context(), "payment_request")
		told := slices.ContainsFunc(chats, func(chat directory.Chat) bool { return chat.ExternalID == c.id })
		if out.status != 200 && out.status != 201 || out.at(t, "fallback") != c.fallback || fmt.Sprint(told) != c.fallback || err != nil {
			t.Errorf("%v: %d %s, told: %v, %v", c, out.status, out.body, told, err)
		}
	}
	wrong := put("3", `,"fallback":"yes"`)
	if expect(t, wrong, 422, "invalid_field"); wrong.faults(t)[0] != "fallback wrong_type" {
		t.Errorf("%s", wrong.body)
	}
}

func TestChatsAreStored(t *testing.T) {
	t.Parallel()
	b := common(t)
	put := func(id, body string) response {
		return b.call(t, request{method: "PUT", path: "/v1/chats/" + id, body: body})
	}
	made := put("payments", `{"telegram_chat_id":-1001234567890,"title":"Payments","notices":["payment_request"]}`)
	expect(t, made, 201, "")
	for at, want := range map[string]string{"external_id": "payments", "telegram_chat_id": "-1001234567890", "kind": "supergroup", "notices.0": "payment_request", "disabled": "false"} {
		if got := made.at(t, at); got != want {
			t.Errorf("%s is %q, want %q", at, got, want)
		}
	}
	expect(t, put("payments", `{"telegram_chat_id":-1001234567890,"title":"All payments","notices":[]}`), 200, "")
	taken := put("other", `{"telegram_chat_id":-1001234567890,"title":"Twice"}`)
	expect(t, taken, 409, "conflict")
	for body, want := range map[string][]string{
		`{}`: {"title missing_field", "telegram_chat_id missing_field"}, `{"title":"x","telegram_chat_id":5}`: {"telegram_chat_id out_of_range"}, `{"title":"x","telegram_chat_id":"-5"}`: {"telegram_chat_id wrong_type"},
		`{"title":"x","telegram_chat_id":-5,"kind":"channel"}`: {"telegram_chat_id invalid_field"}, `{"title":"x","telegram_chat_id":-5,"kind":"room"}`: {"kind invalid_field"},
		`{"title":"x","telegram_chat_id":-1.5}`: {"telegram_chat_id wrong_type"}, `{"title":"x","telegram_chat_id":-5,"notices":["Payment Request"]}`: {"notices[0] invalid_field"},
		`{"title":"x","telegram_chat_id":-9223372036854775809}`: {"telegram_chat_id out_of_range"},
	} {
		out := put("bad", body)
		expect(t, out, 422, "invalid_field")
		if diff := cmp.Diff(want, out.faults(t)); diff != "" {
			t.Errorf("%s: %s", body, diff)
		}
	}
}
