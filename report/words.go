package report

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"sendwarden/geo"
	"sendwarden/maillog"
	"sendwarden/scoring"
)

const stamp = "2006-01-02 15:04:05 -0700"

// number writes 20353 as 20,353.
func number(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// counted writes a number with its noun: "1 message", "41 messages".
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return number(n) + " " + noun + "s"
}

// letGo tells of held messages.
func letGo(n int) string {
	if n == 1 {
		return "1 was let go by itself"
	}
	return number(n) + " were let go by themselves"
}

// points writes a score: 162.5, 100.
func points(p float64) string {
	return strconv.FormatFloat(float64(int64(p*10+0.5))/10, 'f', -1, 64)
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

// network writes "AS3352 Telefonica".
func network(p geo.Place) string {
	switch {
	case p.ASN == 0:
		return ""
	case p.Org == "":
		return fmt.Sprintf("AS%d", p.ASN)
	}
	return fmt.Sprintf("AS%d %s", p.ASN, maillog.Mask(p.Org))
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
