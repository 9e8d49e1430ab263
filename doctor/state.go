package doctor

import (
	"context"
	"errors"
	"os"

	"sendwarden/state"
	"sendwarden/words"
)

// checkState looks at what the daemon remembers. A daemon that runs has it locked;
// only with none is it opened, to be read.
func checkState(_ context.Context, in *Installation) []Finding {
	path := in.State
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		if len(in.Daemons) == 0 {
			return nil // it is made at the first start, and that there was none is said
		}
		return []Finding{doubt("name the daemon's file with --state", "%v", err)}
	case err != nil:
		return []Finding{unknown("run doctor as root", "%v", err)}
	}
	var found []Finding
	if info.Mode().Perm()&0o077 != 0 {
		found = append(found, doubt("chmod 600 "+path, "%s: others may read what is remembered of people (%v)", path, info.Mode().Perm()))
	}
	if len(in.Daemons) == 0 {
		if err := state.Examine(path); err != nil {
			return append(found, wrong("the next start sets a damaged one aside and begins anew; put a copy back before, if there is one", "%v", err))
		}
	}
	age := in.Now.Sub(info.ModTime())
	if len(in.Daemons) > 0 && age > quiet {
		return append(found, doubt("see that the daemon uses this file, and that it reads the log", "%s: nothing was written to it since %s", path, info.ModTime().Format(words.Stamp)))
	}
	return append(found, fine("%s: %s, written %s", path, words.Size(info.Size()), info.ModTime().Format(words.Stamp)))
}

// checkEngine greets the engine that several hosts share their state in.
func checkEngine(ctx context.Context, in *Installation) []Finding {
	if in.Engine == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	took, warns, err := in.Engine.Greet(ctx)
	switch {
	case err != nil:
		return []Finding{wrong("see that it runs and can be reached from here; until then this host goes on by what it knows", "%s: %v", in.Engine.URL, err)}
	case warns != "":
		return []Finding{doubt("", "%s: %s", in.Engine.URL, warns)}
	}
	return []Finding{fine("%s answers, in %d ms", in.Engine.URL, took.Milliseconds())}
}
