package investigate

import (
	"fmt"
	"strings"
)

// Server is the mail server whose queue it is: its words, and the commands that do
// what is proposed.
type Server struct {
	Name string // "Postfix"
	Held string // what it calls mail that waits: "on hold"
	// ByLog: its queue does not say what became of a recipient, and each line of its
	// log that does is wanted, whoever handed the message in.
	ByLog bool
	commands
}

// commands are those that differ from server to server. None deletes anything.
type commands interface {
	hold(key, queue string) string // queue is a named one of Exim's, or ""
	look(id, queue string) string
	stopAccount(f *Finding, name string, root bool)
	stopHost(f *Finding, address string)
	refuseUnknown(f *Finding)
	alias(f *Finding, address string)
	retry(domain string) (why, command string)
}

// Postfix is the server on most hosts.
func Postfix() Server { return Server{Name: "Postfix", Held: "on hold", commands: postfix{}} }

// Exim is the other one; command is how it is called, such as exim4.
func Exim(command string) Server {
	return Server{Name: "Exim", Held: "frozen", ByLog: true, commands: exim(command)}
}

type postfix struct{}

func (postfix) hold(key, _ string) string {
	return "sendwarden investigate --ids " + quote(key) + " | postsuper -h -"
}

func (postfix) look(id, _ string) string { return "postcat -q " + id }

func (postfix) stopAccount(f *Finding, name string, root bool) {
	if root {
		f.fact("root may always call sendmail(1); what runs as root and sends has to be stopped by itself") // postdrop.c
		return
	}
	f.step("take the right to send from the account (postconf -X authorized_submit_users gives it back)",
		"postconf -e 'authorized_submit_users = !"+name+", static:all'")
}

func (postfix) stopHost(f *Finding, address string) {
	f.step("may it send without a log-in? It does if it is in mynetworks", "postconf -x mynetworks smtpd_relay_restrictions")
	f.step("if it must not, refuse it: put this first in smtpd_client_restrictions", "check_client_access inline:{"+address+"=REJECT}")
}

func (postfix) refuseUnknown(f *Finding) {
	f.step("recipients that are not there have to be refused at the door: these lists have to know all that are",
		"postconf -n local_recipient_maps relay_recipient_maps virtual_mailbox_maps virtual_alias_maps smtpd_reject_unlisted_recipient")
	f.step("spam has to be refused at the door, too (a milter, smtpd_proxy_filter), not bounced by a content filter behind it",
		"postconf -n content_filter smtpd_milters smtpd_proxy_filter")
}

func (postfix) alias(f *Finding, address string) {
	f.step("see whom it stands for", "for map in $(postconf -h virtual_alias_maps); do postmap -q "+quote(address)+" \"$map\"; done")
	f.step("let only your own people write to it (smtpd_recipient_restrictions)", "check_recipient_access inline:{{"+address+" = permit_sasl_authenticated, reject}}")
}

func (postfix) retry(domain string) (why, command string) {
	return "when the cause is gone, have Postfix try again", "postqueue -s " + quote(domain)
}

// exim's options are in spec.txt, "The Exim command line". What may be in the middle
// of a delivery is locked, and Exim says so.
type exim string

func (x exim) hold(key, queue string) string {
	if queue != "" {
		return fmt.Sprintf("sendwarden investigate --ids %s --queue %s | xargs -r %s -Mf", quote(key), queue, x.in(queue))
	}
	return fmt.Sprintf("sendwarden investigate --ids %s | xargs -r %s -Mf", quote(key), string(x))
}

func (x exim) look(id, queue string) string {
	return fmt.Sprintf("%[1]s -Mvh %[2]s; %[1]s -Mvb %[2]s | head -50; %[1]s -Mvl %[2]s", x.in(queue), id)
}

// in is how Exim is called for a named queue.
func (x exim) in(queue string) string {
	if queue == "" {
		return string(x)
	}
	return string(x) + " -qG" + queue
}

func (x exim) stopAccount(f *Finding, name string, root bool) {
	f.step("stop the account (with the lines of `sendwarden setup exim` Exim obeys; `sendwarden release` gives it back)",
		"sendwarden block "+quote(local+name)+" --reason 'fills the queue'")
	if root {
		f.fact("what cron and the system write is root's mail, too, and would be refused with it")
	}
}

func (x exim) stopHost(f *Finding, address string) {
	f.step("may it send without a log-in? It does if a list of hosts that may relay names it (on Debian relay_from_hosts)", string(x)+" -bP +relay_from_hosts; "+string(x)+" -bP acl_smtp_rcpt")
	f.step("if it must not, refuse it: put this first in the ACL that acl_smtp_connect names", "deny hosts = "+eximList(address))
}

// eximList is an address as a list of Exim's has it, where a colon parts two.
func eximList(address string) string { return strings.ReplaceAll(address, ":", "::") }

func (x exim) refuseUnknown(f *Finding) {
	f.step("recipients that are not there have to be refused at RCPT: the ACL there needs `require verify = recipient`", string(x)+" -bP acl_smtp_rcpt config")
	f.step("spam has to be refused at the door, too (in the ACL at DATA), not after it was taken", string(x)+" -bP acl_smtp_data")
	f.step("what is frozen of them, Exim removes after", string(x)+" -bP timeout_frozen_after ignore_bounce_errors_after")
}

func (x exim) alias(f *Finding, address string) {
	f.step("see whom it stands for", string(x)+" -bt "+quote(address))
	f.step("let only your own people write to it: put this first in the ACL that acl_smtp_rcpt names", "deny recipients = "+eximList(address)+"  !authenticated = *")
}

func (x exim) retry(domain string) (why, command string) {
	return "when the cause is gone, have Exim try again", string(x) + " -Rf " + quote(domain)
}
