package document

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"maps"
	"slices"
	"strconv"
)

// hashVersion is the first thing hashed: a change of the canonical form must not
// let an old hash pass for a new one.
const hashVersion = "countersign.document.1"

// Hash names the content of the document with its files: "sha256:" and 64 hex
// digits. Two documents have the same hash exactly when every field that an
// approver could have judged is the same. Texts are hashed with their length in
// front, so that no two fields can be shifted into each other.
func (d Document) Hash() string {
	w := digest{sha256.New()}
	w.text(
		hashVersion, d.Type, d.Number, d.Title, d.Company, d.Requester, d.OnBehalfOf, d.LastEditor,
		d.Amount.Currency, strconv.FormatInt(d.Amount.Minor, 10), d.DueDate,
		d.Payee.Name, d.Payee.TaxID, d.Payee.Account, d.Payee.BankID, d.Payee.Person,
		d.Contract, d.CostCenter, d.URL,
	)
	w.count(len(d.Fields))
	for _, k := range slices.Sorted(maps.Keys(d.Fields)) {
		w.text(k, d.Fields[k])
	}
	w.count(len(d.Lines))
	for _, l := range d.Lines {
		w.text(strconv.Itoa(l.No), l.Text, l.Amount.Currency, strconv.FormatInt(l.Amount.Minor, 10), l.CostCenter)
	}
	w.count(len(d.Files))
	for _, f := range sortedFiles(d.Files) {
		w.text(f.SHA256, f.Name)
	}
	return "sha256:" + hex.EncodeToString(w.Sum(nil))
}

// sortedFiles orders files by content and name: the order in which an ERP lists
// attachments says nothing.
func sortedFiles(files []File) []File {
	return slices.SortedFunc(slices.Values(files), func(a, b File) int {
		if a.SHA256 != b.SHA256 {
			return cmpString(a.SHA256, b.SHA256)
		}
		return cmpString(a.Name, b.Name)
	})
}

func cmpString(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	default:
		return 0
	}
}

type digest struct{ hash.Hash }

func (d digest) text(parts ...string) {
	for _, p := range parts {
		d.count(len(p))
		_, _ = d.Write([]byte(p)) // a hash never fails
	}
}

func (d digest) count(n int) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(n)) //nolint:gosec // a length is not negative
	_, _ = d.Write(b[:])
}
