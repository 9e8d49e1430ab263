package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"sendwarden/words"
)

// table is one of docs/scale.md.
type table struct {
	name   string // between <!-- NAME --> and <!-- end --> there
	head   []string
	rows   [][]string
	remark string // below it
}

func (t *table) add(cells ...any) {
	row := make([]string, len(cells))
	for i, c := range cells {
		row[i] = cell(c)
	}
	t.rows = append(t.rows, row)
}

// cell is a figure with as many digits as mean something.
func cell(v any) string {
	switch v := v.(type) {
	case time.Duration:
		if v >= time.Second {
			return fmt.Sprintf("%.1f s", v.Seconds())
		}
		return figure(float64(v)/float64(time.Millisecond)) + " ms"
	case float64:
		return figure(v)
	case int:
		return words.Thousands(v)
	}
	return fmt.Sprint(v)
}

func figure(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v < 1:
		return fmt.Sprintf("%.2f", v)
	case v < 20:
		return fmt.Sprintf("%.1f", v)
	case v < 1000:
		return fmt.Sprintf("%.0f", v)
	}
	step := 1.0
	for v/step >= 1000 {
		step *= 10
	}
	return words.Thousands(int(v/step+0.5) * int(step))
}

func (t *table) markdown(out io.Writer) {
	if len(t.head) == 0 {
		fmt.Fprintln(out, t.remark)
		return
	}
	fmt.Fprintf(out, "| %s |\n|%s\n", strings.Join(t.head, " | "), strings.Repeat(" --- |", len(t.head)))
	for _, row := range t.rows {
		fmt.Fprintf(out, "| %s |\n", strings.Join(row, " | "))
	}
	if t.remark != "" {
		fmt.Fprintf(out, "\n%s\n", t.remark)
	}
}

func (t *table) plain(out io.Writer) error {
	err := words.Table(out, append([][]string{t.head}, t.rows...))
	if t.remark != "" {
		fmt.Fprintln(out, t.remark)
	}
	fmt.Fprintln(out)
	return err
}

// into puts tables into a document, each between its marks.
func into(document string, tables []*table) error {
	text, err := os.ReadFile(document)
	if err != nil {
		return err
	}
	for _, t := range tables {
		begin, end := "<!-- "+t.name+" -->\n", "<!-- end -->\n"
		head, rest, found := strings.Cut(string(text), begin)
		if !found {
			return fmt.Errorf("%s: %s is not in it", document, strings.TrimSpace(begin))
		}
		_, tail, found := strings.Cut(rest, end)
		if !found {
			return fmt.Errorf("%s: %s has no end", document, strings.TrimSpace(begin))
		}
		var middle strings.Builder
		t.markdown(&middle)
		text = []byte(head + begin + middle.String() + end + tail)
	}
	return os.WriteFile(document, text, 0o644)
}
