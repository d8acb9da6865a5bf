package google_test

import (
	"slices"
	"strings"
	"testing"

	"countersign/internal/google"
)

func FuzzAccountOfAnyUser(f *testing.F) {
	f.Add([]byte(`{"id":"1","primaryEmail":"A@corp.example","name":{"fullName":"A"},"aliases":["a@corp.example"],"externalIds":[{"type":"organization","value":"7"}],"languages":[{"languageCode":"ru"}]}`))
	f.Add([]byte(`{"id":"1","name":null,"externalIds":{},"languages":[null,1,{"languageCode":2,"preference":"preferred"}]}`))
	f.Add([]byte(`{"externalIds":[{"type":"organization","value":["x"]}],"nonEditableAliases":["B@c"," b@C "]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		a, err := google.ReadAccount(text)
		if err != nil {
			return
		}
		all := a.Addresses()
		for i, address := range all {
			if address != strings.ToLower(address) || slices.Contains(all[:i], address) {
				t.Errorf("addresses %q", all)
			}
		}
		if a.Employee != strings.TrimSpace(a.Employee) || a.Language != strings.TrimSpace(a.Language) {
			t.Errorf("%+v", a)
		}
	})
}
