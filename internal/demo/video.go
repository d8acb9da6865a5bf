package demo

import (
	"context"
	"errors"
	"time"

	"countersign/internal/config"
	"countersign/internal/secret"
	"countersign/internal/trueconf/trueconftest"
)

// The video servers of the house. On the second stopping takes an approval.
const (
	headOffice = "Head office"
	clinic     = "Clinic"
	stopRoute  = "conference_stop"
)

// studio is the video servers that are played.
type studio map[string]*trueconftest.Server

// openVideo starts them, with a few conferences. One was forgotten: its owner is alone in it.
func openVideo(ctx context.Context, now func() time.Time) (studio, error) {
	out := studio{}
	for _, name := range []string{headOffice, clinic} {
		s, err := trueconftest.Open(ctx, trueconftest.Options{Now: now, Domain: "video.example.com"})
		if err != nil {
			return nil, errors.Join(err, out.close())
		}
		out[name] = s
	}
	const host = "@video.example.com"
	in := func(id, name string, role int) trueconftest.Person {
		return trueconftest.Person{ID: id + host, Name: name, Role: role}
	}
	office, hospital := out[headOffice], out[clinic]
	for id, status := range map[string]int{"ivanova": 5, "petrov": 2, "sidorova": 1, "kozlov": 1, "orlova": 0} {
		office.PutUser(trueconftest.User{ID: id, Name: id, Status: status})
		hospital.PutUser(trueconftest.User{ID: id, Name: id, Status: status})
	}
	for _, c := range []trueconftest.Conference{
		{
			ID: "2001", Topic: "Budget for the third quarter", Owner: "petrov", Started: now().Add(-40 * time.Minute), Recording: true,
			People: []trueconftest.Person{in("petrov", "Pyotr Petrov", 2), in("sidorova", "Olga Sidorova", 0), in("kozlov", "Ivan Kozlov", 0)},
		},
		{ // the forgotten one
			ID: "2002", Topic: "Stand-up", Owner: "ivanova", Started: now().Add(-5 * time.Hour), People: []trueconftest.Person{in("ivanova", "Anna Ivanova", 2)},
		},
		{
			ID: "2003", Topic: "Interview <backend & ops>", Owner: "orlova", Started: now().Add(-15 * time.Minute), Guests: true,
			People: []trueconftest.Person{in("orlova", "Maria Orlova", 2), {ID: "#guest:7f" + host, Name: "Candidate"}, {ID: "#sip:12@pbx", Name: "Meeting room 12"}},
		},
	} {
		c.Running = true
		office.Put(c)
	}
	hospital.Put(trueconftest.Conference{
		ID: "3001", Topic: "Consultation", Owner: "kozlov", Running: true, Started: now().Add(-25 * time.Minute), Guests: true,
		People: []trueconftest.Person{in("kozlov", "Ivan Kozlov", 2), {ID: "#guest:8a" + host, Name: "Patient"}},
	})
	return out, nil
}

func (s studio) close() error {
	var faults []error
	for _, one := range s {
		faults = append(faults, one.Close())
	}
	return errors.Join(faults...)
}

// config is what an operator would write of them.
func (s studio) config() config.TrueConf {
	out := config.TrueConf{Servers: map[string]config.TrueConfServer{}}
	for name, one := range s {
		c := config.DefaultTrueConfServer()
		c.Address, c.Engine = one.URL(), one.Engine()
		c.ClientID, c.ClientSecret = trueconftest.ClientID, secret.Text(trueconftest.ClientSecret)
		if name == clinic {
			c.StopRoute = stopRoute
		}
		out.Servers[name] = c
	}
	return out
}
