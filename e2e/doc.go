// Package e2e holds the tests that play a theft against a real Postfix:
//
//	go test -tags e2e ./e2e/
//
// Each test has a mail server of its own, under a folder in /tmp: Postfix with
// a port for the world and one for users, and Dovecot, which checks passwords.
// XCLIENT (Postfix's XCLIENT_README) gives a session the client address that
// the story needs, so that Postfix's log has the lines of a theft from far away:
//
//	Nov 20 20:24:07 mail postfix/submission/smtpd[18397]: A672A9BAA49: client=unknown[95.24.0.1], sasl_method=PLAIN, sasl_username=alice@example.es
//
// Sendwarden runs beside it as it does in production: from the log to the
// blocklist that this Postfix obeys. The addresses are ones that the embedded
// geolocation data places in the countries meant.
//
// The tests need root and the packages postfix, postfix-lmdb, postfix-cdb and
// dovecot-core. Where these are missing the tests fail: an untested path is no
// tested one.
package e2e
