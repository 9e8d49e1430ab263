// Package policy stands at Postfix's door: it answers what Postfix asks before
// it accepts a message.
//
// Postfix asks in two ways. By check_policy_service (its SMTPD_POLICY_README)
// smtpd sends what it knows of the message, one attribute a line, and an empty
// line (here with "␊" for the line feeds that matter):
//
//	request=smtpd_access_policy␊
//	protocol_state=DATA␊
//	client_address=203.0.113.40␊
//	queue_id=685919BA054␊
//	sasl_username=alice␊
//	…
//	␊
//
// and does what the answer says, an action of access(5):
//
//	action=HOLD a place where this user never was␊
//	␊
//
// By socketmap (socketmap_table(5)) it looks one key up, as if in a file, but
// what is answered is never out of date. Both ways go in netstrings:
//
//	17:sendwarden alice,   →   13:OK REJECT why,   or   9:NOTFOUND ,
//
// An smtpd process keeps its connection for hours, and asks for one client after
// the other. A server that closes it costs the next client a second of waiting
// (src/util/auto_clnt.c and src/global/attr_clnt.c), so nothing here closes a connection because it is
// silent. What is cut off is a request that is too long, that doesn't end in
// time, or that Postfix wouldn't send.
//
// # Trust
//
// Postfix tells the truth about its client's address and login, and whoever else
// may connect can tell lies about them, by which a user of the host could have
// another one blocked. So a unix socket belongs to Postfix's group and to nobody
// else; a TCP port, which each user of the host reaches, is for hosts that have
// no other users, and is never opened to the network unless told twice.
//
// # When something goes wrong
//
// Mail goes on: a fault of ours is answered DUNNO (or NOTFOUND), and Postfix
// goes to its next restriction, where the blocklist's file still refuses the
// blocked. SMTPD_POLICY_README asks a server in trouble to hang up rather than
// to answer; then Postfix waits, asks once more, and takes its default action,
// which is to defer the mail unless somebody wrote default_action=DUNNO.
package policy
