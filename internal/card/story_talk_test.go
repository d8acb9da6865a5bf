package card_test

import (
	"fmt"

	"countersign/internal/approval"
	"countersign/internal/document"
	"countersign/internal/people"
)

// ask lets somebody who is asked now put a question.
func (s *story) ask(who people.ID, text string) *story {
	s.t.Helper()
	for _, sl := range s.c.InStep(s.c.Step) {
		if sl.Person == who {
			_, err := s.c.Ask(approval.Asking{
				ID: fmt.Sprintf("q%d", len(s.c.Questions)+1), Person: who, Round: sl.Round, Step: sl.Step, No: sl.No, Text: text,
			}, s.doc(), s.dir(), s.tick())
			if err != nil {
				s.t.Fatal(err)
			}
		}
	}
	return s
}

func (s *story) answer(no int, who people.ID, text string) *story {
	s.t.Helper()
	if _, err := s.c.Answer(approval.Reply{Question: s.c.Questions[no-1].ID, ID: "a", Person: who, Author: "olga", Text: text}, s.tick()); err != nil {
		s.t.Fatal(err)
	}
	return s
}

// say notes a comment; by nobody, the ERP says it.
func (s *story) say(who people.ID, text string, file *document.File) *story {
	m := approval.Remark{ID: fmt.Sprintf("c%d", len(s.talk)), By: who, Author: "Buchhaltung", Text: text, At: s.tick(), File: file}
	s.talk = append(s.talk, m)
	return s
}

func (s *story) onVideo() *story {
	s.meet = true
	return s
}

func (s *story) byPhone() *story {
	s.phone = true
	return s
}

func (s *story) consume() *story {
	s.t.Helper()
	if _, err := s.c.Consume(s.c.Hash, "ПП-000318", s.tick()); err != nil {
		s.t.Fatal(err)
	}
	return s
}
