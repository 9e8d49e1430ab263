package report

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"

	"sendwarden/maillog"
	"sendwarden/words"
)

//go:embed style.css
var style string

//go:embed *.tmpl
var sources embed.FS

// Page is the frame of a page: head, title, the list of its parts, and the foot.
type Page struct {
	Title, Subtitle string
	Parts           []Part
	Foot            template.HTML
	// Policy is the content security policy; "" is the strictest, that of a file.
	Policy string
}

// Part is one section of a page. Name is its anchor.
type Part struct {
	Name, Title string
	Body        template.HTML
}

// Write writes the page.
func (p Page) Write(w io.Writer) error {
	if p.Policy == "" {
		p.Policy = Policy()
	}
	return parsed().ExecuteTemplate(w, "page", struct {
		Page
		Style template.CSS
	}{p, template.CSS(style)})
}

// Policy is the content security policy of a page that needs nothing but its own
// style: no script, no request to anywhere.
func Policy() string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'"
}

// parsed are the templates. That they are right is known from the tests.
func parsed() *template.Template {
	return template.Must(template.New("").Funcs(template.FuncMap{
		"number": words.Thousands, "counted": words.Count, "letGo": letGo, "points": words.Points, "signed": signed, "change": change,
		"mask": maillog.Mask, "network": words.Network, "share": share, "minus": func(a, b int) int { return a - b },
		"stamp": moment(words.Stamp), "clock": moment("15:04:05"), "day": moment("2006-01-02 15:04"), "second": moment(time.DateTime), "date": moment(time.DateOnly),
		"join": func(list []string) string { return strings.Join(list, ", ") },
	}).ParseFS(sources, "*.tmpl"))
}

// moment writes a time for people and, with its zone, for programs.
func moment(layout string) func(time.Time) template.HTML {
	return func(t time.Time) template.HTML {
		return template.HTML(fmt.Sprintf(`<time datetime="%s">%s</time>`, t.Format(time.RFC3339), t.Format(layout))) // digits, signs and letters of the layout
	}
}

// render makes the HTML of a part.
func render(name string, data any) template.HTML {
	var out bytes.Buffer
	if err := parsed().ExecuteTemplate(&out, name, data); err != nil {
		panic(fmt.Sprintf("report: template %s: %v", name, err)) // a buffer takes everything, so the template is wrong, which the tests find
	}
	return template.HTML(out.String())
}
