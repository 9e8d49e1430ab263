package investigate

import (
	"fmt"
	"maps"
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
			found = append(found, q.finding(o, place))
		}
	}
	for _, a := range q.aliases() {
		found = append(found, q.ofAlias(a))
	}
	return append(found, q.delays()...)
}

// fills tells whether mail is enough of the queue to look at: a tenth of it, and
// more than a handful.
func (q *Inquiry) fills(messages, recipients int) bool {
	return messages >= 5 && messages*10 >= q.Messages || recipients >= 20 && recipients*10 >= q.Recipients
}

func (q *Inquiry) finding(o *Origin, place func(*Origin) string) Finding {
	f := Finding{Cause: string(o.Kind)}
	f.fact("%s to %s in the queue since %s, %d of them %s", count(o.Messages, "message"), count(o.Recipients, "recipient"),
		o.Oldest.Format("2006-01-02 15:04:05"), o.Held, q.server.Held)
	switch o.Kind {
	case User:
		o.user(&f, place)
	case Local:
		o.local(&f, q.server)
	case Host:
		o.host(&f, q.server, place)
	case Bounces:
		o.bounces(&f, q.server)
	default:
		f.Title = "Mail of which neither the queue nor the log tell who handed it in"
		f.step("run this as root, with the log that covers the time", "sendwarden investigate LOG")
	}
	if subjects := o.Subjects.Top(3); len(subjects) > 0 {
		f.fact("subjects: %s", strings.Join(subjects, " | "))
	}
	if id, queue := o.sample(); id != "" {
		f.step("look at one of them", q.server.look(id, queue))
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

func (o *Origin) local(f *Finding, server Server) {
	name, number := o.Name, ""
	if isNumber(name) {
		number = " (uid " + name + ")"
		if u, err := user.LookupId(name); err == nil {
			name = u.Username
		}
	}
	f.Title = fmt.Sprintf("The local account %s%s fills the queue", maillog.Mask(name), number)
	if scripts := o.Scripts.Top(3); len(scripts) > 0 {
		f.fact("made by %s, as the messages say (X-PHP-Originating-Script)", strings.Join(scripts, ", "))
	}
	o.forged(f, "")
	o.sofar(f)
	o.keep(f, server, "keep what waits from going out")
	server.stopAccount(f, name, o.Name == "0" || name == "root")
	if scripts := o.Scripts.Top(1); len(scripts) > 0 {
		f.step("find the script, and what else came with it", "find / -xdev -name "+quote(scriptFile(scripts[0]))+" -ls")
	} else {
		f.step("which program it is, the account's jobs and processes may tell", "crontab -l -u "+quote(name)+"; ps -fu "+quote(name))
		f.step("if it is a PHP site, have PHP name the script in each message: mail.add_x_header = On in php.ini", "")
	}
	f.step("see what went out", "sendwarden trace "+quote(strings.TrimPrefix(o.Key(), local)))
}

// keep says how to hold the mail, in each of the queues that it is in.
func (o *Origin) keep(f *Finding, server Server, why string) {
	if len(o.IDs) > 0 {
		f.step(why, server.hold(o.Key(), ""))
	}
	for _, queue := range slices.Sorted(maps.Keys(o.Named)) {
		f.step(fmt.Sprintf("%s, in the queue %s", why, queue), server.hold(o.Key(), queue))
	}
}

// scriptFile is the file of "33:form.php" or "example.es/form.php for 203.0.113.7".
func scriptFile(script string) string {
	if i := strings.IndexAny(script, " ("); i > 0 {
		script = script[:i]
	}
	return script[max(strings.LastIndexByte(script, '/'), strings.LastIndexByte(script, ':'))+1:]
}

func (o *Origin) host(f *Finding, server Server, place func(*Origin) string) {
	f.Title = fmt.Sprintf("The client %s, where nobody logged in, fills the queue", o.Name)
	f.fact("handed in from %s%s", o.Name, place(o))
	o.forged(f, "")
	o.keep(f, server, "keep what waits from going out")
	f.step("see what went out", "sendwarden trace "+o.Name)
	server.stopHost(f, o.Name)
}

func (o *Origin) bounces(f *Finding, server Server) {
	f.Title = "Bounces of this server fill the queue (back-scatter)"
	if domains := o.Domains.Top(5); len(domains) > 0 {
		f.fact("to %s, such as %s", count(len(o.Domains), "domain"), strings.Join(domains, ", "))
	}
	for _, cause := range o.Causes.Top(3) {
		f.fact("%s", cause)
	}
	f.fact("a server that takes mail and then can't deliver it writes to the sender, whose address is mostly forged")
	o.keep(f, server, "keep them from going out")
	server.refuseUnknown(f)
}

// aliases are those that make enough recipients to look at, the worst first.
func (q *Inquiry) aliases() []*Alias {
	for key, n := range q.made {
		if _, address, _ := strings.Cut(key, " "); n > 1 {
			q.alias(address, n)
		}
	}
	clear(q.made)
	var large []*Alias
	for _, a := range q.Aliases {
		if q.fills(0, a.Recipients) {
			large = append(large, a)
		}
	}
	slices.SortFunc(large, func(a, b *Alias) int { return b.Recipients - a.Recipients })
	return large[:min(len(large), most)]
}

func (q *Inquiry) ofAlias(a *Alias) Finding {
	f := Finding{Cause: "alias", Title: fmt.Sprintf("The alias %s multiplies mail", maillog.Mask(a.Address))}
	f.fact("%s to it became %s", count(a.Messages, "message"), count(a.Recipients, "recipient"))
	q.server.alias(&f, a.Address)
	return f
}

// delays are the destinations that put off enough to look at.
func (q *Inquiry) delays() []Finding {
	var found []Finding
	all := q.allDelays()
	for _, reason := range all.Top(most) {
		n := all[reason]
		if !q.fills(0, n) {
			break
		}
		where, why, _ := strings.Cut(reason, ": ")
		f := Finding{Cause: "delay", Title: fmt.Sprintf("%s wait for %s", count(n, "recipient"), maillog.Mask(where))}
		f.fact("%s", why)
		f.step(q.server.retry(where))
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
