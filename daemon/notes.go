package daemon

import (
	"fmt"

	"sendwarden/maillog"
	"sendwarden/scoring"
	"sendwarden/words"
)

// notes are the comment lines above a blocked user's entry:
//
//	# info@example.es: blocked 2026-04-15 21:15:02 +0200, score 142 of 100; 7 messages to 163 recipients since 21:02
//	#   +40  second country  21:02:11  BR  200.1.2.3  AS26599 Telefonica Brasil
//	#   usual: ES, AS3352 Telefonica, since 2025-11
func notes(v scoring.Verdict) []string {
	header := fmt.Sprintf("%s: blocked %s, score %s of %s; %s to %s", maillog.Mask(v.User), v.Time.Format(words.Stamp),
		words.Points(v.Score), words.Points(v.Limit), words.Count(v.Messages, "message"), words.Count(v.Recipients, "recipient"))
	if len(v.Reasons) > 0 {
		header += " since " + v.Reasons[0].Time.Format("15:04")
	}
	lines := []string{header}
	for _, line := range words.Reasons(v, 0) {
		lines = append(lines, "  "+line)
	}
	return lines
}

// why tells the reasons of a verdict in one line: the new ones, or all where
// none is new.
func why(v scoring.Verdict) string {
	text := ""
	reasons := v.Reasons
	if v.Fired > 0 {
		reasons = reasons[len(reasons)-v.Fired:]
	}
	for _, r := range reasons {
		if text != "" {
			text += ", "
		}
		text += fmt.Sprintf("%s %+g", r.Rule, r.Points)
	}
	if len(v.Reasons) > 0 {
		last := v.Reasons[len(v.Reasons)-1]
		text += fmt.Sprintf(" (%s %s %s)", last.Place.Addr, words.Country(last.Place), words.Network(last.Place))
	}
	return text
}
