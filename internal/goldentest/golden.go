// Package goldentest owns how what people read is compared with the golden files, which
// hold it as it was approved. With -update the files are written anew, to be read as a
// difference. What is shown, and in which languages, is left to each package.
package goldentest

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Same fails the test where the text is not that of testdata/NAME.golden.
func Same(tb testing.TB, name, got string) {
	tb.Helper()
	File(tb, filepath.Join("testdata", filepath.FromSlash(name)+".golden"), got)
}

// File is Same for a file that is no golden one by its name.
func File(tb testing.TB, path, got string) {
	tb.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			tb.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		tb.Errorf("%s differs: run with -update and read the difference (-want +got):\n%s", path, diff)
	}
}
