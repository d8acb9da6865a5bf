package approval_test

import (
	"slices"
	"testing"
	"time"

	"countersign/internal/approval"
	"countersign/internal/document"
	"countersign/internal/people"
)

func TestDocumentIsSeenByWhoIsAskedAndWhoAsks(t *testing.T) {
	t.Parallel()
	somebody := func(id string, change func(*people.Person)) people.Person {
		p := people.Person{ID: people.ID("per_" + id), ExternalID: id, Email: id + "@example.org", Active: true}
		change(&p)
		return p
	}
	same := func(*people.Person) {}
	dir := people.NewDirectory([]people.Person{
		somebody("requester", same), somebody("behalf", same), somebody("editor", same), somebody("payee", same),
		somebody("asked", same), somebody("left", func(p *people.Person) { p.Active = false }),
		somebody("waits", func(p *people.Person) { p.Power.Waits, p.Power.From = true, time.Unix(1<<40, 0) }),
		somebody("administrator", func(p *people.Person) { p.Roles = []people.Role{{Name: "administrator"}, {Name: "auditor"}} }),
		somebody("twin1", func(p *people.Person) { p.Email = "twin@example.org" }), somebody("twin2", func(p *people.Person) { p.Email = "twin@example.org" }),
	})
	d := document.Document{Requester: "requester", OnBehalfOf: "Behalf@example.org", LastEditor: "editor", Payee: document.Payee{Person: "payee"}}
	asked := []people.ID{"per_asked", "per_left", "per_waits"}
	for id, want := range map[string]bool{
		"requester": true, "behalf": true, "asked": true, "waits": true,
		"editor": false, "payee": false, "left": false, "administrator": false, "twin1": false, "nobody": false,
	} {
		p, _ := dir.Person(people.ID("per_" + id))
		if got := approval.Sees(p, d, asked, dir); got != want {
			t.Errorf("%s sees the document: %v", id, got)
		}
	}
	twin, _ := dir.Person("per_twin1")
	if approval.Sees(twin, document.Document{Requester: "twin@example.org"}, nil, dir) {
		t.Error("an address of two persons shows one of them a document")
	}
}

func TestAskedAreThoseOfAllRounds(t *testing.T) {
	t.Parallel()
	c := approval.Case{Round: 2, Slots: []approval.Slot{
		{Round: 1, Person: "a", State: approval.SlotVoid}, {Round: 1, Person: "b"}, {Round: 2, Person: "a", State: approval.SlotOpen},
	}}
	if got := c.Asked(); len(got) != 2 || got[0] != "a" || got[1] != "b" {
		t.Errorf("asked %v", got)
	}
}

func TestPartyOfACaseIsWhoAsksDecidedAndIsAskedWhileItIsOpen(t *testing.T) {
	t.Parallel()
	var all []people.Person
	for _, id := range []string{"requester", "voted", "asked", "spared", "before", "left", "twice"} {
		all = append(all, people.Person{ID: people.ID(id), ExternalID: id, Active: id != "left"})
	}
	dir := people.NewDirectory(all)
	c := approval.Case{Round: 2, Slots: []approval.Slot{
		{Round: 1, Person: "before", State: approval.SlotVoted},
		{Round: 2, Person: "voted", State: approval.SlotVoted},
		{Round: 2, Person: "spared", State: approval.SlotSuperseded},
		{Round: 2, Step: 1, Person: "twice", State: approval.SlotVoid},
		{Round: 2, Step: 1, Person: "asked", State: approval.SlotOpen},
		{Round: 2, Step: 1, Person: "voted", State: approval.SlotOpen},
		{Round: 2, Step: 1, Person: "left", State: approval.SlotOpen},
		{Round: 2, Step: 1, Person: "unknown", State: approval.SlotOpen},
	}}
	for state, want := range map[approval.State][]people.ID{
		approval.InProgress: {"requester", "voted", "asked"}, approval.Returned: {"requester", "voted", "asked"}, approval.Blocked: {"requester", "voted", "asked"},
		approval.Approved: nil, approval.Rejected: nil, approval.Withdrawn: nil, approval.Expired: nil,
	} {
		c.State = state
		if got := approval.Party(&c, document.Document{Requester: "requester"}, dir); !slices.Equal(got, want) {
			t.Errorf("%s: %v", state, got)
		}
	}
	c.State = approval.InProgress
	if got := approval.Party(&c, document.Document{Requester: "of the ERP"}, dir); !slices.Equal(got, []people.ID{"voted", "asked"}) {
		t.Errorf("a requester whom nobody knows: %v", got)
	}
}
