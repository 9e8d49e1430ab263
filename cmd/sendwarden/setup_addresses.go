package main

import (
	"fmt"
	"strings"

	"sendwarden/blocklist"
	"sendwarden/postfix"
)

// addressNote is what setup says of the table of thieves' addresses.
func addressNote(c *postfix.Config, config blocklist.AddressConfig) (string, bool) {
	if config.File == "" {
		return "", false
	}
	ports := c.LetsIn(config.File)
	if len(ports) == 0 {
		return "", false
	}
	text := fmt.Sprintf("To shut out thieves' addresses, put this below %s in master.cf, in the place of a list that is there "+
		"(what else it has, behind the table), when the daemon has made the table:\n\n    %s\n", strings.Join(ports, " and "), postfix.ForAddresses(config.File))
	if !config.Reload {
		text += "\nEach smtpd reads it once, so that one goes on with an old one for up to 100 clients, or until it has been idle for 100 seconds. " +
			"With addresses: {reload: true} the daemon runs `postfix reload` when it has changed."
	}
	return strings.TrimSuffix(text, "\n"), true
}
