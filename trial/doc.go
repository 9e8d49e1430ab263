// Package trial tries rules out: invented people with their habits, what somebody
// does with their accounts one day, and what the rules should make of it.
//
//	tests:
//	  - name: a thief in Brazil while ana is at home
//	    people:
//	      ana: {place: ES, daily: 8, days: 30}
//	    events:
//	      - {user: ana, place: BR, messages: 3, spacing: 1m,
//	         expect: {verdict: block, at: 2, reasons: [new country], without: [bounces]}}
//
// Places are invented as well: "BR" is a network in Brazil, "BR/2" another one,
// and under places stand those of which more has to be said. No database is asked,
// and no clock: what a scenario says today it says for ever.
//
// A Case is played by sending its messages to a scoring.Scorer as a log would
// (play.go); what came of each is kept, so that a failed expectation can show how
// it came about.
package trial
