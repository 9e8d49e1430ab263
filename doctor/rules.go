package doctor

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"sendwarden/blocklist"
	"sendwarden/geo"
	"sendwarden/scoring"
	"sendwarden/settings"
	"sendwarden/words"
)

func checkRules(_ context.Context, in *Installation) []Finding {
	if in.Broken == nil {
		mode := "enforce"
		if in.Rules.Watch {
			mode = "watch: nobody is blocked"
		}
		found := []Finding{fine("%s: %s, mode %s", in.Origin, words.Count(len(in.Rules.Rules), "rule"), mode)}
		return append(found, in.ruledByRoot()...)
	}
	remedy := "kill -HUP the daemon when it is repaired; until then it goes on with the old rules"
	var several scoring.Faults
	if errors.As(in.Broken, &several) && len(several) > 1 {
		return []Finding{wrong("`sendwarden check` shows all "+words.Count(len(several), "fault")+"; "+remedy, "%v", several[0])}
	}
	return []Finding{wrong(remedy, "%v", in.Broken)}
}

// ruledByRoot looks whether the rules, by which root's commands go, too, are out of
// the daemon's reach.
func (in *Installation) ruledByRoot() []Finding {
	if in.Origin == settings.Shipped || in.Account == "" && len(in.Daemons) == 0 {
		return nil
	}
	who, err := in.daemonAccount()
	if err != nil {
		return nil // others say that there is no such account
	}
	path, err := filepath.Abs(in.Origin)
	if err != nil {
		return nil
	}
	if by, may := mayReplace(path, who); may {
		return []Finding{doubt("chown root "+by+", and let the daemon write in a folder of its own, such as /etc/sendwarden/lists",
			"%s: the daemon's account %s could put other rules there, by which root's commands would go: %s is its own to change", in.Origin, who.name, by)}
	}
	return nil
}

func checkPlaces(_ context.Context, in *Installation) []Finding {
	places, err := geo.Open(in.Geo...)
	if err != nil {
		return []Finding{wrong("name a database that is there under geo: in the rules, or none for the embedded data", "%v", err)}
	}
	var found []Finding
	for _, s := range places.Sources() {
		f := fine("%s", words.Database(s, in.Now))
		if s.Age(in.Now) > geo.OldAge {
			f.State = Warning // the line has the remedy
		}
		found = append(found, f)
	}
	return found
}

func checkBlocklist(_ context.Context, in *Installation) []Finding {
	path := in.List
	if _, err := os.Stat(path); err != nil {
		remedy := "start the daemon"
		if errors.Is(err, os.ErrNotExist) {
			err, remedy = blocklist.Absent(path), "" // it says what to do
		}
		return []Finding{wrong(remedy, "%v", err)}
	}
	var found []Finding
	for _, p := range blocklist.Check(path) {
		found = append(found, wrong(p.Remedy, "%v", blocklist.Problem{Path: p.Path, Line: p.Line, Fact: p.Fact}))
	}
	entries, err := blocklist.Read(path)
	if err == nil && len(found) == 0 {
		found = append(found, fine("%s: %s", path, words.Count(len(entries), "line")))
	}
	return found
}
