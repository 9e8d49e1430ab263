package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"sendwarden/blocklist"
	"sendwarden/postfix"
)

// forAddresses is the option of a service of master.cf that has it ask the table of
// thieves' addresses. In main.cf it would refuse mail from outside, too.
func forAddresses(file string) string {
	return "-o smtpd_client_restrictions=check_client_access,cidr:" + file + ",permit_sasl_authenticated,reject"
}

// letsIn are the services at which users log in and that don't ask the table of
// thieves' addresses.
func letsIn(c *postfix.Config, file string) (ports []string) {
	for _, s := range c.Submission() {
		if !s.ShutsOut("cidr:" + file) {
			ports = append(ports, s.Port())
		}
	}
	return ports
}

// addressNote is what setup says of the table of thieves' addresses.
func addressNote(c *postfix.Config, config blocklist.AddressConfig) (string, bool) {
	if config.File == "" {
		return "", false
	}
	ports := letsIn(c, config.File)
	if len(ports) == 0 {
		return "", false
	}
	text := fmt.Sprintf("To shut out thieves' addresses, put this below %s in master.cf, in the place of a list that is there "+
		"(what else it has, behind the table), when the daemon has made the table:\n\n    %s\n", strings.Join(ports, " and "), forAddresses(config.File))
	if !config.Reload {
		text += "\nEach smtpd reads it once, so that one goes on with an old one for up to 100 clients, or until it has been idle for 100 seconds. " +
			"With addresses: {reload: true} the daemon runs `postfix reload` when it has changed."
	}
	return strings.TrimSuffix(text, "\n"), true
}

// checkAddresses looks at the table of thieves' addresses.
func checkAddresses(ctx context.Context, in *installation) []finding {
	config := in.with.Addresses
	if config.File == "" {
		return nil
	}
	if _, err := os.Stat(config.File); err != nil {
		return []finding{wrong("start the daemon, which makes it; as it is, Postfix puts off all mail of a service that names it", "%v", err)}
	}
	if in.postfix == nil {
		return nil
	}
	if _, err := in.postfix.Lookup(ctx, "cidr:"+config.File, "192.0.2.1"); err != nil {
		return []finding{wrong("start the daemon, which writes it anew", "Postfix can't read cidr:%s: %v", config.File, err)}
	}
	if ports := letsIn(in.postfix, config.File); len(ports) > 0 {
		return []finding{doubt("below it in master.cf, write "+forAddresses(config.File)+"; then postfix reload", "%s: Postfix does not ask it at %s", config.File, strings.Join(ports, " and "))}
	}
	if !config.Reload {
		return []finding{doubt("set reload: true there, or run postfix reload after a theft", "cidr:%s: a process of Postfix reads it once, and goes on with what it read", config.File)}
	}
	if who, err := in.daemonAccount(); err == nil && who.uid != 0 {
		return []finding{doubt("run postfix reload by other means when the table changes, such as a hook with sudo", "cidr:%s: the daemon's account %s can't reload Postfix", config.File, who.name)}
	}
	return []finding{fine("cidr:%s: Postfix asks it", config.File)}
}

// checkHeaderChecks compares the header checks to the blocklist.
func checkHeaderChecks(_ context.Context, in *installation) []finding {
	config := in.with.HeaderChecks
	if config.File == "" {
		return nil
	}
	if config.Host == "" {
		if in.postfix == nil {
			return nil // it was said that there is no Postfix
		}
		config.Host = in.postfix.Main("myhostname")
	}
	entries, err := blocklist.Read(in.file(in.rules))
	if err != nil {
		return nil // checkBlocklist has said so
	}
	switch same, err := blocklist.HasHeaderChecks(config.File, entries, config.Host); {
	case err != nil:
		return []finding{wrong("start the daemon, which makes it", "%v", err)}
	case !same:
		return []finding{wrong("start the daemon, or run: sendwarden setup header-checks --out "+config.File, "%s is not what the blocklist says", config.File)}
	}
	if in.postfix != nil && (in.postfix.Version.Major > 2 || in.postfix.Version.Minor >= 11) {
		return []finding{doubt(runSetup+"; then take header_checks out", "%s: this Postfix has check_sasl_access, which is better in every way", config.File)}
	}
	return []finding{fine("%s: as the blocklist", config.File)}
}
