package investigate

import (
	"fmt"
	"os/user"
	"slices"
	"strings"

	"sendwarden/maillog"
)

// Finding is one cause, the facts that speak for it, and what to do.
type Finding struct {
	Cause string   `json:"cause"` // "user", "local", "host", "bounces", "alias", "delay", "unknown"
	Title string   `json:"title"`
	Facts []string `json:"facts"`
	Steps []Step   `json:"steps"`
}

// Step is a command and what it is for. None deletes anything.
type Step struct {
	Why     string `json:"why"`
	Command string `json:"command,omitempty"`
}

// most origins and delays that are gone into.
const most = 5

// Findings are what an administrator should look at, the worst first.
func (q *Inquiry) Findings(place func(*Origin) string) []Finding {
	var found []Finding
	for _, o := range q.Origins() {
		if len(found) < most && q.fills(o.Messages, o.Recipients) {
			found = append(found, o.finding(place))
		}
	}
	for _, a := range q.aliases() {
		found = append(found, a.finding())
	}
	return append(found, q.delays()...)
}

// fills tells whether mail is enough of the queue to look at: a tenth of it, and
// more than a handful.
func (q *Inquiry) fills(messages, recipients int) bool {
	return messages >= 5 && messages*10 >= q.Messages || recipients >= 20 && recipients*10 >= q.Recipients
}

func (o *Origin) finding(place func(*Origin) string) Finding {
	f := Finding{Cause: string(o.Kind)}
	f.fact("%s to %s in the queue since %s, %d of them on hold", count(o.Messages, "message"), count(o.Recipients, "recipient"),
		o.Oldest.Format("2006-01-02 15:04:05"), o.Held)
	switch o.Kind {
	case User:
		o.user(&f, place)
	case Local:
		o.local(&f)
	case Host:
		o.host(&f, place)
	case Bounces:
		o.bounces(&f)
	default:
		f.Title = "Mail of which neither the queue nor the log tell who handed it in"
		f.step("run this as root, with the log that covers the time", "sendwarden investigate LOG")
	}
	if subjects := o.Subjects.Top(3); len(subjects) > 0 {
		f.fact("subjects: %s", strings.Join(subjects, " | "))
	}
	if len(o.IDs) > 0 {
		f.step("look at one of them", "postcat -q "+o.IDs[0])
	}
	return f
}

func (o *Origin) user(f *Finding, place func(*Origin) string) {
	name := quote(o.Name)
	f.Title = fmt.Sprintf("The account %s fills the queue", maillog.Mask(o.Name))
	if n := len(o.Clients); n > 0 {
		f.fact("handed in from %s%s", count(n, "address", "es"), place(o))
	}
	o.forged(f, domain(o.Name))
	o.sofar(f)
	f.step("if that is not the user's own doing, stop the account", "sendwarden block "+name+" --reason 'fills the queue'")
	f.step("keep what waits from going out", "sendwarden queue "+name+" --hold")
	f.step("see what went out, and from where", "sendwarden trace "+name)
	f.step("change the password, then end the open mailbox sessions", "doveadm kick "+name)
	f.step("when all is well again, let the user and the genuine mail go", "sendwarden release "+name+" && sendwarden queue "+name)
}

// forged tells of sender addresses that are not the sender's own.
func (o *Origin) forged(f *Finding, own string) {
	foreign := Table{}
	for sender, n := range o.Senders {
		if own == "" || domain(sender) != own {
			foreign[sender] += n
		}
	}
	switch {
	case len(foreign) == 0:
	case own == "":
		f.fact("as %s: %s", count(len(foreign), "sender"), strings.Join(foreign.Top(3), ", "))
	default:
		f.fact("forged: %s of %d addresses of other domains, such as %s", count(total(foreign), "message"), len(foreign), strings.Join(foreign.Top(3), ", "))
	}
}

// sofar tells what the log knows.
func (o *Origin) sofar(f *Finding) {
	p := &o.Past
	if p.Messages == 0 {
		return
	}
	from := ""
	if len(p.Clients) > 0 {
		from = " from " + count(len(p.Clients), "address", "es")
	}
	f.fact("by the log %s to %s%s since %s, of which %d bounced", count(p.Messages, "message"), count(p.Recipients, "recipient"), from,
		p.From.Format("2006-01-02 15:04:05"), p.Bounced)
}

func (o *Origin) local(f *Finding) {
	name := o.Name
	if u, err := user.LookupId(o.Name); err == nil {
		name = u.Username
	}
	f.Title = fmt.Sprintf("The local account %s (uid %s) fills the queue", maillog.Mask(name), o.Name)
	if scripts := o.Scripts.Top(3); len(scripts) > 0 {
		f.fact("made by %s, as the messages say (X-PHP-Originating-Script)", strings.Join(scripts, ", "))
	}
	o.forged(f, "")
	o.sofar(f)
	f.step("keep what waits from going out", "sendwarden investigate --ids "+o.Key()+" | postsuper -h -")
	if o.Name == "0" {
		f.fact("root may always call sendmail(1); what runs as root and sends has to be stopped by itself") // postdrop.c
	} else {
		f.step("take the right to send from the account (postconf -X authorized_submit_users gives it back)",
			"postconf -e 'authorized_submit_users = !"+name+", static:all'")
	}
	if scripts := o.Scripts.Top(1); len(scripts) > 0 {
		f.step("find the script, and what else came with it", "find / -xdev -name "+quote(scriptFile(scripts[0]))+" -ls")
	} else {
		f.step("which program it is, the account's jobs and processes may tell", "crontab -l -u "+quote(name)+"; ps -fu "+quote(name))
		f.step("if it is a PHP site, have PHP name the script in each message: mail.add_x_header = On in php.ini", "")
	}
	f.step("see what went out", "sendwarden trace "+o.Key())
}

