package doctor

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/user"
	"strings"

	"sendwarden/blocklist"
	"sendwarden/exim"
)

const showEximSetup = "`sendwarden setup exim` shows the lines, and where they go"

// checkExim looks at what of Exim's own matters.
func checkExim(_ context.Context, in *Installation) []Finding {
	c := in.Exim
	if c == nil {
		if in.NoExim == nil {
			return nil // it is a Postfix
		}
		return []Finding{wrong("install Exim, or name its program under queue: {exim: PROGRAM} in the rules", "%v", in.NoExim)}
	}
	found := []Finding{fine("Exim %s, configured by %s, listens at %s", c.Version, c.File, c.Ports)}
	found = append(found, authenticators(c.Authenticators())...)
	if !c.CountsRecipients() {
		found = append(found, doubt("log_selector = +received_recipients", "its log does not say to how many a message goes: rules that count recipients see none"))
	}
	if c.Frozen != "" && c.Frozen != "0s" {
		found = append(found, doubt("review sooner, or set timeout_frozen_after = 0s", "Exim takes away mail that has been frozen for %s, and so what is held of who is blocked", c.Frozen))
	}
	return found
}

// authenticators looks whether Exim learns who logs in, and its log with it.
func authenticators(all []exim.Authenticator) (found []Finding) {
	var nameless []string
	servers := 0
	for _, a := range all {
		if !a.Server {
			continue
		}
		if servers++; !a.Named {
			nameless = append(nameless, a.Name)
		}
	}
	switch {
	case servers == 0:
		return []Finding{doubt("set up an authenticator where users log in", "no authenticator lets users log in")}
	case len(nameless) > 0:
		return []Finding{wrong("server_set_id = $auth2 (PLAIN), or $auth1 (LOGIN, Dovecot)", "%s: who logs in by it has no name, is judged by no rule and stopped by no list", strings.Join(nameless, ", "))}
	}
	return nil
}

// checkEximList looks at the file that Exim reads: that Exim may, and that it finds
// in it who is on the blocklist.
func checkEximList(ctx context.Context, in *Installation) []Finding {
	if in.Exim == nil {
		return nil
	}
	file := in.Table.File(in.List)
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return []Finding{wrong("start the daemon, which makes it", "%s is not there: everybody passes", file)}
	}
	u, err := user.Lookup(in.Exim.User)
	if err != nil {
		return []Finding{unknown("see exim_user", "%s: whether Exim may read it can't be told: %v", file, err)}
	}
	who, err := accountOf(u)
	if err != nil {
		return []Finding{unknown("see exim_user", "%s: whether Exim may read it can't be told: %v", file, err)}
	}
	if why, ok := mayOpen(file, who, 4); !ok {
		return []Finding{wrong("chmod 644 "+file+", and 755 its folder", "%s: Exim's account %s can't read it, and Exim puts off all mail (451): %s", file, who.name, why)}
	}
	return []Finding{in.eximFinds(ctx, file)}
}

// eximFinds asks Exim for those on the blocklist, in capitals: its look-up knows no
// case.
func (in *Installation) eximFinds(ctx context.Context, file string) Finding {
	entries, err := blocklist.Read(in.List)
	if err != nil {
		return unknown("", "%s: there is no blocklist to compare it to", file) // checkBlocklist has said so
	}
	asked := 0
	first := make(map[string]bool) // of several lines for one name, the first counts
	for _, e := range entries {
		name := blocklist.Fold(e.User)
		if asked == mostCompared || first[name] || !exim.Askable(e.User) {
			continue
		}
		first[name] = true
		asked++
		found, err := in.Exim.Finds(ctx, file, strings.ToUpper(e.User))
		switch {
		case err != nil:
			return wrong("start the daemon, which writes it anew", "Exim can't read %s: %v", file, err)
		case found != e.Blocks():
			return wrong("start the daemon, which writes it anew", "%s is behind the list, and wrong about %s", file, e.User)
		}
	}
	return fine("%s: Exim reads it", file)
}

// checkEximACLs looks whether Exim asks it.
func checkEximACLs(_ context.Context, in *Installation) []Finding {
	if in.Exim == nil {
		return nil
	}
	file := in.Table.File(in.List)
	mail, local := in.Exim.Asks(file)
	var found []Finding
	if !mail {
		found = append(found, wrong(showEximSetup, "acl_smtp_mail: %s is not asked: nobody is stopped", file))
	} else {
		found = append(found, fine("acl_smtp_mail: the blocklist is asked, on every port"))
	}
	if !local {
		return append(found, doubt(showEximSetup, "acl_not_smtp: %s is not asked: local accounts, PHP and cron among them, can't be stopped", file))
	}
	return append(found, fine("acl_not_smtp: the blocklist is asked"))
}
