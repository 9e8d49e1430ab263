package doctor

import (
	"context"
	"os"
	"strings"

	"sendwarden/blocklist"
	"sendwarden/postfix"
)

// checkAddresses looks at the table of thieves' addresses.
func checkAddresses(ctx context.Context, in *Installation) []Finding {
	config := in.With.Addresses
	if config.File == "" {
		return nil
	}
	if _, err := os.Stat(config.File); err != nil {
		return []Finding{wrong("start the daemon, which makes it; as it is, Postfix puts off all mail of a service that names it", "%v", err)}
	}
	if in.Postfix == nil {
		return nil
	}
	if _, err := in.Postfix.Lookup(ctx, "cidr:"+config.File, "192.0.2.1"); err != nil {
		return []Finding{wrong("start the daemon, which writes it anew", "Postfix can't read cidr:%s: %v", config.File, err)}
	}
	if ports := in.Postfix.LetsIn(config.File); len(ports) > 0 {
		return []Finding{doubt("below it in master.cf, write "+postfix.ForAddresses(config.File)+"; then postfix reload", "%s: Postfix does not ask it at %s", config.File, strings.Join(ports, " and "))}
	}
	if !config.Reload {
		return []Finding{doubt("set reload: true there, or run postfix reload after a theft", "cidr:%s: a process of Postfix reads it once, and goes on with what it read", config.File)}
	}
	if who, err := in.daemonAccount(); err == nil && who.uid != 0 {
		return []Finding{doubt("run postfix reload by other means when the table changes, such as a hook with sudo", "cidr:%s: the daemon's account %s can't reload Postfix", config.File, who.name)}
	}
	return []Finding{fine("cidr:%s: Postfix asks it", config.File)}
}

// checkHeaderChecks compares the header checks to the blocklist.
func checkHeaderChecks(_ context.Context, in *Installation) []Finding {
	config := in.With.HeaderChecks
	if config.File == "" {
		return nil
	}
	if config.Host == "" {
		if in.Postfix == nil {
			return nil // it was said that there is no Postfix
		}
		config.Host = in.Postfix.Main("myhostname")
	}
	entries, err := blocklist.Read(in.List)
	if err != nil {
		return nil // checkBlocklist has said so
	}
	switch same, err := blocklist.HasHeaderChecks(config.File, entries, config.Host); {
	case err != nil:
		return []Finding{wrong("start the daemon, which makes it", "%v", err)}
	case !same:
		return []Finding{wrong("start the daemon, or run: sendwarden setup header-checks --out "+config.File, "%s is not what the blocklist says", config.File)}
	}
	if in.Postfix != nil && (in.Postfix.Version.Major > 2 || in.Postfix.Version.Minor >= 11) {
		return []Finding{doubt(showSetup+"; then take header_checks out", "%s: this Postfix has check_sasl_access, which is better in every way", config.File)}
	}
	return []Finding{fine("%s: as the blocklist", config.File)}
}
