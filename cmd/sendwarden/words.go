package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"sendwarden/geo"
	"sendwarden/maillog"
)

// count writes a number with the noun that it counts: "1 line", "20,353 lines".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return thousands(n) + " " + noun + "s"
}

func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// points writes a score as people read it: 142, or 61.5.
func points(p float64) string {
	return strconv.FormatFloat(float64(int64(p*10+0.5))/10, 'f', -1, 64)
}

// table writes rows one below the other, their cells in columns and two blanks
// between; unlike text/tabwriter's, its lines end where their text ends.
func table(w io.Writer, rows [][]string) error {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		line := ""
		for i, cell := range row {
			line += fmt.Sprintf("%-*s  ", widths[i], cell)
		}
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " ")); err != nil {
			return err
		}
	}
	return nil
}

// stampLayout is how a moment is written to people: with its zone said.
const stampLayout = "2006-01-02 15:04:05 -0700"

func clockTime(t time.Time) string { return t.Format("15:04:05") }

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

// country writes a country's code, and "--" where no database knows one.
func country(p geo.Place) string {
	if p.Country == "" {
		return "--"
	}
	return p.Country
}
