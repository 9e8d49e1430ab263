package review

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"sendwarden/control"
)

// views are the pages, made of what the daemon shows.
type views struct {
	*Page
	service control.Service
}

// page is what every template gets.
type page struct {
	Title  string
	Here   string // the path, for the menu
	Now    time.Time
	Who    string
	Said   string // what became of the last act
	Status control.Status
	Body   any
}

func (v *views) overview(w http.ResponseWriter, r *http.Request) {
	accounts, err := v.service.Accounts(r.Context())
	v.show(w, r, "overview", page{Title: "Who stands out", Body: accounts}, err)
}

// userPage is one user, and what the forms need beside.
type userPage struct {
	control.Account
	Timeline timeline
	Map      template.HTML // "": nothing to draw
}

// Waits tells whether several messages would go by themselves: for one there is a
// button beside it.
func (p userPage) Waits() bool {
	n := 0
	for _, m := range p.Held {
		if !m.Until.IsZero() {
			n++
		}
	}
	return n > 1
}

func (v *views) user(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("name")
	account, err := v.service.Account(r.Context(), name)
	v.show(w, r, "user", page{Title: name, Body: userPage{account, newTimeline(account), drawMap(account)}}, err)
}

func (v *views) history(w http.ResponseWriter, r *http.Request) {
	span := control.Span{User: r.URL.Query().Get("user"), Most: 500}
	records, err := v.service.History(r.Context(), span)
	type body struct {
		User    string
		Records []control.Record
	}
	v.show(w, r, "history", page{Title: "What was done", Body: body{span.User, newestFirst(records)}}, err)
}

func newestFirst(records []control.Record) []control.Record {
	turned := make([]control.Record, len(records))
	for i, record := range records {
		turned[len(records)-1-i] = record
	}
	return turned
}

func (v *views) rules(w http.ResponseWriter, r *http.Request) {
	rules, err := v.service.Rules(r.Context())
	v.show(w, r, "rules", page{Title: "Rules", Body: rules}, err)
}

// show makes a page and sends it, whole or not at all.
func (v *views) show(w http.ResponseWriter, r *http.Request, name string, p page, err error) {
	if err == nil {
		p.Status, err = v.service.Status(r.Context())
	}
	if err != nil {
		status := http.StatusInternalServerError
		if known := new(control.Error); errors.As(err, &known) {
			status = known.Status
		}
		refuse(w, status, err.Error())
		return
	}
	s := sessionOf(r)
	p.Here, p.Now, p.Who = r.URL.Path, v.now(), s.who
	if r.Header.Get("Sendwarden-Refresh") == "" { // a refreshed page goes on saying what it said
		p.Said = v.gate.hear(s)
	}
	var out bytes.Buffer
	if err := v.pages[name].ExecuteTemplate(&out, "layout.html", p); err != nil {
		v.log.Error("the review page cannot be made", "page", name, "error", err)
		refuse(w, http.StatusInternalServerError, "This page cannot be made; the daemon's log says why.")
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = out.WriteTo(w) // a browser that has gone misses it
}

// parse reads the templates: each page with the layout around it.
func parse() (map[string]*template.Template, error) {
	names, err := fs.Glob(files, "templates/*.html")
	if err != nil {
		return nil, err
	}
	pages := make(map[string]*template.Template)
	for _, name := range names {
		base := path.Base(name)
		if base == "layout.html" || base == "parts.html" {
			continue
		}
		t, err := template.New(base).Funcs(words).ParseFS(files, "templates/layout.html", "templates/parts.html", name)
		if err != nil {
			return nil, fmt.Errorf("review: %w", err)
		}
		pages[strings.TrimSuffix(base, ".html")] = t
	}
	return pages, nil
}
