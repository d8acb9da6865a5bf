package route

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/pelletier/go-toml/v2"

	"countersign/internal/document"
	"countersign/internal/money"
)

// file is a route as people write it.
type file struct {
	Key      string     `toml:"key"`
	Document string     `toml:"document"`
	Title    string     `toml:"title"`
	Repeat   Repeat     `toml:"repeat"`
	Reason   ReasonRule `toml:"reason"`
	Change   struct {
		Cosmetic []string `toml:"cosmetic"`
		Tolerant []string `toml:"tolerant"`
		Percent  string   `toml:"tolerance_percent"`
		Units    int64    `toml:"tolerance_minor_units"`
	} `toml:"change"`
	StepUps []fileStepUp `toml:"step_up"`
	Rules   []fileRule   `toml:"rule"`
}

type fileStepUp struct {
	Over     string    `toml:"over"`
	Currency string    `toml:"currency"`
	NewPayee bool      `toml:"new_payee"`
	Steps    []string  `toml:"steps"`
	Least    Assurance `toml:"least"`
}

type fileRule struct {
	Name string `toml:"name"`
	When struct {
		Companies   []string `toml:"companies"`
		CostCenters []string `toml:"cost_centers"`
		Currencies  []string `toml:"currencies"`
		UpTo        string   `toml:"up_to"`
		Currency    string   `toml:"currency"`
	} `toml:"when"`
	Steps []fileStep `toml:"step"`
}

type fileStep struct {
	Key   string `toml:"key"`
	Title string `toml:"title"`
	Mode  Mode   `toml:"mode"`
	N     int    `toml:"n"`
	Deny  int    `toml:"deny"`
	Who   []struct {
		Role   string `toml:"role"`
		Of     string `toml:"of"`
		Person string `toml:"person"`
		Field  string `toml:"field"`
	} `toml:"who"`
}

// Parse reads a route from its TOML text and checks it. Unknown keys are errors,
// shown with their line.
func Parse(text []byte) (Route, error) {
	f, err := decode(text)
	if err != nil {
		return Route{}, err
	}
	r, err := f.route()
	return r, errors.Join(err, r.Check())
}

// Read reads a route that was checked when it was published. The checks of today do not
// apply to it: cases run by it.
func Read(text []byte) (Route, error) {
	f, err := decode(text)
	if err != nil {
		return Route{}, err
	}
	return f.route()
}

func decode(text []byte) (file, error) {
	var f file
	dec := toml.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil {
		if strict, ok := errors.AsType[*toml.StrictMissingError](err); ok {
			return file{}, fmt.Errorf("unknown keys:\n%s", strict.String())
		}
		if at, ok := errors.AsType[*toml.DecodeError](err); ok {
			return file{}, fmt.Errorf("not readable:\n%s", at.String())
		}
		return file{}, fmt.Errorf("not readable: %w", err)
	}
	return f, nil
}

func (f file) route() (Route, error) {
	r := Route{
		Key: f.Key, Document: f.Document, Title: f.Title, Repeat: f.Repeat, Reason: f.Reason,
		Change: document.Policy{
			Cosmetic: f.Change.Cosmetic, Tolerant: f.Change.Tolerant,
			Drift: money.Tolerance{Minor: f.Change.Units},
		},
	}
	if r.Repeat == "" {
		r.Repeat = CarryAdjacent
	}
	if r.Reason == "" {
		r.Reason = ReasonOnReject
	}
	var found []error
	if f.Change.Percent != "" {
		points, err := money.ParsePercent(f.Change.Percent)
		if err != nil {
			found = append(found, fmt.Errorf("change.tolerance_percent: %w", err))
		}
		r.Change.Drift.BasisPoints = points
	}
	if f.Change.Units < 0 {
		found = append(found, errors.New("change.tolerance_minor_units: give 0 or more"))
	}
	for i, fu := range f.StepUps {
		u, err := fu.stepUp()
		if err != nil {
			found = append(found, fmt.Errorf("step_up %d: %w", i+1, err))
		}
		r.StepUps = append(r.StepUps, u)
	}
	for i, fr := range f.Rules {
		rule, err := fr.rule()
		if err != nil {
			found = append(found, fmt.Errorf("rule %d (%s): %w", i+1, fr.Name, err))
		}
		r.Rules = append(r.Rules, rule)
	}
	return r, errors.Join(found...)
}

func (fu fileStepUp) stepUp() (StepUp, error) {
	u := StepUp{NewPayee: fu.NewPayee, Steps: fu.Steps, Least: fu.Least}
	var err error
	switch {
	case fu.Over != "":
		var limit money.Amount
		if limit, err = money.Parse(fu.Over, fu.Currency); err != nil {
			err = fmt.Errorf("over: %w (give a decimal string, and currency)", err)
		}
		u.Over = &limit
	case fu.Currency != "":
		err = errors.New("currency goes with over")
	}
	return u, err
}

func (fr fileRule) rule() (Rule, error) {
	rule := Rule{Name: fr.Name, When: Condition{
		Companies: fr.When.Companies, CostCenters: fr.When.CostCenters, Currencies: fr.When.Currencies,
	}}
	var err error
	switch {
	case fr.When.UpTo != "":
		var limit money.Amount
		if limit, err = money.Parse(fr.When.UpTo, fr.When.Currency); err != nil {
			err = fmt.Errorf("when.up_to: %w (give a decimal string, and when.currency)", err)
		}
		rule.When.UpTo = &limit
	case fr.When.Currency != "":
		err = errors.New("when.currency goes with when.up_to; use when.currencies for a condition on the currency alone")
	}
	for _, fs := range fr.Steps {
		s := Step{Key: fs.Key, Title: fs.Title, Mode: fs.Mode, N: fs.N, Deny: fs.Deny}
		if s.Mode == "" {
			s.Mode = Any
		}
		for _, w := range fs.Who {
			s.Who = append(s.Who, Selector{Role: w.Role, Of: w.Of, Person: w.Person, Field: w.Field})
		}
		rule.Steps = append(rule.Steps, s)
	}
	return rule, err
}
