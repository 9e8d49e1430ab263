// Package exim reads how an installed Exim is configured, and says which lines
// it needs so that it obeys the blocklist.
//
// Exim decides by access control lists (ACLs), each named for a stage of a
// message. Sendwarden's place is that of MAIL, which is asked once a message
// with whichever command the content follows (not so acl_smtp_predata, which
// BDAT passes by), on every port that the daemon listens at; and that of mail
// which comes by no SMTP, from PHP or cron. One ACL serves both:
//
//	acl_smtp_mail = acl_sendwarden
//	acl_not_smtp = acl_sendwarden
//
//	acl_sendwarden:
//	  deny
//	    condition = ${lookup {KEY}lsearch{/etc/sendwarden/lists/blocklist.lsearch}{yes}{no}}
//
// KEY is who logged in, $authenticated_id, or "local:" and the account that
// called exim, which $sender_ident names as U= does in the log.
//
// Exim opens the file anew for each message, so that an open session is stopped
// at its next one. A file that is missing lets everybody pass; one that Exim may
// not read makes it put off all mail (451).
//
// Nobody edits an Exim configuration by program: there is no postconf for it.
// So the lines are shown, and whether they are in force is asked of Exim itself.
package exim
