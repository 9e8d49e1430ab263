// Package authpolicy answers Dovecot, which asks before somebody may log in
// (https://doc.dovecot.org/configuration_manual/authentication/auth_policy/).
//
// Postfix obeys the blocklist for whom it knows by the same name. A thief may
// have other ways to hand mail in: Dovecot's own submission service, or a mail
// server elsewhere that has passwords checked here. For each of them Dovecot's
// auth process posts JSON:
//
//	POST /?command=allow HTTP/1.1
//
//	{"device_id":"","login":"info@example.es","protocol":"smtp","pwhash":"00","remote":"192.0.2.7","tls":false}
//
// and is answered
//
//	{"status":-1,"msg":"Sending is suspended for this account"}
//
// Below 0 the log-in is refused, 0 lets it pass. Whatever is no such answer, or
// comes after two seconds, lets it pass, too (auth_policy_reject_on_fail = no):
// log-ins do not depend on this.
//
// What is refused is handing mail in, to who is blocked: the protocols smtp and
// submission. The account still receives, and its owner still reads: imap, pop3
// and the others pass, and so does a question that names no protocol. The
// password does not matter and its hash is not looked at.
//
// command=report, which tells how a log-in ended, is answered and not used: the
// same stands in Dovecot's log.
package authpolicy
