// Package queue holds a user's mail that Postfix has accepted and not yet
// delivered, lets it go again, and lists it.
//
// Postfix keeps each message in a file under its queue directory, in incoming,
// active or deferred while it is to be delivered, and in hold while it must
// not be. The file's name is the queue id; its envelope says who logged in to
// hand the message in:
//
//	A672A9BAA49: A sasl_username=alice@example.es
//
// That record alone decides whose mail it is. The sender address does not, as
// anyone may write it, and neither does any other text in the file: a client
// that never logged in can have Postfix record
//
//	A sasl_sender=<x, sasl_method=PLAIN, sasl_username=alice@example.es, y>
//
// postcat(1) shows these records, but takes 5 ms a message. A thief's 10,000
// messages among 10,000 of others can't wait for that, so the files are read
// here, and moved by postsuper(1) as Postfix wants them to be. Nothing is ever
// deleted.
//
// A content filter that hands mail back by SMTP (content_filter, as amavis is
// often set up) makes a new message of it, whose envelope names nobody; what has
// passed such a filter can't be told from other mail here. Milters keep the
// record.
//
// Holding races with Postfix, which moves a message from incoming to active to
// deferred meanwhile; so the search is repeated until it finds nothing more. A
// delivery that is going on when its message is held goes on.
//
// Of Exim's queue the same is done by [Exim], in Exim's words: a message is frozen
// and thawed, and its -H file says who logged in.
//
// Only root may run postsuper. A daemon that isn't root asks a small [Server]
// that is, over a socket: [Remote] there, [Local] here, with the same methods.
// The server reads the envelope itself. Whoever takes over the daemon can hold,
// release and list mail of users, and nothing else.
package queue
