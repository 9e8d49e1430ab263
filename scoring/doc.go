// Package scoring judges submissions: does this look like the user, or like
// somebody who has the user's password?
//
// A person sends from few places, and the places move slowly: an office, a line
// at home with a new address each day, a phone behind a carrier's NAT, a hotel
// now and then. A thief is added to that. Mail comes from places where the user
// has never been while the user goes on at home; from many places at once; in
// amounts that this user never sends; to addresses that do not exist.
//
// Rules say what is odd and how much it weighs, in a file that an administrator
// reads and edits (rules.yaml, see Parse):
//
//   - name: third new country
//     when: new_country && strange_countries("3h") >= 3
//     points: 60
//
// For each submission the Scorer works out how familiar its place is (look.go),
// takes it into the user's memory (record), asks the rules (ask.go), and adds the
// points of those that hold to the user's score, which fades. The score makes the
// verdict: the message passes, waits, or its user is blocked. Only what passed
// teaches what is usual (conclude).
//
// What is remembered of a user is bounded and fades: days of use of countries,
// networks and blocks (habit.go), the addresses of the last days (visit.go), what
// was sent (volume.go). What is remembered of all users together (server.go)
// stands in for what is not known of one yet.
//
// Time is the log's: no clock is read here, so that an old log gives the verdicts
// that the daemon gave.
package scoring
