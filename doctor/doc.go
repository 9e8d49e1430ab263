// Package doctor looks at an installation - rules, blocklist, table, the mail
// server's lists, the log, the sockets, the daemon, the ways to people - and says
// what is wrong with it and what to do about it, a line for each thing:
//
//	fault  door  inet:127.0.0.1:10045: connection refused (start the daemon; …)
//
// It is asked when something is broken, at 3 a.m. at the worst: a disk may be full,
// a file system gone, an engine out of reach, the daemon stuck. So every check looks
// at one thing alone and takes nothing else for granted, all are made at the same
// time, and one that does not come to an end is a finding, too. Nothing is changed,
// and nobody is told anything: a webhook's server is greeted, and not posted to.
//
// What is looked at is described by an [Installation], in which what could not be
// had stands as an error; [Examine] makes the checks. A check is a small function
// from that to findings, with a line in checks; it says nothing where the thing that
// it is about is not there.
package doctor
