package videodesk_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"testing"
)

// TestWeaknessesOfTheFirstBotAreNotOurs names those of the first control bot that a desk
// could have, by their numbers in the fact sheet, each with the stories that show it is not
// here.
func TestWeaknessesOfTheFirstBotAreNotOurs(t *testing.T) {
	t.Parallel()
	there := map[string]bool{}
	files, err := filepath.Glob("*_test.go")
	must(t, err)
	for _, name := range files {
		code, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		must(t, err)
		for _, d := range code.Decls {
			if f, ok := d.(*ast.FuncDecl); ok {
				there[f.Name.Name] = true
			}
		}
	}
	for weakness, stories := range map[string][]string{
		"1: buttons without authorization":                             {"TestRightsAreLookedUpAtEveryTap", "TestButtonsThatAreOldOrUnknownAreRefusedInWords", "TestServersAreShownToWhoeverMayLook"},
		"3 and 4: the wrong error, or none":                            {"TestEachTroubleOfAServerIsSaidInWordsThatHelp"},
		"5: a refused stop says nothing":                               {"TestRefusedStopIsSaidAndMayBeTriedAgain", "TestUnknownOutcomeIsSaidAndNotTriedAgain"},
		"7: status of another host, and a screen that does not change": {"TestStatusTellsThePartsApart", "TestEachTroubleOfAServerIsSaidInWordsThatHelp"},
		"8: switches that add alerts":                                  {"TestEverybodyChoosesHisAlerts", "TestStatusShowsWhatTheMonitorSays"},
		"9: names that break the message or the buttons":               {"TestHostileNamesAreOnlyShown", "TestConferencesAreListedOldestFirstPageByPage", "TestCallWithoutARoomIsNotOfferedToBeStopped"},
		"11: nobody knows who stopped what; no second person; nobody shown before": {
			"TestStopIsAskedForNamesWhatItIsAndEndsInAReceipt", "TestStopThatTakesAnApprovalWaitsForIt", "TestManyTapsAtOnceStopOnce",
		},
		"12: links without a scheme, or that need a cookie": {"TestScreensHoldNoAddresses"},
	} {
		for _, story := range stories {
			if !there[story] {
				t.Errorf("weakness %s: no test %s", weakness, story)
			}
		}
	}
}
