// Package words writes for people what several commands, the daemon's log and the
// blocklist tell alike: numbers, scores, places, times, and the reasons of a verdict.
package words

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

// Count writes a number with the noun that it counts: "1 line", "20,353 lines".
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return Thousands(n) + " " + noun + "s"
}

// Thousands writes a number: 20,353.
func Thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Points writes a score as people read it: 142, or 61.5.
func Points(p float64) string {
	return strconv.FormatFloat(float64(int64(p*10+0.5))/10, 'f', -1, 64)
}

// Table writes rows one below the other, their cells in columns and two blanks
// between; unlike text/tabwriter's, its lines end where their text ends.
func Table(w io.Writer, rows [][]string) error {
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

// Width is what tables and texts for a terminal keep to.
const Width = 80

// Fit shortens cells, so that a Table of the rows is no wider than a width: those of the
// columns that are named, of the first as far as it can be, then of the next. Ten
// letters of each stay; where that is not enough, all stay whole.
func Fit(rows [][]string, width int, columns ...int) {
	const least = 10
	var widths []int
	over := -2 - width
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
				over += 2
			}
			if n := utf8.RuneCountInString(cell) - widths[i]; n > 0 {
				widths[i] += n
				over += n
			}
		}
	}
	var rooms []int // of the columns, when they are cut
	for _, column := range columns {
		cut := max(0, min(over, widths[column]-least))
		rooms = append(rooms, widths[column]-cut)
		over -= cut
	}
	if over > 0 {
		return
	}
	for i, column := range columns {
		for _, row := range rows {
			if column < len(row) {
				row[column] = Short(row[column], rooms[i])
			}
		}
	}
}

// Short cuts a text that has more letters than there is room for.
func Short(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return strings.TrimRight(string(r[:most-1]), " ") + "…"
	}
	return s
}

// Stamp is how a moment is written to people: with its zone said.
const Stamp = "2006-01-02 15:04:05 -0700"

// Clock writes the time of a day.
func Clock(t time.Time) string { return t.Format("15:04:05") }

// Network writes "AS3352 Telefonica".
func Network(p geo.Place) string {
	switch {
	case p.ASN == 0:
		return ""
	case p.Org == "":
		return fmt.Sprintf("AS%d", p.ASN)
	}
	return fmt.Sprintf("AS%d %s", p.ASN, maillog.Mask(p.Org))
}

// Country writes a country's code, and "--" where no database knows one.
func Country(p geo.Place) string {
	if p.Country == "" {
		return "--"
	}
	return p.Country
}

// Database says what a database is, and whether it is too old to rely on.
func Database(s geo.Source, now time.Time) string {
	line := fmt.Sprintf("%s, %s, of %s", s.Path, s.Type, s.Built.Format("2006-01-02"))
	if s.Age(now) <= geo.OldAge {
		return line
	}
	remedy := "replace it"
	if s.Path == geo.Embedded {
		remedy = "name a newer one with --geo, or under geo: in the rules"
	}
	return fmt.Sprintf("%s, %d days old: addresses move, %s", line, int(s.Age(now).Hours()/24), remedy)
}

// Size writes a number of bytes as people read it: 812 B, 4 kB, 1.2 MB.
func Size(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d B", n)
	case n < 1_000_000:
		return fmt.Sprintf("%d kB", (n+500)/1000)
	}
	return Points(float64(n)/1_000_000) + " MB"
}
