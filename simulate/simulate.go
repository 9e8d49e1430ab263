// Package simulate invents a mail server: its people, where they are, what
// they send, and what thieves send with the passwords of some of them. It
// writes the Postfix log that such a server would have written, databases that
// place every address in it, and the truth, so that detection can be measured.
//
// A theft looks like this in the log; the first line is the owner's, the second
// a thief's:
//
//	2026-11-12T09:14:02.118204+01:00 mail postfix/submission/smtpd[4211]: 1CDBC9B2A4: client=80-58-1-2.telefonica.example.net[80.58.1.2], sasl_method=PLAIN, sasl_username=ana.ruiz@example.es
//	2026-11-12T09:31:40.551300+01:00 mail postfix/smtps/smtpd[977]: 86974A04C1: client=unknown[177.20.3.4], sasl_method=LOGIN, sasl_username=ana.ruiz@example.es
//
// The internet is invented: operators under their real AS numbers hold blocks
// that are not theirs, and the databases agree with the log about it. A world
// is its parameters and a seed; the same world writes the same bytes.
//
// What is measured on invented people holds for people as invented. The
// parameters are there to be varied: see World.Vary and World.Shaken.
package simulate

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Outputs is where a world is written to. A nil writer is passed over.
type Outputs struct {
	Log  io.Writer // Postfix and Dovecot lines with RFC 3339 stamps, in order of time
	City io.Writer // countries and coordinates, in MaxMind's format
	ASN  io.Writer // networks, in MaxMind's format
}

func (w World) end() time.Time { return w.Start.AddDate(0, 0, w.Days) }

// domain is the server's: a documentation name under the country's code.
func (w World) domain() string { return "example." + strings.ToLower(w.Home) }

// check says why a world cannot be.
func (w World) check() error {
	known := slices.ContainsFunc(countries(), func(c country) bool { return c.code == w.Home })
	switch {
	case w.Days < 1 || w.Users < 1:
		return errors.New("simulate: a world needs days and users")
	case w.Thefts > w.Users:
		return fmt.Errorf("simulate: %d thefts of %d users", w.Thefts, w.Users)
	case !known:
		return fmt.Errorf("simulate: country %q is not on the map", w.Home)
	case w.Start.IsZero():
		return errors.New("simulate: a world needs a start")
	}
	return nil
}

// Write plays the world and returns what happened in it. Everything is written
// while it is played; a day's events are all that is in memory at once.
func (w World) Write(out Outputs) (Truth, error) {
	if err := w.check(); err != nil {
		return Truth{}, err
	}
	scene := newScene(w)
	if out.City != nil {
		if err := scene.plan.writeCities(out.City, w.Start); err != nil {
			return Truth{}, err
		}
	}
	if out.ASN != nil {
		if err := scene.plan.writeNetworks(out.ASN, w.Start); err != nil {
			return Truth{}, err
		}
	}
	if out.Log == nil {
		out.Log = io.Discard
	}
	log := newJournal(w, out.Log)
	for day := range w.Days {
		if err := log.write(scene.day(day)); err != nil {
			return Truth{}, fmt.Errorf("log of day %d: %w", day+1, err)
		}
	}
	if err := log.close(); err != nil {
		return Truth{}, fmt.Errorf("log: %w", err)
	}
	return scene.truth(log), nil
}

// Dir writes the world into a directory, which it makes: mail.log, city.mmdb,
// asn.mmdb and truth.json.
func Dir(w World, dir string) (Truth, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return Truth{}, err
	}
	var files []*os.File
	for _, name := range []string{"mail.log", "city.mmdb", "asn.mmdb"} {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			return Truth{}, err
		}
		defer f.Close()
		files = append(files, f)
	}
	truth, err := w.Write(Outputs{Log: files[0], City: files[1], ASN: files[2]})
	if err != nil {
		return Truth{}, fmt.Errorf("%s: %w", dir, err)
	}
	for _, f := range files {
		if err := f.Close(); err != nil {
			return Truth{}, err
		}
	}
	text, err := json.MarshalIndent(truth, "", " ")
	if err != nil {
		return Truth{}, err
	}
	return truth, os.WriteFile(filepath.Join(dir, "truth.json"), append(text, '\n'), 0o644)
}

// truth collects what happened: thefts by when they began, people by name.
func (s *scene) truth(log *journal) Truth {
	w := s.world
	t := Truth{
		Seed: w.Seed, Home: w.Home, Start: w.Start, End: w.end(), Cold: w.Cold,
		Honest: log.honest, Lines: log.lines,
	}
	for _, theft := range s.thefts {
		t.Thefts = append(t.Thefts, *theft)
	}
	slices.SortStableFunc(t.Thefts, func(a, b Theft) int { return a.Start.Compare(b.Start) })
	for _, p := range s.people {
		t.People = append(t.People, p.Person)
	}
	slices.SortFunc(t.People, func(a, b Person) int { return strings.Compare(a.User, b.User) })
	return t
}
