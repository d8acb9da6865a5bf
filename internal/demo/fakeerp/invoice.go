package fakeerp

import (
	"bytes"
	"fmt"
	"strings"
)

// Invoice prints a document as a PDF of one page.
func Invoice(d Document) []byte {
	var page strings.Builder
	page.WriteString("BT /F1 26 Tf 72 740 Td (Invoice " + printable(d.Number) + ") Tj ET\n")
	for i, line := range []string{
		"Demonstration: nobody is asked to pay this.", "",
		"Seller:  " + d.Payee, "For:     " + d.Title, "Amount:  " + d.Currency + " " + d.Amount, "Pay by:  " + d.DueDate,
	} {
		fmt.Fprintf(&page, "BT /F2 12 Tf 72 %d Td (%s) Tj ET\n", 700-22*i, printable(line))
	}
	objects := []string{
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R /F2 6 0 R >> >> >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", page.Len(), page.String()),
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold >>",
		"<< /Type /Font /Subtype /Type1 /BaseFont /Courier >>",
	}
	var out bytes.Buffer
	out.WriteString("%PDF-1.4\n")
	var offsets []int
	for i, o := range objects {
		offsets = append(offsets, out.Len())
		fmt.Fprintf(&out, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	start := out.Len()
	fmt.Fprintf(&out, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, at := range offsets {
		fmt.Fprintf(&out, "%010d 00000 n \n", at)
	}
	fmt.Fprintf(&out, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, start)
	return out.Bytes()
}

// printable gives the text in the letters that every PDF reader has: others are spelled.
func printable(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '(' || r == ')' || r == '\\':
			b.WriteString(`\` + string(r))
		case r >= ' ' && r < 0x7f:
			b.WriteRune(r)
		default:
			b.WriteString(spelled(r))
		}
	}
	return b.String()
}

func spelled(r rune) string {
	const from = "абвгдеёжзийклмнопрстуфхцчшщъыьэюя"
	to := strings.Split("a b v g d e e zh z i y k l m n o p r s t u f kh ts ch sh shch - y - e yu ya", " ")
	lower := []rune(strings.ToLower(string(r)))[0]
	for i, c := range []rune(from) {
		if c != lower {
			continue
		}
		latin := strings.TrimPrefix(to[i], "-")
		if lower != r && latin != "" {
			latin = strings.ToUpper(latin[:1]) + latin[1:]
		}
		return latin
	}
	return "?"
}
