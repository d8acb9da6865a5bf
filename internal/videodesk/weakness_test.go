package videodesk_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// weakness is one of the first control bot's, with the stories that show it is not ours: of
// this package, or of another by its name.
type weakness struct {
	what    string
	stories string
}

// weaknesses are all of them, by their numbers in the fact sheet less one.
func weaknesses() []weakness {
	return []weakness{
		{"buttons without authorization", "TestRightsAreLookedUpAtEveryTap TestButtonsThatAreOldOrUnknownAreRefusedInWords TestServersAreShownToWhoeverMayLook"},
		{"the secret goes to a server that is not trusted", "trueconf.TestAuthorityOfAFileIsTrustedForTheTokenToo"},
		{"the wrong error", "trueconf.TestWhatIsAwayIsNotCalledMisconfigured TestEachTroubleOfAServerIsSaidInWordsThatHelp"},
		{"no error at all", "trueconf.TestWrongCredentialsAndABrokenTokenCallAreTold TestEachTroubleOfAServerIsSaidInWordsThatHelp"},
		{"a refused stop says nothing", "trueconf.TestRefusedStopIsToldWithItsReason TestRefusedStopIsSaidAndMayBeTriedAgain TestUnknownOutcomeIsSaidAndNotTriedAgain"},
		{"a server must be called as its address", "trueconf.TestServerMayBeCalledAnything"},
		{"status of another host, and a screen that does not change", "TestStatusTellsThePartsApart TestScreenOfAServerThatHangsIsShownAllTheSame"},
		{"timers that pile up or die, and alerts that flap or never come", "videowatch.TestTwoReplicasLookInTurnsAndTellOnce videowatch.TestALookThatIsCutOffIsNone videowatch.TestWhatFlapsIsToldOfOnce " +
			"videowatch.TestAServerThatIsDownAtTheStartIsToldOfOnceWhateverIsStartedAgain TestEverybodyChoosesHisAlerts TestStatusShowsWhatTheMonitorSays"},
		{"names that break the message or the buttons", "TestHostileNamesAreOnlyShown TestConferencesAreListedOldestFirstPageByPage TestCallWithoutARoomIsNotOfferedToBeStopped videowatch.TestHostileNamesArePutInTheirPlace"},
		{"a token in an address, and trying without end", "trueconf.TestNoTokenIsInAnAddressAndTryingEnds"},
		{"nobody knows who stopped what; no second person; nobody shown before", "TestStopIsAskedForNamesWhatItIsAndEndsInAReceipt TestStopThatTakesAnApprovalWaitsForIt TestManyTapsAtOnceStopOnce " +
			"TestWhoDidWhatIsEverybodyPageByPage videowatch.TestEachStopByTheRuleIsOnRecordForGood"},
		{"links without a scheme, or that need a cookie", "TestScreensHoldNoAddresses"},
	}
}

func TestEachWeaknessOfTheFirstBotIsShownNotToBeOurs(t *testing.T) {
	t.Parallel()
	const known = 12
	if n := len(weaknesses()); n != known {
		t.Errorf("%d weaknesses are named", n)
	}
	there := map[string]bool{}
	for prefix, folder := range map[string]string{"": ".", "trueconf.": "../trueconf", "videowatch.": "../videowatch"} {
		files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
		must(t, err)
		for _, name := range files {
			code, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
			must(t, err)
			for _, d := range code.Decls {
				if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
					there[prefix+f.Name.Name] = true
				}
			}
		}
	}
	for i, w := range weaknesses() {
		if w.stories == "" {
			t.Errorf("weakness %d, %s: no test", i+1, w.what)
		}
		for story := range strings.FieldsSeq(w.stories) {
			if !there[story] {
				t.Errorf("weakness %d, %s: no test %s", i+1, w.what, story)
			}
		}
	}
}
