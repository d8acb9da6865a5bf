package erp

import (
	"net/http"

	"countersign/internal/directory"
	"countersign/internal/money"
	"countersign/internal/people"
	"countersign/internal/server"
)

func (d *Door) putDelegation(c *call, in *NameInput) (answer, error) {
	dir, body, o, err := d.opened(c, in)
	if err != nil {
		return answer{}, err
	}
	n := directory.NewDelegation{Name: c.names(in.ExternalID)}
	n.Principal, n.Deputy = o.whom("principal", name(200).must(), dir).ID, o.whom("deputy", name(200).must(), dir).ID
	n.From, n.Until = d.span(o)
	n.Scope = readScope(o)
	hands, ok := o.whole("hands", 1, people.MostHands)
	if n.Hands = int(hands); !ok {
		n.Hands = 1
	}
	if n.Deputy != "" && n.Deputy == n.Principal {
		o.refuse("deputy", "conflict", "= principal")
	}
	o.done()
	if err := body.err(""); err != nil {
		return answer{}, err
	}
	g, created, err := d.Directory.Delegate(c.ctx(), c.actor(), n)
	if err != nil {
		return answer{}, err
	}
	return answer{status: storedAs(created), body: DelegationAnswer{delegationOf(g, dir, c), server.RequestID(c.ctx())}}, d.Ledger.StandIn(c.ctx())
}

func readScope(o *object) people.Scope {
	s := people.Scope{Role: o.text("role", word()), Type: o.text("type", word()), Company: o.text("company", name(100))}
	currency := o.text("currency", name(3))
	limit, given := o.decimal("up_to")
	switch {
	case given && currency == "" && o.fine("currency"):
		o.fault("currency", "missing_field")
	case currency != "" && !given && o.fine("up_to"):
		o.fault("up_to", "missing_field")
	case given && o.fine("currency"):
		amount, err := money.Parse(limit, currency)
		if err != nil {
			o.fault("up_to", codeOf(err))
		}
		s.UpTo = &amount
	}
	return s
}

func (d *Door) getDelegation(c *call, in *NameInput) (answer, error) {
	g, err := d.Directory.DelegationNamed(c.ctx(), c.names(in.ExternalID))
	return d.delegation(c, g, err)
}

func (d *Door) endDelegation(c *call, in *NameInput) (answer, error) {
	g, err := d.Directory.RevokeNamed(c.ctx(), c.actor(), c.names(in.ExternalID), byKey)
	if err == nil {
		err = d.Ledger.StandIn(c.ctx())
	}
	return d.delegation(c, g, err)
}

func (d *Door) delegation(c *call, g directory.Given, err error) (answer, error) {
	if err != nil {
		return answer{}, err
	}
	dir, err := d.Directory.Snapshot(c.ctx())
	return answer{status: http.StatusOK, body: DelegationAnswer{delegationOf(g, dir, c), server.RequestID(c.ctx())}}, err
}

func (d *Door) listDelegations(c *call, in *StandingInput) (answer, error) {
	dir, id, err := d.listed(c, in)
	if err != nil {
		return answer{}, err
	}
	found, err := d.Directory.Delegations(c.ctx(), id)
	out := DelegationsAnswer{Delegations: []Delegation{}, RequestID: server.RequestID(c.ctx())}
	for _, g := range found {
		out.Delegations = append(out.Delegations, delegationOf(g, dir, c))
	}
	return answer{status: http.StatusOK, body: out}, err
}

func delegationOf(g directory.Given, dir people.Directory, c *call) Delegation {
	out := Delegation{
		Standing: standingOf(g.Name, c, g.Ended), ID: int64(g.ID), Principal: externalID(dir, g.Principal), Deputy: externalID(dir, g.Deputy),
		Role: g.Scope.Role, Type: g.Scope.Type, Company: g.Scope.Company, Hands: g.Hands,
	}
	out.From, out.Until, out.MadeAt, out.EndedWhy = g.From, g.Until, g.At, g.Why
	if limit := g.Scope.UpTo; limit != nil {
		out.UpTo, out.Currency = limit.String(), limit.Currency
	}
	return out
}
