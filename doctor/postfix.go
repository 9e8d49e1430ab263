package doctor

import (
	"context"
	"os"
	"strings"

	"sendwarden/blocklist"
	"sendwarden/postfix"
)

const showSetup = "`sendwarden setup postfix` shows the change, and --apply makes it"

func checkPostfix(_ context.Context, in *Installation) []Finding {
	if in.Postfix == nil {
		if in.NoPostfix == nil {
			return nil // it is an Exim
		}
		return []Finding{wrong("install Postfix, or name its configuration with --postfix-config", "%v", in.NoPostfix)}
	}
	c := in.Postfix
	found := []Finding{fine("Postfix %s in %s", c.Release, c.Dir)}
	switch v := c.Version; {
	case v.Major < 2 || v.Major == 2 && v.Minor < 11:
		found[0] = wrong("upgrade it, or see what `sendwarden setup postfix` says", "Postfix %s has no check_sasl_access, which came with 2.11", c.Release)
		return found
	case v.Major < 3:
		found[0] = doubt("upgrade it to have the door", "Postfix %s puts off all mail while a policy service is down", c.Release)
	}
	services := c.Submission()
	if len(services) == 0 {
		found = append(found, doubt("set smtpd_sasl_auth_enable = yes where users log in, or name that instance with --postfix-config", "no service lets users log in"))
	}
	for _, s := range services {
		if s.Filtered {
			found = append(found, doubt("let the reply be REJECT", "%s: with smtpd_proxy_filter, Postfix ignores HOLD and lets the message pass", s.Port()))
		}
	}
	if c.Main("soft_bounce") == "yes" {
		found = append(found, doubt("postconf -e soft_bounce=no", "soft_bounce = yes: who is refused tries again and again"))
	}
	for _, dir := range c.Instances {
		found = append(found, doubt("if users log in there: sendwarden doctor --postfix-config "+dir, "there is another instance in %s", dir))
	}
	return found
}

// checkTable asks Postfix's own postmap, and compares what it finds to the text.
func checkTable(ctx context.Context, in *Installation) []Finding {
	if in.Odd != nil {
		if in.Postfix == nil {
			return nil // it was said that there is no Postfix
		}
		return []Finding{wrong("name the type with --table, or table: in the rules", "%v", in.Odd)}
	}
	if in.Postfix == nil {
		return nil
	}
	if _, err := in.Postfix.Lookup(ctx, in.Want.Table, "nobody"); err != nil {
		return []Finding{wrong("start the daemon, which makes it; as it is, Postfix puts off all mail of each service that names it", "Postfix can't read %s: %v", in.Want.Table, err)}
	}
	path := in.List
	if behind, user := in.behind(ctx, path); behind {
		return []Finding{wrong("start the daemon, or run: postmap "+in.Want.Table, "%s is older than the list, and wrong about %s", in.Want.Table, user)}
	}
	if !in.Table.Live() && in.Want.Door == "" {
		return []Finding{doubt("use lmdb (on Debian, install postfix-lmdb), or the door",
			"%s: with this type, a session that is open goes on until it ends", in.Want.Table)}
	}
	return []Finding{fine("%s: Postfix reads it", in.Want.Table)}
}

// mostCompared bounds how many entries of an old table are looked up.
const mostCompared = 50

// behind tells whether a table that is older than its text answers otherwise
// than the text. That it is older alone means little: a person may have changed a
// comment.
func (in *Installation) behind(ctx context.Context, path string) (bool, string) {
	built, err := os.Stat(in.Table.File(path))
	if err != nil {
		return false, ""
	}
	text, err := os.Stat(path)
	if err != nil || !text.ModTime().After(built.ModTime()) {
		return false, ""
	}
	entries, err := blocklist.Read(path)
	if err != nil {
		return false, "" // checkBlocklist says so
	}
	first := make(map[string]bool) // of several lines for one name, the first counts
	for i, e := range entries {
		if i == mostCompared || blocklist.CanHold(e.User) != nil || first[blocklist.Fold(e.User)] {
			continue
		}
		first[blocklist.Fold(e.User)] = true
		if answer, err := in.Postfix.Lookup(ctx, in.Want.Table, e.User); err == nil && answer != e.Action {
			return true, e.User
		}
	}
	return false, ""
}

// checkRestrictions looks at the list that each service goes by where users log
// in.
func checkRestrictions(_ context.Context, in *Installation) []Finding {
	if in.Postfix == nil || in.Odd != nil {
		return nil
	}
	var found []Finding
	for _, s := range in.Postfix.Submission() {
		found = append(found, in.restrictions(s))
		if d := in.Want.Door; d != "" && !in.Postfix.Sees(s, d) {
			found = append(found, wrong("let the daemon listen below "+in.Postfix.Queue+", or at inet:127.0.0.1:10045", "%s: its smtpd is locked into %s and does not see %s", s.Port(), in.Postfix.Queue, d))
		}
	}
	return found
}

func (in *Installation) restrictions(s postfix.Service) Finding {
	where := s.Port() + ": smtpd_data_restrictions"
	if s.Own {
		where += " of master.cf"
	}
	standing, word := in.Postfix.Standing(s, in.Want)
	switch standing {
	case postfix.InForce:
		closed := !strings.Contains(strings.ReplaceAll(strings.ToUpper(s.Restrictions), " ", ""), "DEFAULT_ACTION=DUNNO")
		if in.Want.Door != "" && closed {
			return doubt("write default_action=DUNNO", "%s: when the door does not answer, mail does not pass", where)
		}
		return fine("%s: the blocklist is asked%s", where, map[bool]string{true: ", and the door"}[in.Want.Door != ""])
	case postfix.Absent:
		return wrong(showSetup, "%s: %s is not there", where, word)
	case postfix.Unfit:
		return wrong(showSetup, "%s: %s stands there in a form that does not do (another type of table, or a door without default_action)", where, word)
	case postfix.Disorder:
		return doubt(showSetup, "%s: the door is asked before the table", where)
	case postfix.Behind:
		if strings.HasPrefix(word, "permit") {
			return wrong(showSetup, "%s: %s before our check lets mail past", where, word)
		}
		return doubt(showSetup, "%s: %s before our check may let mail past", where, word)
	case postfix.WarnOnly:
		return wrong("take warn_if_reject away", "%s: before %s stands warn_if_reject, so that Postfix only warns", where, word)
	}
	return doubt("look at it yourself", "%s = %s can't be read", where, word)
}
