package doctor

import (
	"context"
	"crypto/x509"
	"time"

	"sendwarden/blocklist"
	"sendwarden/exim"
	"sendwarden/maillog"
	"sendwarden/postfix"
	"sendwarden/scoring"
	"sendwarden/settings"
	"sendwarden/shared"
)

// Installation is what is looked at. What can't be had is an error, which the check
// says that it is about.
type Installation struct {
	Now  time.Time
	Host string // this host's name, for greetings

	Rules  *scoring.Rules // the shipped ones if the site's have faults
	Origin string         // where they stand
	Broken error          // their faults
	With   settings.Sections
	Geo    []string // databases; none: the embedded data

	List  string // the blocklist
	Table blocklist.Table
	Odd   error // why the table's type is not known

	Postfix   *postfix.Config // nil if there is none
	NoPostfix error           // why
	Want      postfix.Want    // what it should ask

	Exim   *exim.Config // where the table is for Exim, in Postfix's place
	NoExim error

	Logs   []string // that the daemon follows
	NoLogs error
	State  string         // the file that is remembered in
	Engine *shared.Config // what is shared with other hosts; nil: nothing

	Account string    // that the daemon runs as; "": the running daemon's
	Daemons []Process // that run

	roots *x509.CertPool // of tests; nil: the system's
}

// check looks at one thing.
type check struct {
	name string
	look func(context.Context, *Installation) []Finding
}

// all are the checks, in the order in which they are told.
func all() []check {
	return []check{
		{"rules", checkRules},
		{"geolocation", checkPlaces},
		{"blocklist", checkBlocklist},
		{"postfix", checkPostfix},
		{"table", checkTable},
		{"restrictions", checkRestrictions},
		{"addresses", checkAddresses},
		{"header checks", checkHeaderChecks},
		{"exim", checkExim},
		{"table", checkEximList},
		{"restrictions", checkEximACLs},
		{"daemon", checkDaemon},
		{"door", checkDoor},
		{"socketmap", checkSocketmap},
		{"auth policy", checkAuthPolicy},
		{"queue helper", checkQueueHelper},
		{"control", checkControl},
		{"health", checkHealth},
		{"alerts", checkAlerts},
		{"hooks", checkHooks},
		{"log", checkLog},
		{"state", checkState},
		{"engine", checkEngine},
		{"disk", checkDisk},
	}
}

const (
	// patience bounds what is waited for: the journal is the slowest.
	patience = 30 * time.Second
	// askTime is as long as Postfix waits for the door, and so for all that answers.
	askTime = 5 * time.Second
)

// Examine makes all checks, at the same time, and tells what they found in their
// order. It returns within patience: what the kernel does not return from, such as
// a look at a file of a server that is gone, is left behind.
func Examine(ctx context.Context, in *Installation) []Finding { return examine(ctx, in, all()) }

func examine(ctx context.Context, in *Installation, checks []check) (found []Finding) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	// Who heeds the context says by then why it came to no end.
	last, give := context.WithTimeout(context.WithoutCancel(ctx), patience+time.Second)
	defer give()
	answers := make([]chan []Finding, len(checks))
	for i, c := range checks {
		answers[i] = make(chan []Finding, 1)
		go func() { answers[i] <- c.look(ctx, in) }()
	}
	for i, c := range checks {
		for _, f := range await(last, answers[i]) {
			f.Check = c.name
			f.Fact, f.Remedy = maillog.Mask(f.Fact), maillog.Mask(f.Remedy)
			found = append(found, f)
		}
	}
	return found
}

// await waits for what a check says; what has been said counts, however late it is.
func await(ctx context.Context, answer <-chan []Finding) []Finding {
	select {
	case said := <-answer:
		return said
	case <-ctx.Done():
	}
	select {
	case said := <-answer:
		return said
	default:
		return []Finding{unknown("see with dmesg and df what hangs: a disk, a server of files", "no answer within %v", patience)}
	}
}
