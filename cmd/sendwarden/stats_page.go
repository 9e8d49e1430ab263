package main

import (
	"sendwarden/report"
	"sendwarden/tally"
)

// newStatsPage is what was counted, as a page.
func newStatsPage(c *tally.Counts) report.Statistics {
	p := report.Statistics{From: c.From, To: c.To, Lines: c.Lines, Unclear: c.Unframed + c.Odd, Samples: c.Samples}
	for _, o := range [...]struct {
		name string
		of   tally.Outcome
		hot  bool
	}{
		{"Accepted", tally.Accepted, false}, {"Sent", tally.Sent, false}, {"Deferrals", tally.Deferred, true}, {"Bounced", tally.Bounced, true},
		{"Rejected", tally.Rejected, true}, {"Forwarded", tally.Forwarded, false}, {"Held", tally.Held, true}, {"Log-ins failed", tally.Failed, true},
	} {
		p.Totals = append(p.Totals, report.Total{Name: o.name, Count: c.Total[o.of]})
		h := report.Hours{Name: o.name, Hot: o.hot}
		for hour := range c.Hours {
			h.Count[hour] = c.Hours[hour][o.of]
		}
		p.Hours = append(p.Hours, h)
	}
	for _, t := range [...]struct {
		title, of, unit string
		table           tally.Table
	}{
		{"Messages of authenticated users", "User", "Messages", c.Users},
		{"Messages by envelope sender", "Sender", "Messages", c.Senders},
		{"Messages by the client's country", "Country", "Messages", c.Countries},
		{"Sent, by recipient domain", "Domain", "Sent", c.Domains},
		{"Messages of local accounts", "Account", "Messages", c.Accounts},
		{"Messages by PHP script", "Script", "Calls", c.Scripts},
		{"Lines by program", "Program", "Lines", c.Programs},
	} {
		counted := report.Counted{Title: t.title, Of: t.of, Unit: t.unit, Countries: t.of == "Country"}
		for _, n := range ranked(t.table) {
			row := report.CountedRow{Name: n.Name, Count: n.Count}
			if row.Name == "" {
				row.Name = "<> (bounces and other notices)"
			}
			if t.of == "Program" {
				row.What = whatIs(n.Name)
			}
			counted.Rows = append(counted.Rows, row)
		}
		p.Tables = append(p.Tables, counted)
	}
	return p
}
