package card

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"countersign/internal/approval"
)

// ErrTap means that the data of a button, or the payload of a link, is not one of ours.
var ErrTap = errors.New("not a button of a card")

// Tap is what a button says: the slot, the revision that was shown, and the verdict.
type Tap struct {
	Case     approval.ID
	Round    int
	Step     int
	No       int
	Revision int
	Verdict  approval.Verdict
}

const (
	tapPrefix  = "v:"
	tapParts   = 6
	tapBase    = 36 // four numbers of 31 bits and the id of a case fit into 64 bytes
	casePrefix = "cas_"
	linkPrefix = "c_"
)

// What a button may say beside a verdict. None of them is a vote.
const (
	Ask     approval.Verdict = "ask"     // a question, from the slot
	Answer  approval.Verdict = "answer"  // to the question that No names
	Details approval.Verdict = "details" // why the person is asked, and what changed
	Stand   approval.Verdict = "stand"   // how the case stands
	Discuss approval.Verdict = "discuss" // brings those who take part together in a video meeting
	Phone   approval.Verdict = "phone"   // and by telephone
)

// letters of the verdicts in a tap.
func letter(v approval.Verdict) string {
	switch v {
	case approval.Accept:
		return "a"
	case approval.Reject:
		return "r"
	case approval.Return:
		return "b"
	case Ask:
		return "q"
	case Answer:
		return "w"
	case Details:
		return "d"
	case Stand:
		return "s"
	case Discuss:
		return "m"
	case Phone:
		return "p"
	default:
		return ""
	}
}

// String gives the data of a button: at most 64 bytes.
func (t Tap) String() string {
	parts := []string{string(t.Case)}
	for _, n := range []int{t.Round, t.Step, t.No, t.Revision} {
		parts = append(parts, strconv.FormatInt(int64(n), tapBase))
	}
	return tapPrefix + strings.Join(append(parts, letter(t.Verdict)), ":")
}

// ParseTap reads what String wrote, and nothing else.
func ParseTap(data string) (Tap, error) {
	rest, ours := strings.CutPrefix(data, tapPrefix)
	parts := strings.Split(rest, ":")
	if !ours || len(parts) != tapParts || !isCase(parts[0]) {
		return Tap{}, fmt.Errorf("data %.70q: %w", data, ErrTap)
	}
	t := Tap{Case: approval.ID(parts[0])}
	for i, to := range []*int{&t.Round, &t.Step, &t.No, &t.Revision} {
		n, err := strconv.ParseInt(parts[1+i], tapBase, 32)
		if err != nil || n < 0 || n > math.MaxInt32 {
			return Tap{}, fmt.Errorf("data %.70q: %w", data, ErrTap)
		}
		*to = int(n)
	}
	for _, v := range []approval.Verdict{approval.Accept, approval.Reject, approval.Return, Ask, Answer, Details, Stand, Discuss, Phone} {
		if letter(v) == parts[5] {
			t.Verdict = v
		}
	}
	if t.Verdict == "" || t.String() != data {
		return Tap{}, fmt.Errorf("data %.70q: %w", data, ErrTap)
	}
	return t, nil
}

// isCase reports whether the text has the form of a case's id.
func isCase(id string) bool {
	rest, ok := strings.CutPrefix(id, casePrefix)
	return ok && len(rest) == 26 && strings.Trim(rest, "0123456789abcdefghijklmnopqrstuvwxyz") == ""
}

// isBot reports whether the text has the form of a username.
func isBot(name string) bool {
	return name != "" && len(name) <= 64 &&
		strings.IndexFunc(name, func(r rune) bool { return r != '_' && !isAlphanumeric(r) }) < 0
}

func isAlphanumeric(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

// Link gives the address that opens the private chat with the bot at a case. It is empty
// without a bot.
func Link(bot string, id approval.ID) string {
	if !isCase(string(id)) || !isBot(bot) {
		return ""
	}
	return "https://t.me/" + bot + "?start=" + linkPrefix + strings.TrimPrefix(string(id), casePrefix)
}

// ParseLink reads the payload of such a link, as /start brings it.
func ParseLink(payload string) (approval.ID, error) {
	rest, ok := strings.CutPrefix(payload, linkPrefix)
	if !ok || !isCase(casePrefix+rest) {
		return "", fmt.Errorf("payload %.70q: %w", payload, ErrTap)
	}
	return approval.ID(casePrefix + rest), nil
}
