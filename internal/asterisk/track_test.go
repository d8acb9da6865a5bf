package asterisk_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/asterisk"
)

// told is what messages come to, as a real Asterisk's orders of them.
func told(messages ...string) []string {
	var all []string
	for _, e := range asterisk.Hear(strings.Join(messages, "")) {
		all = append(all, say(e))
	}
	return all
}

func TestEventsInWhateverOrder(t *testing.T) {
	t.Parallel()
	const in = "Conference: ROOM1\r\n"
	failed := "Event: UserEvent\r\nChannel: OutgoingSpoolFailed\r\nAccountCode: countersign:job-1\r\nUniqueid: 1.5\r\nLinkedid: 1.5\r\nUserEvent: Countersign\r\nResult: FAILED\r\nJob: job-1\r\n"
	response := "Event: OriginateResponse\r\nResponse: Failure\r\nActionID: countersign/x/1/job-1\r\nUniqueid: <unknown>\r\n"
	began := channel("Newchannel", "")
	up := channel("Newstate", "") + strings.ReplaceAll(channel("Newstate", ""), "State: 5", "State: 6")
	for name, story := range map[string]struct {
		messages []string
		want     []string
	}{
		"LeftAfterHangup": {
			[]string{began, up, channel("ConfbridgeJoin", in), channel("Hangup", "Cause: 16\r\n"), channel("ConfbridgeLeave", in)},
			[]string{"ringing job-1", "answered job-1", "joined job-1 ROOM1", "left job-1 ROOM1", "hung up job-1"},
		},
		"JoinedBeforeAnswered": {
			[]string{began, channel("ConfbridgeJoin", in), up},
			[]string{"answered job-1", "joined job-1 ROOM1"},
		},
		"BusyByCauseThenTwiceTold": {
			[]string{began, channel("Hangup", "Cause: 17\r\n"), failed + "Reason: 0\r\n\r\n", response + "Reason: 0\r\n\r\n"},
			[]string{"failed job-1 busy"},
		},
		"BusyToldBeforeTheHangup": {
			[]string{began, response + "Reason: 5\r\n\r\n", channel("Hangup", "Cause: 17\r\n")},
			[]string{"failed job-1 busy"},
		},
		"CongestionByTheDialOnly": {
			[]string{began, "Event: DialEnd\r\nDestUniqueid: job-1\r\nDialStatus: CONGESTION\r\n\r\n", channel("Hangup", "Cause: 0\r\n")},
			[]string{"failed job-1 congestion"},
		},
		"NobodyPickedUp": {
			[]string{began, response + "Reason: 3\r\n\r\n", channel("Hangup", "Cause: 0\r\n"), failed + "Reason: 3\r\n\r\n"},
			[]string{"failed job-1 no answer"},
		},
		"CallFileNobodyPickedUp": {
			[]string{began, channel("Hangup", "Cause: 0\r\n"), failed + "Reason: 3\r\n\r\n"},
			[]string{"failed job-1 no answer"},
		},
		"ToldWithoutACauseAndHungUpWithoutOne": {
			[]string{began, response + "Reason: 0\r\n\r\n", channel("Hangup", "Cause: 0\r\n")},
			[]string{"failed job-1 unexplained"},
		},
		"NeverHadAChannel": {
			[]string{failed + "Reason: 0\r\n\r\n", response + "Reason: 0\r\n\r\n"},
			[]string{"failed job-1 unexplained"},
		},
		"DoubleOfOneThatIsUp": {
			[]string{began, up, failed + "Reason: 0\r\n\r\n", response + "Reason: 0\r\n\r\n", channel("Hangup", "Cause: 16\r\n")},
			[]string{"ringing job-1", "answered job-1", "hung up job-1"},
		},
		"DoubleOfOneThatRings": {
			[]string{began, failed + "Reason: 0\r\n\r\n", response + "Reason: 0\r\n\r\n", up},
			[]string{"ringing job-1", "answered job-1"},
		},
		"CalledAnewAfterItFailed": {
			[]string{began, channel("Hangup", "Cause: 17\r\n"), began, channel("Hangup", "Cause: 34\r\n")},
			[]string{"failed job-1 busy", "failed job-1 congestion"},
		},
		"OriginateResponseIsNoReply": {
			[]string{began, up, "Event: OriginateResponse\r\nResponse: Success\r\nActionID: countersign/x/1/job-1\r\nReason: 4\r\n\r\n"},
			[]string{"ringing job-1", "answered job-1"},
		},
		"OtherHalfOfTheCall": {
			[]string{strings.ReplaceAll(began, "Uniqueid: job-1", "Uniqueid: job-1;2"), strings.ReplaceAll(up, "Uniqueid: job-1", "Uniqueid: job-1;2")},
			nil,
		},
		"SomebodyElsesCall": {
			[]string{strings.ReplaceAll(began+up, "countersign:", ""), "Event: OriginateResponse\r\nResponse: Failure\r\nActionID: other/x/1/job-1\r\nReason: 5\r\n\r\n"},
			nil,
		},
		"SomebodyElsesUserEvent": {
			[]string{"Event: UserEvent\r\nUserEvent: Other\r\nResult: FAILED\r\nJob: job-1\r\n\r\n", "Event: UserEvent\r\nUserEvent: Countersign\r\nResult: FAILED\r\nJob: a b\r\n\r\n"},
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(story.want, told(story.messages...)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
