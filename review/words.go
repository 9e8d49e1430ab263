package review

import (
	"fmt"
	"html/template"
	"math"
	"strconv"
	"time"

	"sendwarden/control"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// words are what templates write numbers and moments with.
var words = template.FuncMap{
	"points": points, "count": count, "stamp": stamp, "iso": iso, "ago": ago, "until": until, "share": share,
	"signed": func(p float64) string { return fmt.Sprintf("%+g", math.Round(p*10)/10) },
	"day":    func(t time.Time) string { return t.Format(time.DateOnly) },
	"verb":   verb, "most": func(block float64) float64 { return 1.5 * block }, // a meter has room above its mark
	"country": countryName,
}

// points writes a score: 142, or 61.5.
func points(p float64) string { return strconv.FormatFloat(math.Round(p*10)/10, 'f', -1, 64) }

// count writes a number with the noun that it counts: "1 message", "1,204
// messages". The number is an int of any size, as templates do not convert.
func count(n any, noun string) string {
	s := fmt.Sprint(n)
	if s != "1" {
		noun += "s"
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s + " " + noun
}

// stamp is a moment for people, with its zone said.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04:05 -0700")
}

// iso is a moment for programs, such as the script that writes it in the reader's
// own zone.
func iso(t time.Time) string { return t.Format(time.RFC3339) }

// ago says how long a moment is past.
func ago(now, t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return span(now.Sub(t)) + " ago"
}

// until says how long it is to a moment.
func until(now, t time.Time) string {
	if !t.After(now) {
		return "now"
	}
	return "in " + span(t.Sub(now))
}

// span is a length of time in its largest unit.
func span(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", max(0, int(d/time.Second)))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d/time.Minute))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d/time.Hour))
	}
	return fmt.Sprintf("%d days", int(d/(24*time.Hour)))
}

// share is a part of a whole in per cent, for the length of a bar.
func share(part, whole float64) string {
	if whole <= 0 || part <= 0 {
		return "0"
	}
	return strconv.Itoa(int(min(100, math.Round(100*part/whole))))
}

// verb says what a record of the ledger did.
func verb(k control.Kind) string {
	switch k {
	case control.Block:
		return "blocked"
	case control.Release:
		return "released"
	case control.Send:
		return "let a message go"
	case control.Keep:
		return "kept a message"
	case control.TrustPlace:
		return "trusted a place"
	case control.Untrust:
		return "took trust back"
	case control.Exempt:
		return "exempted"
	}
	return string(k)
}

// countryName is a country's name, for who does not know its code.
func countryName(code string) string {
	region, err := language.ParseRegion(code)
	if err != nil {
		return "a country that no database knows"
	}
	return display.English.Regions().Name(region)
}
