package report

import (
	"slices"
	"time"

	"sendwarden/scoring"
)

// In writes all times of a report by another clock, that of its reader.
func (r *Report) In(zone *time.Location) {
	r.From, r.To = moved(r.From, zone), moved(r.To, zone)
	for i := range r.Blocked {
		c := &r.Blocked[i]
		c.Verdict, c.Last, c.Points = verdictIn(c.Verdict, zone), moved(c.Last, zone), slices.Clone(c.Points)
		for j := range c.Points {
			c.Points[j].Time = c.Points[j].Time.In(zone)
		}
	}
	for i := range r.Alarms {
		r.Alarms[i] = verdictIn(r.Alarms[i], zone)
	}
	for i := range r.Held {
		r.Held[i].Time, r.Held[i].Released = moved(r.Held[i].Time, zone), moved(r.Held[i].Released, zone)
	}
	for i := range r.Volume {
		r.Volume[i].Start = r.Volume[i].Start.In(zone)
	}
}

func verdictIn(v scoring.Verdict, zone *time.Location) scoring.Verdict {
	v.Time, v.Reasons = v.Time.In(zone), slices.Clone(v.Reasons)
	for i := range v.Reasons {
		v.Reasons[i].Time = v.Reasons[i].Time.In(zone)
	}
	return v
}

// moved is a time in a zone; never stays never.
func moved(t time.Time, zone *time.Location) time.Time {
	if t.IsZero() {
		return t
	}
	return t.In(zone)
}
