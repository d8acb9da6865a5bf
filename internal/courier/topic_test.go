package courier_test

import (
	"slices"
	"testing"

	"countersign/internal/approval"
	"countersign/internal/directory"
	"countersign/internal/ledger/ledgertest"
)

func TestTopicThatIsGoneIsNotedOnceAndUntilItIsBack(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.bind(t, group, topic)
	fault := func(want string) {
		t.Helper()
		if got := o.groupFault(t); got != want {
			t.Errorf("the directory says %q, want %q", got, want)
		}
	}
	o.Post(t, "221")
	o.calm(t)
	fault("")
	must(t, o.tg.Topic(group, topic, false))
	o.Post(t, "222")
	o.calm(t)
	fault(directory.TopicFault)
	o.Vote(t, "222", ledgertest.Budget, approval.Accept, "") // an edit says nothing of the topic
	o.calm(t)
	fault(directory.TopicFault)
	if m := o.cards(group, "222"); len(m) != 1 || m[0].ThreadID != 0 {
		t.Errorf("%+v, want one message beside the topic", m)
	}
	must(t, o.tg.Topic(group, topic, true))
	o.Post(t, "223")
	o.calm(t)
	fault("")
	if m := o.cards(group, "223"); len(m) != 1 || m[0].ThreadID != topic {
		t.Errorf("%+v, want one message in the topic", m)
	}
}

func TestTopicsOfOneGroupGetWhatIsTheirs(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.bind(t, group, topic)
	o.wish(t, large)
	must(t, o.tg.Topic(group, topic+1, true))
	for _, c := range []directory.Chat{
		{ExternalID: "second", TelegramID: group, Thread: topic + 1, Title: "All", Notices: []string{"payment_request"}},
		{ExternalID: "general", TelegramID: group, Title: "General", Notices: []string{"contract"}},
	} {
		_, _, err := o.Directory.PutChat(t.Context(), "test", c)
		must(t, err)
	}
	o.pay(t, "231", 100)
	big := o.pay(t, "232", 20_000_000)
	o.calm(t)
	o.shows(t, big.Case.ID, 1)
	for number, want := range map[string][]int64{"231": {topic + 1}, "232": {topic, topic + 1}} {
		var got []int64
		for _, m := range o.cards(group, number) {
			got = append(got, m.ThreadID)
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("%s: in topics %v, want %v", number, got, want)
		}
	}
}