// scriptFile is the file of "33:form.php" or "example.es/form.php for 203.0.113.7".
func scriptFile(script string) string {
	if i := strings.IndexAny(script, " ("); i > 0 {
		script = script[:i]
	}
	return script[max(strings.LastIndexByte(script, '/'), strings.LastIndexByte(script, ':'))+1:]
}

func (o *Origin) host(f *Finding, place func(*Origin) string) {
	f.Title = fmt.Sprintf("The client %s, where nobody logged in, fills the queue", o.Name)
	f.fact("handed in from %s%s", o.Name, place(o))
	o.forged(f, "")
	f.step("may it send without a log-in? It does if it is in mynetworks", "postconf -x mynetworks smtpd_relay_restrictions")
	f.step("keep what waits from going out", "sendwarden investigate --ids "+o.Key()+" | postsuper -h -")
	f.step("see what went out", "sendwarden trace "+o.Name)
	f.step("if it must not, refuse it: put this first in smtpd_client_restrictions", "check_client_access inline:{"+o.Name+"=REJECT}")
}

func (o *Origin) bounces(f *Finding) {
	f.Title = "Bounces of this server fill the queue (back-scatter)"
	if domains := o.Domains.Top(5); len(domains) > 0 {
		f.fact("to %s, such as %s", count(len(o.Domains), "domain"), strings.Join(domains, ", "))
	}
	for _, cause := range o.Causes.Top(3) {
		f.fact("%s", cause)
	}
	f.fact("a server that takes mail and then can't deliver it writes to the sender, whose address is mostly forged")
	f.step("keep them from going out", "sendwarden investigate --ids bounces | postsuper -h -")
	f.step("recipients that are not there have to be refused at the door: these lists have to know all that are",
		"postconf -n local_recipient_maps relay_recipient_maps virtual_mailbox_maps virtual_alias_maps smtpd_reject_unlisted_recipient")
	f.step("spam has to be refused at the door, too (a milter, smtpd_proxy_filter), not bounced by a content filter behind it",
		"postconf -n content_filter smtpd_milters smtpd_proxy_filter")
}

// aliases are those that make enough recipients to look at, the worst first.
func (q *Inquiry) aliases() []*Alias {
	var large []*Alias
	for _, a := range q.Aliases {
		if q.fills(0, a.Recipients) {
			large = append(large, a)
		}
	}
	slices.SortFunc(large, func(a, b *Alias) int { return b.Recipients - a.Recipients })
	return large[:min(len(large), most)]
}

func (a *Alias) finding() Finding {
	f := Finding{Cause: "alias", Title: fmt.Sprintf("The alias %s multiplies mail", maillog.Mask(a.Address))}
	f.fact("%s to it became %s", count(a.Messages, "message"), count(a.Recipients, "recipient"))
	f.step("see whom it stands for", "for map in $(postconf -h virtual_alias_maps); do postmap -q "+quote(a.Address)+" \"$map\"; done")
	f.step("let only your own people write to it (smtpd_recipient_restrictions)", "check_recipient_access inline:{{"+a.Address+" = permit_sasl_authenticated, reject}}")
	return f
}

// delays are the destinations that put off enough to look at.
func (q *Inquiry) delays() []Finding {
	var found []Finding
	for _, reason := range q.Delays.Top(most) {
		n := q.Delays[reason]
		if !q.fills(0, n) {
			break
		}
		where, why, _ := strings.Cut(reason, ": ")
		f := Finding{Cause: "delay", Title: fmt.Sprintf("%s wait for %s", count(n, "recipient"), maillog.Mask(where))}
		f.fact("%s", why)
		f.step("when the cause is gone, have Postfix try again", "postqueue -s "+quote(where))
		found = append(found, f)
	}
	return found
}

func (f *Finding) fact(form string, args ...any) {
	f.Facts = append(f.Facts, maillog.Mask(fmt.Sprintf(form, args...)))
}

func (f *Finding) step(why, command string) {
	f.Steps = append(f.Steps, Step{why, maillog.Mask(command)})
}

func count(n int, noun string, plural ...string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case len(plural) > 0:
		return fmt.Sprintf("%d %s%s", n, noun, plural[0])
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func total(t Table) (n int) {
	for _, m := range t {
		n += m
	}
	return n
}

// quote makes a word safe to be pasted into a shell.
func quote(word string) string {
	if word != "" && word[0] != '-' && strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@._+-/:") == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
