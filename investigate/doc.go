// Package investigate finds out who fills a mail server's queue, from the queue
// and the log together, and says what to do about it.
//
// A queue that fills has one of a few causes. An account was stolen, and a robot
// sends through it. A web site was broken into, and its script calls sendmail(1).
// The server takes mail that it can't deliver, and answers it with bounces to
// people whose addresses were forged. An alias makes many messages of one. Or a
// large provider puts off what comes from here.
//
// What tells them apart stands in each message's queue file: who logged in, which
// local account called sendmail, which address an alias replaced. The sender's
// address does not: whoever sends writes it. The log knows what has gone
// already, from where, and why bounces were written.
package investigate
