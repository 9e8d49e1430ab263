// Package alert tells people what was done to whom, and why: by mail, by
// webhook and in the journal.
//
// What is told is a [Notice]: who, why, from where, what was held, and the one
// command that undoes it.
//
//	info@example.es is blocked, score 162.5 of 100
//
//	    +72  new country        03:12:03  BR  177.32.18.77   AS28573 Claro NXT Telecomunicacoes Ltda
//	    +60  third new country  03:14:54  VN  14.160.33.192  AS45899 VNPT Corp
//	…
//	    sendwarden release info@example.es
//
// Alerts about too much mail must not become too much mail. The first notice
// goes at once; what comes within the interval after it is gathered into one
// digest; and beyond so many digests an hour, one short one says how many there
// were. A way out that fails is tried again, ever more slowly; what it cannot
// hold any longer is written to the log, so that nothing is lost silently.
//
// [Desk.Tell] never waits: the path of the mail goes through its callers.
//
// A notice carries words of strangers: a log-in name, the name of a network, a
// program's complaint. None of them reaches a header, a terminal or a chat as it
// came: controls, line breaks and direction marks become "·" (see RFC 5322,
// section 2.2, for what a line break in a header does), and the command is
// quoted for the shell that it will be pasted into.
package alert
