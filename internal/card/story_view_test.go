package card_test

import (
	"time"

	"countersign/internal/card"
	"countersign/internal/document"
)

func (s *story) view() card.View {
	zone := time.FixedZone("MSK", 3*60*60)
	v := card.View{
		Case: &s.c, Doc: s.doc(), Earlier: map[int]document.Document{}, People: s.dir(),
		Groups: []card.Group{{ID: "finance", Title: "Finance", Hidden: s.veil, NoFiles: s.bare}}, Fallback: s.ops, Bot: "countersign_bot", Zone: zone,
		Closed: s.lost, Talk: s.talk, Away: s.away, Meet: s.meet, Phone: s.phone, MaxFile: s.most,
	}
	if s.mute {
		v.Bot = ""
	}
	for _, m := range s.talk {
		if m.File != nil {
			v.Files = append(v.Files, m)
		}
	}
	for _, sl := range s.c.Slots {
		if sl.Vote != nil && sl.Vote.Revision < len(s.docs) {
			v.Earlier[sl.Vote.Revision] = s.docs[sl.Vote.Revision-1]
		}
	}
	return v
}
