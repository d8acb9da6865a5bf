package asterisk_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/asterisk"
)

// told is what messages come to, as a real Asterisk's orders of them.
func told(list string, messages ...string) []string {
	var all []string
	for _, e := range asterisk.Hear(list, strings.Join(messages, "")) {
		all = append(all, say(e))
	}
	return all
}

func TestEventsInWhateverOrder(t *testing.T) {
	t.Parallel()
	const in = "Conference: ROOM1\r\n"
	failed := "Event: UserEvent\r\nChannel: OutgoingSpoolFailed\r\nAccountCode: countersign:job-1\r\nUniqueid: 1.5\r\nLinkedid: 1.5\r\nUserEvent: Countersign\r\nResult: FAILED\r\nJob: job-1\r\n"
	over := "Event: Hangup\r\nChannel: OutgoingSpoolFailed\r\nAccountCode: countersign:job-1\r\nUniqueid: 1.5\r\nLinkedid: 1.5\r\nCause: 0\r\n\r\n"
	response := "Event: OriginateResponse\r\nResponse: Failure\r\nActionID: countersign/x/1\r\nUniqueid: <unknown>\r\nReason: 0\r\n\r\n"
	dialled := "Event: DialEnd\r\nDestAccountCode: countersign:job-1\r\nDestUniqueid: job-1\r\nDestLinkedid: job-1\r\nDialStatus: CONGESTION\r\n\r\n"
	refused := channel("UserEvent", "UserEvent: Countersign\r\nResult: REFUSED\r\nJob: job-1\r\nRoom: ROOM1\r\nLocked: 1\r\n")
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
		"MutedAfterHangup": {
			[]string{began, channel("ConfbridgeJoin", in), channel("Hangup", "Cause: 16\r\n"), channel("ConfbridgeMute", in), channel("ConfbridgeLeave", in)},
			[]string{"answered job-1", "joined job-1 ROOM1", "left job-1 ROOM1", "hung up job-1"},
		},
		"JoinedBeforeAnswered": {
			[]string{began, channel("ConfbridgeJoin", in), up},
			[]string{"answered job-1", "joined job-1 ROOM1"},
		},
		"RefusedBeforeAllElse": {
			[]string{refused, began, up, channel("Hangup", "Cause: 16\r\n")},
			[]string{"answered job-1", "refused job-1 ROOM1 room locked", "hung up job-1"},
		},
		"BusyByCauseThenTold": {
			[]string{began, channel("Hangup", "Cause: 17\r\n"), failed + "Reason: 0\r\n\r\n", response, over},
			[]string{"failed job-1 busy"},
		},
		"BusyToldBeforeAllElse": {
			[]string{response, failed + "Reason: 0\r\n\r\n", began, channel("Hangup", "Cause: 17\r\n"), over},
			[]string{"failed job-1 busy"},
		},
		"CongestionByTheDialOnly": {
			[]string{dialled, began, channel("Hangup", "Cause: 0\r\n"), over},
			[]string{"failed job-1 congestion"},
		},
		"NobodyPickedUp": {
			[]string{began, response, channel("Hangup", "Cause: 0\r\n"), failed + "Reason: 3\r\n\r\n", over},
			[]string{"failed job-1 no answer"},
		},
		"NothingIsKnown": {
			[]string{began, response, channel("Hangup", "Cause: 0\r\n"), failed + "Reason: 0\r\n\r\n", over},
			[]string{"failed job-1 unexplained"},
		},
		"NeverHadAChannel": {
			[]string{failed + "Reason: 0\r\n\r\n", response, over},
			[]string{"failed job-1 unexplained"},
		},
		"DoubleOfOneThatIsUp": {
			[]string{began, up, failed + "Reason: 0\r\n\r\n", response, over, channel("Hangup", "Cause: 16\r\n")},
			[]string{"ringing job-1", "answered job-1", "hung up job-1"},
		},
		"DoubleOfOneThatRings": {
			[]string{began, failed + "Reason: 0\r\n\r\n", over, response, up},
			[]string{"ringing job-1", "answered job-1"},
		},
		"DoubleThatOutlivesTheFirst": {
			[]string{began, up, channel("Hangup", "Cause: 16\r\n"), over},
			[]string{"ringing job-1", "answered job-1", "hung up job-1"},
		},
		"CalledAnewAfterItFailed": {
			[]string{began, channel("Hangup", "Cause: 17\r\n"), over, began, channel("Hangup", "Cause: 34\r\n"), over},
			[]string{"failed job-1 busy", "failed job-1 congestion"},
		},
		"OtherHalfOfTheCall": {
			[]string{strings.ReplaceAll(began, "Uniqueid: job-1", "Uniqueid: job-1;2"), strings.ReplaceAll(up, "Uniqueid: job-1", "Uniqueid: job-1;2")},
			nil,
		},
		"SomebodyElsesCall": {
			[]string{strings.ReplaceAll(began+up+over, "countersign:", "")},
			nil,
		},
		"SomebodyElsesUserEvent": {
			[]string{strings.ReplaceAll(refused, "Countersign", "Other"), strings.ReplaceAll(refused, "Job: job-1", "Job: a b")},
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(story.want, told("", story.messages...)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What a connection finds when it comes is as good as what it has heard itself.
func TestEventsOfCallsThatWereFound(t *testing.T) {
	t.Parallel()
	up := strings.ReplaceAll(channel("CoreShowChannel", "Application: ConfBridge\r\nApplicationData: ROOM1,,,room_menu\r\nBridgeId: b\r\n"), "State: 5", "State: 6")
	asked := strings.ReplaceAll(up, "BridgeId: b", "BridgeId: ")
	over := channel("Hangup", "Cause: 16\r\n")
	if diff := cmp.Diff([]string{"left job-1 ROOM1", "hung up job-1"}, told(up, over, channel("ConfbridgeLeave", "Conference: ROOM1\r\n"))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"hung up job-1"}, told(asked, over)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"failed job-1 busy"}, told(channel("CoreShowChannel", ""), channel("Hangup", "Cause: 17\r\n"))); diff != "" {
		t.Error(diff)
	}
}
