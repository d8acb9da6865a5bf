package asterisk_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// prompts runs the script of deploy/asterisk with a voice that writes down what it says.
func prompts(t *testing.T, voice string, args ...string) (said string, err error) {
	t.Helper()
	programs := t.TempDir()
	for name, text := range map[string]string{"espeak-ng": voice, "sox": "#!/bin/sh\ncp \"$1\" \"$8\"\n"} {
		if text != "" {
			must(t, os.WriteFile(filepath.Join(programs, name), []byte(text), 0o700))
		}
	}
	for _, name := range []string{"sh", "cp", "mv", "mkdir", "mktemp", "rm", "chmod"} {
		at, err := exec.LookPath(name)
		must(t, err)
		must(t, os.Symlink(at, filepath.Join(programs, name)))
	}
	cmd := exec.CommandContext(t.Context(), "/bin/sh", append([]string{"../../deploy/asterisk/prompts.sh"}, args...)...)
	cmd.Env = []string{"PATH=" + programs}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

const goodVoice = "#!/bin/sh\n[ \"$1 $3 $5 $7\" = '-v -s -w --' ] && printf '%s: %s' \"$2\" \"$8\" >\"$6\"\n"

// The prompts that the check of the dialplan looks for are made in every language, and what is
// there stays.
func TestPromptsThatAreMissingAreMade(t *testing.T) {
	t.Parallel()
	names := regexp.MustCompile(`Set\(PROMPTS=([a-z-]+)\)`).FindStringSubmatch(deployed(t, "extensions.conf"))
	tongues := regexp.MustCompile(`Set\(TONGUES=([a-z-]+)\)`).FindStringSubmatch(deployed(t, "extensions.conf"))
	if names == nil || tongues == nil {
		t.Fatal("the dialplan looks for no prompts")
	}
	for tongue := range strings.SplitSeq(tongues[1], "-") {
		t.Run(tongue, func(t *testing.T) {
			t.Parallel()
			sounds := t.TempDir()
			must(t, os.Mkdir(filepath.Join(sounds, tongue), 0o700))
			own := filepath.Join(sounds, tongue, "conf-locked.gsm")
			must(t, os.WriteFile(own, []byte("its own"), 0o600))
			if said, err := prompts(t, goodVoice, tongue, sounds); err != nil {
				t.Fatal(said, err)
			}
			want, got := []string{"conf-locked.gsm"}, []string{}
			for name := range strings.SplitSeq(names[1], "-") {
				if name != "locked" {
					want = append(want, "conf-"+name+".wav")
				}
			}
			all, err := os.ReadDir(filepath.Join(sounds, tongue))
			must(t, err)
			for _, f := range all {
				got = append(got, f.Name())
				text, err := os.ReadFile(filepath.Join(sounds, tongue, f.Name()))
				if err != nil || f.Name() != "conf-locked.gsm" && !strings.HasPrefix(string(text), tongue) {
					t.Errorf("%s holds %q, %v", f.Name(), text, err)
				}
			}
			if diff := cmp.Diff(map[string]bool{}, missing(want, got)); diff != "" || len(want) != len(got) {
				t.Errorf("%s, there is %q", diff, got)
			}
		})
	}
}

// missing are those that are not there.
func missing(want, got []string) map[string]bool {
	left := map[string]bool{}
	for _, name := range want {
		left[name] = true
	}
	for _, name := range got {
		delete(left, name)
	}
	return left
}

func TestPromptsAreWholeOrNotThere(t *testing.T) {
	t.Parallel()
	sounds := t.TempDir()
	for says, args := range map[string][]string{"usage": {"fr", sounds}, "usage:": {"../en", sounds}, "no folder": {"de", filepath.Join(sounds, "none")}} {
		if said, err := prompts(t, goodVoice, args...); err == nil || !strings.Contains(said, says) {
			t.Errorf("%q: %s", args, said)
		}
	}
	if said, err := prompts(t, "", "de", sounds); err == nil || !strings.Contains(said, "apt-get install") {
		t.Error(said)
	}
	if said, err := prompts(t, "#!/bin/sh\nprintf half >\"$6\"\nexit 1\n", "de", sounds); err == nil {
		t.Error(said)
	}
	if all, err := os.ReadDir(filepath.Join(sounds, "de")); err != nil || len(all) != 0 {
		t.Error(all, err)
	}
}
