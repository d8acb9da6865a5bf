package erp_test

import (
	"bytes"
	"flag"
	"net/http"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write web/openapi.yaml anew")

const committed = "../../web/openapi.yaml"

func TestTheCommittedDocumentIsTheOneThatIsServed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	res, err := http.Get(b.url + "/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var served bytes.Buffer
	if _, err := served.ReadFrom(res.Body); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(committed, served.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(committed)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(kept, served.Bytes()) {
		t.Error("web/openapi.yaml is not current: run this test with -update and look at the difference")
	}
	for _, word := range []string{"$schema", "ErrorModel", "ErrorDetail"} {
		if strings.Contains(served.String(), word) {
			t.Errorf("the document speaks of %s", word)
		}
	}
}
