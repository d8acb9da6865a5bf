package route_test

import (
	"fmt"

	"countersign/internal/document"
	"countersign/internal/money"
	"countersign/internal/people"
	"countersign/internal/route"
)

func ExampleRoute_Match() {
	r, err := route.Parse([]byte(`
key = "payment"
document = "payment"

[[rule]]
name = "small"
[rule.when]
up_to = "1000.00"
currency = "RUB"
[[rule.step]]
key = "holder"
who = [{ role = "budget_holder", of = "cost_center" }]

[[rule]]
name = "rest"
[[rule.step]]
key = "holder"
who = [{ role = "budget_holder", of = "cost_center" }]
[[rule.step]]
key = "treasurer"
who = [{ role = "treasurer", of = "company" }]
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, text := range []string{"1000.00", "1000.01"} {
		amount, _ := money.Parse(text, "RUB")
		plan, _ := r.Match(document.Document{Amount: amount})
		fmt.Println(text, plan.Rule, len(plan.Steps))
	}
	// Output:
	// 1000.00 small 1
	// 1000.01 rest 2
}

func ExampleStep_Resolve() {
	dir := people.NewDirectory([]people.Person{
		{ID: "per_1", ExternalID: "ann", Active: true, Roles: []people.Role{{Name: "treasurer", Scope: "LLC-A"}}},
		{ID: "per_2", ExternalID: "bob", Active: true, Roles: []people.Role{{Name: "treasurer"}}},
	})
	s := route.Step{Who: []route.Selector{{Role: "treasurer", Of: "company"}}}
	for _, company := range []string{"LLC-A", "LLC-B"} {
		for _, c := range s.Resolve(document.Document{Company: company}, dir) {
			fmt.Println(company, c.Person, c.Because)
		}
	}
	// Output:
	// LLC-A per_1 role:treasurer@LLC-A
	// LLC-B per_2 role:treasurer
}
