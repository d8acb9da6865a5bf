package roster_test

import (
	"testing"

	"countersign/internal/directory"
	"countersign/internal/roster"
)

func TestRenamedAccountIsTheSamePerson(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.account("1", "anna@corp.example")
	o.account("2", "boris@corp.example")
	o.mustApply(t)
	o.login(t, 1001, "1", "anna@corp.example")
	// Anna's name changes, and a new Anna gets her address; Boris keeps the old one beside the new.
	o.at(t, "1").Email = "smith@corp.example"
	o.at(t, "2").Email, o.at(t, "2").Aliases = "b@corp.example", []string{"boris@corp.example"}
	o.Naming = roster.ByEmail
	o.account("3", "anna@corp.example")
	o.mustApply(t)
	all := o.entries(t)
	if all["anna"].Email != "smith@corp.example" || all["boris"].Email != "b@corp.example" || all["anna@corp.example"].Email != "anna@corp.example" || len(all) != 3 {
		t.Errorf("%+v", all)
	}
	if !all["anna"].Linked() {
		t.Error("the link is gone")
	}
	wantNothing(t, o)
}

func TestAccountIsThePersonWhateverItsAddress(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Naming = roster.ByEmail
	o.put(t, directory.User{ExternalID: "17", Email: "anna@corp.example", Name: "Anna"})
	o.account("1", "anna@corp.example", payers)
	wantLine(t, o.mustApply(t), `~ "17"`, `workspace_id "" -> "1"`)

	// She marries, and her address goes to a newcomer in the same hour. Nobody ever signed in.
	o.at(t, "1").Email = "smith@corp.example"
	o.account("2", "anna@corp.example", clerks)
	o.mustApply(t)
	all := o.entries(t)
	if len(all) != 2 || all["17"].Email != "smith@corp.example" || all["17"].Workspace != "1" || all["anna@corp.example"].Workspace != "2" {
		t.Errorf("%+v", all)
	}
	wantRoles(t, all["17"], "finance_manager treasurer@LLC-A")
	wantRoles(t, all["anna@corp.example"], "clerk")
	wantNothing(t, o)

	// She leaves, and a third account gets her last address: it gets nothing of hers.
	o.remove("1")
	o.account("3", "smith@corp.example", clerks)
	done := o.mustApply(t)
	wantLine(t, done, `? "smith@corp.example"`, `"17", who is another account`, "detach")
	if e := o.entries(t)["17"]; e.Workspace != "1" || e.Email != "smith@corp.example" {
		t.Errorf("%+v", e)
	}

	// The account was made anew for her, says the administrator.
	if err := o.Directory.Detach(t.Context(), "admin", "17", "account made anew"); err != nil {
		t.Fatal(err)
	}
	o.mustApply(t)
	if e := o.entries(t)["17"]; e.Workspace != "3" {
		t.Errorf("%+v", e)
	}
	wantRoles(t, o.entries(t)["17"], "clerk")
	wantNothing(t, o)
}

func TestAccountWhoseAddressIsAnothersIsLeftAlone(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.account("1", "anna@corp.example", payers)
	o.mustApply(t)
	o.put(t, directory.User{ExternalID: "boris", Email: "boris@corp.example", Name: "Boris", Roles: roles("auditor")})
	o.at(t, "1").Email, o.roll.Groups = "boris@corp.example", nil
	done := o.mustApply(t)
	wantLine(t, done, `? "boris@corp.example"`, `email boris@corp.example belongs to "boris"`)
	wantLine(t, done, `? "boris@corp.example"`, `somebody else than "boris"`)
	all := o.entries(t)
	wantRoles(t, all["anna"], "finance_manager treasurer@LLC-A")
	wantRoles(t, all["boris"], "auditor")
	if all["boris"].Workspace != "" || all["anna"].Email != "anna@corp.example" {
		t.Errorf("%+v", all)
	}
}

func TestWhoIsKnownByAccountAloneLeavesWithIt(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.account("1", "anna@corp.example")
	o.account("2", "boris@corp.example")
	o.mustApply(t)
	o.put(t, directory.User{ExternalID: "anna", Name: "Anna"}) // an ERP that knows no address
	o.remove("1")
	wantLine(t, o.mustApply(t), `- "anna"`, roster.Gone)
	if o.entries(t)["anna"].Active {
		t.Error("still there")
	}
}
