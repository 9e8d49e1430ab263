// Package blocklist keeps the file that says who may not send mail: people
// review it, and Postfix obeys it.
//
// The file is an access(5) table that check_sasl_access looks login names up
// in. Above each entry stand comment lines with the reasons:
//
//	# info@example.es: blocked 2026-04-15 21:15:02 +0200, score 142 of 100; 7 messages to 163 recipients since 21:02
//	#   +60 third country    21:15:02  RU  5.6.7.8    AS12389 Rostelecom
//	info@example.es    REJECT 5.7.1 Sending is suspended for this account: unusual logins. Please contact your administrator.
//
// Deleting the line releases the user, adding one blocks them, and a line such
// as "boss@example.es DUNNO" keeps that user from ever being blocked here. What
// people wrote, down to their blank lines, stays byte for byte: entries of ours
// are appended, and a release takes away exactly its own lines.
//
// Postfix reads the text itself (texthash) or a table that postmap(1) builds
// from it; see [Table] for which of them reach a session that is already open.
//
// Several hands write the file: the daemon, the commands beside it and an
// editor. The first two take turns by a lock (PATH.lock, held only while one
// reads, changes and writes). An editor takes no lock; so the file is read
// again inside the lock, and once more looked at before it is replaced. What
// an editor overwrites in turn cannot be told from lines that a person deleted.
package blocklist
