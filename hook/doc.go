// Package hook runs programs when something was done to a user: to lock an
// account, to end sessions, to fill a firewall's set.
//
// A program gets the notice as JSON on its standard input, one object on one
// line, and the few things that a shell script needs in its environment:
//
//	SENDWARDEN_EVENT=block
//	SENDWARDEN_USER=info@example.es
//	SENDWARDEN_IPS=177.32.18.77 14.160.33.192
//
// The user is a name that whoever logged in chose, and so it is never an
// argument, where "-rf" would be an option, and no shell reads it unless the
// program asks one to. What a program inherits is little: these variables, a
// PATH, "/" as its folder, and a process group that is killed whole when the
// program ends or its time is up.
//
// Each program runs once at a time, in the order of the notices, so that the
// release of a user never overtakes the block. One that fails is not run again:
// it may have done half of its work. The failure is logged and told to people.
//
// A notice waits until the program has been run for it, over a restart and a crash
// of the daemon, too (see Outbox).
package hook
