package main

import (
	"path/filepath"
	"strings"
	"testing"

	"countersign/internal/config"
)

func TestOwnerOfCallFilesIsFound(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][2]int{"": {0, 0}, "101": {101, 0}, "101:102": {101, 102}, "root": {0, 0}, "101:root": {101, 0}} {
		if uid, gid, err := owner(text); err != nil || [2]int{uid, gid} != want {
			t.Errorf("%q is %d:%d, %v", text, uid, gid, err)
		}
	}
	for text, says := range map[string]string{"no-such-user": `no user "no-such-user"`, "101:no-such-group": `no group "no-such-group"`} {
		if _, _, err := owner(text); err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "asterisk.spool_owner") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestCallFilesAreThereWhereTheyAreAskedFor(t *testing.T) {
	t.Parallel()
	at := filepath.Join(t.TempDir(), "outgoing")
	a := config.Default().Asterisk
	if files, err := callFiles(a); files != nil || err != nil {
		t.Error(files, err)
	}
	a.Originate, a.Spool, a.SpoolOwner = config.OriginateSpool, at, "101:102"
	files, err := callFiles(a)
	if err != nil || files.Outgoing != at || files.Owner != 101 || files.Group != 102 {
		t.Error(files, err)
	}
}
