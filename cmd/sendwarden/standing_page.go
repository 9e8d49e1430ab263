package main

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"sendwarden/control"
	"sendwarden/geo"
	"sendwarden/report"
	"sendwarden/scoring"
	"sendwarden/words"
)

// newStandingPage is the report as a page, with times in the zone of its making.
func newStandingPage(s *standing) report.Standing {
	zone := s.Made.Location()
	p := report.Standing{
		Made: s.Made, Version: version, Source: s.Source, Rules: s.Rules, Zone: zoneWords(zone, s.Made), Holds: s.Holds,
		HoldFrom: s.rules.Hold, BlockFrom: s.rules.Block, HalfLife: s.rules.HalfLife, Since: s.Since,
		MoreCountries: s.Crowd.MoreCountries, MoreNetworks: s.Crowd.MoreNetworks, Days: s.Crowd.Days,
	}
	if st := s.Status; st != nil {
		p.Started, p.Submissions, p.Last, p.Watching = st.Since.In(zone), int(st.Submissions), in(st.Last, zone), st.Mode == "watch"
		for _, g := range st.Geo {
			p.Geo = append(p.Geo, words.Database(geo.Source{Path: g.Source, Type: g.Type, Built: g.Built}, s.Made))
			if g.Source == geo.Embedded {
				p.Credits = []string{embeddedCredit}
			}
		}
	}
	persons := func(list []control.Account) (out []report.Person) {
		for _, a := range list {
			out = append(out, personOf(a, zone))
		}
		return out
	}
	p.Blocked, p.Exempt, p.Held, p.Close = persons(s.Blocked), persons(s.Others), persons(s.Held), persons(s.Close)
	for _, t := range s.Trusts {
		until := "it is taken back"
		if !t.Until.IsZero() {
			until = untilText(t.Until)
		}
		p.Trusted = append(p.Trusted, report.Trusted{User: t.User, Country: t.Country, Place: t.Place(), Until: until})
	}
	p.Done = deeds(s.Done, zone)
	for _, h := range s.Crowd.Countries {
		p.Countries = append(p.Countries, report.Habit{Code: h.What, Days: h.Days})
	}
	for _, h := range s.Crowd.Networks {
		p.Networks = append(p.Networks, report.Habit{Name: strings.TrimSpace(h.What + " " + h.Org), Days: h.Days})
	}
	for _, h := range s.Crowd.Hours {
		p.Volume = append(p.Volume, report.Step{Start: h.Start.In(zone), Counts: report.Counts{Allowed: h.LetThrough, Held: h.Held, Refused: h.Refused}})
	}
	p.Rows = s.firedRules(zone)
	return p
}

// firedRules are those in force, by how often they fired.
func (s *standing) firedRules(zone *time.Location) (rows []report.FiredRule) {
	fired := s.Fired
	if !s.Running {
		for _, r := range s.rules.Rules {
			fired = append(fired, control.Rule{Name: r.Name, Points: r.Points})
		}
	}
	for _, r := range fired {
		rows = append(rows, report.FiredRule{Name: r.Name, Points: r.Points, Fired: int(r.Fired), Last: in(r.Last, zone), Here: s.here(r.Name)})
	}
	slices.SortStableFunc(rows, func(a, b report.FiredRule) int {
		if a.Fired != b.Fired {
			return b.Fired - a.Fired
		}
		return b.Here - a.Here
	})
	return rows
}

// personOf is an account as the page shows it.
func personOf(a control.Account, zone *time.Location) report.Person {
	p := report.Person{
		User: a.User, Score: a.Score, Hold: a.Hold, Block: a.Block, Since: in(a.Since, zone), At: a.At, Action: a.Action, Notes: a.Notes,
		Usual: a.Usual, Home: a.Countries, Done: deeds(a.History, zone), Fate: fateWords(a, zone),
	}
	for _, r := range a.Reasons {
		p.Reasons = append(p.Reasons, scoring.Reason{Time: in(r.Time, zone), Rule: r.Rule, Points: r.Points, Place: placeIn(r.Place)})
	}
	for _, m := range a.Held {
		p.Waits = append(p.Waits, report.Waiting{QueueID: m.QueueID, Since: in(m.Since, zone), Until: in(m.Until, zone), Place: placeIn(m.Place)})
	}
	var memory scoring.Account
	if json.Unmarshal(a.Memory, &memory) != nil {
		return p // nothing is remembered
	}
	for _, v := range memory.Visits {
		p.Places = append(p.Places, report.Stay{Place: placeIn(control.Place(v.Where)), First: in(v.First, zone), Last: in(v.Last, zone), Uses: v.Uses, Strange: v.Strange})
	}
	for _, st := range memory.Volume.Steps {
		p.Sent = append(p.Sent, report.Sent{From: st.From.In(zone), Until: st.Until.In(zone), Messages: st.Messages, Recipients: st.Recipients, Bounces: st.Bounces})
	}
	return p
}

// fateWords tell what became of a blocked user's messages since the first reason; "" is
// unknown.
func fateWords(a control.Account, zone *time.Location) string {
	f := a.Fate
	if f == nil {
		return ""
	}
	text := "Since the block none was refused: nobody has tried to send."
	if f.Refused > 0 {
		text = fmt.Sprintf("Since the block %s refused, the last %s.", wasWere(f.Refused, "message"), f.Last.In(zone).Format(words.Stamp))
	}
	if f.Since.IsZero() {
		return text
	}
	before := fmt.Sprintf("From the first reason, %s, to the block the account handed in %s", f.Since.In(zone).Format(words.Stamp), words.Count(f.Messages, "message"))
	if f.Recipients > 0 {
		before += " to " + words.Count(f.Recipients, "recipient")
	}
	if waits := len(a.Held); waits > 0 {
		before += fmt.Sprintf("; %s held", wasWere(waits, "message"))
	}
	return before + ". " + text
}

func wasWere(n int, noun string) string {
	if n == 1 {
		return "1 " + noun + " was"
	}
	return words.Count(n, noun) + " were"
}

// deeds are records of the ledger, the newest first.
func deeds(records []control.Record, zone *time.Location) (list []report.Deed) {
	for _, r := range slices.Backward(records) {
		list = append(list, report.Deed{Time: in(r.Time, zone), User: r.User, What: what(r), Who: r.Who, Why: r.Why})
	}
	return list
}

// placeIn is a place as it was told.
func placeIn(p control.Place) geo.Place {
	addr, _ := netip.ParseAddr(p.IP) // "" is none
	return geo.Place{Addr: addr, Kind: geo.Placed, Country: p.Country, ASN: p.ASN, Org: p.Org, City: p.City}
}

// in is a time in a zone; never stays never.
func in(t time.Time, zone *time.Location) time.Time {
	if t.IsZero() {
		return t
	}
	return t.In(zone)
}

// sentWords tell what a user handed in lately.
func sentWords(p report.Person) string {
	if v := p.Volume(); v != "" {
		return "    handed in " + v + "\n"
	}
	return ""
}
