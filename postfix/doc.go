// Package postfix reads how an installed Postfix is configured, and plans what
// has to change so that it asks Sendwarden.
//
// Postfix's smtpd refuses by lists of restrictions, one list for each stage of
// the SMTP dialogue. Sendwarden's place is the list for DATA, which is asked
// once a message:
//
//	smtpd_data_restrictions = check_sasl_access lmdb:/etc/sendwarden/lists/blocklist,
//	    check_policy_service { inet:127.0.0.1:10045, timeout=5s, default_action=DUNNO }
//
// The "submission" entries that master.cf ships with override the lists for
// client, HELO, sender, relay and recipient by -o options, but not this one
// (conf/master.cf), and it needs no permit in front of it. In a list the first
// permit ends the reading, so ours stand first. Where somebody did override it,
// they have to stand in that service's own list, too.
//
// Everything is asked of postconf(1), which prints what Postfix would do: main.cf
// by -n and -x, master.cf by -M and -P. The two files themselves are only read to
// see how they are laid out. What is set is set by postconf, one value at a time,
// after a copy was made; where a setting is written in a way that postconf would
// spoil (comments within it, a symbolic link), the plan says what to do by hand.
package postfix
