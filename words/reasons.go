package words

import (
	"fmt"
	"strings"
	"time"

	"sendwarden/maillog"
	"sendwarden/scoring"
)

// maxReasonLines keeps the block of one user readable; the newest say most.
const maxReasonLines = 12

// Reasons writes the reasons of a verdict one below the other, for the
// blocklist and for replay:
//
//	+2   new address     21:02:11  BR  200.1.2.3  AS26599 Telefonica Brasil
//	+40  second country  21:02:11  BR  200.1.2.3  AS26599 Telefonica Brasil
//	usual: ES, AS3352 Telefonica, since 2025-11
//
// In a width of 0 they take the room that they need.
func Reasons(v scoring.Verdict, width int) []string {
	reasons := v.Reasons[max(0, len(v.Reasons)-maxReasonLines):]
	var text strings.Builder
	if left := len(v.Reasons) - len(reasons); left > 0 {
		fmt.Fprintf(&text, "… and %s before\n", Count(left, "reason"))
	}
	var rows [][]string
	for _, r := range reasons {
		when := Clock(r.Time)
		if r.Time.Format(time.DateOnly) != v.Time.Format(time.DateOnly) {
			when = r.Time.Format("01-02 15:04")
		}
		rows = append(rows, []string{fmt.Sprintf("%+g", r.Points), maillog.Mask(r.Rule), when, Country(r.Place), r.Place.Addr.String(), Network(r.Place)})
	}
	if width > 0 {
		Fit(rows, width, 5) // networks; a rule is what people look for, and an address is copied
	}
	_ = Table(&text, rows) // a builder takes everything
	text.WriteString(Usual(v.Usual))
	return strings.Split(text.String(), "\n")
}

// Usual tells where the user is at home.
func Usual(u scoring.Usual) string {
	if len(u.Countries) == 0 {
		return "usual: nothing yet, seen first " + u.Since.Format("2006-01-02")
	}
	line := "usual: "
	for _, c := range u.Countries {
		line += c + ", "
	}
	for _, n := range u.Networks {
		line += n + ", "
	}
	return line + "since " + u.Since.Format("2006-01")
}
