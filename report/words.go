package report

import (
	"fmt"
	"strings"
	"time"

	"sendwarden/maillog"
	"sendwarden/scoring"
	"sendwarden/words"
)

// minute is a moment where seconds do not matter, with its zone said.
const minute = "2006-01-02 15:04 -0700"

// letGo tells of held messages.
func letGo(n int) string {
	if n == 1 {
		return "1 was let go by itself"
	}
	return words.Thousands(n) + " were let go by themselves"
}

// signed writes the points of a rule: +72, −5.
func signed(p float64) string {
	return strings.Replace(fmt.Sprintf("%+g", p), "-", "−", 1)
}

func change(n int) string {
	if n == 0 {
		return "0"
	}
	return strings.Replace(fmt.Sprintf("%+d", n), "-", "−", 1)
}

// usual tells where a user is at home.
func usual(a atlas, u scoring.Usual) string {
	if len(u.Countries) == 0 {
		return "nothing yet; seen first " + u.Since.Format(time.DateOnly)
	}
	var parts []string
	for _, c := range u.Countries {
		parts = append(parts, a.name(c))
	}
	for _, n := range u.Networks {
		parts = append(parts, maillog.Mask(n))
	}
	return strings.Join(parts, ", ") + ", since " + u.Since.Format("2006-01")
}

// share writes a part of a whole: "12 %", "< 1 %".
func share(n, of int) string {
	switch {
	case of == 0 || n == 0:
		return ""
	case n*100 < of:
		return "< 1 %"
	}
	return fmt.Sprintf("%d %%", (n*100+of/2)/of)
}
