package postfix

import (
	"fmt"
	"strings"
)

// Plan is what has to change in a configuration so that it asks what is wanted.
type Plan struct {
	Want    Want
	Changes []Change // what postconf can set; none when all is as it should be
	ByHand  []string // what a person has to do instead
	Notes   []string // what to know about this Postfix
}

// Change is one setting of main.cf, or one -o option of master.cf.
type Change struct {
	Service string `json:"service,omitempty"` // "submission/inet" in master.cf; empty for main.cf
	Name    string `json:"name"`
	Before  string `json:"before"` // as it was written
	WasSet  bool   `json:"was_set"`
	After   string `json:"after"`
	Parts   []Part `json:"-"`
}

// Part is a piece of a change's value, and what it is for.
type Part struct{ Text, Why string }

// File is the name of the file that is changed.
func (c Change) File() string {
	if c.Service == "" {
		return "main.cf"
	}
	return "master.cf"
}

// Plan compares what is configured to what is wanted.
func (c *Config) Plan(want Want) Plan {
	want.Door, want.Socketmap = c.relative(want.Door), c.relative(want.Socketmap)
	p := &planner{Config: c, Plan: Plan{Want: want}, done: make(map[string]bool)}
	if !c.Version.atLeast(withSASL) {
		p.old()
		return p.Plan
	}
	p.sockets()
	p.items = p.Want.items()
	p.main(dataList, "")
	for _, s := range c.Submission() {
		if s.Own {
			p.override(s)
		}
	}
	p.notes()
	return p.Plan
}

// planner makes one plan.
type planner struct {
	*Config
	Plan
	items []item
	done  map[string]bool // parameters of main.cf that are dealt with
}

func (p *planner) byHand(format string, a ...any) {
	p.ByHand = append(p.ByHand, fmt.Sprintf(format, a...))
}

func (p *planner) note(format string, a ...any) {
	p.Notes = append(p.Notes, fmt.Sprintf(format, a...))
}

// old is for a Postfix without check_sasl_access. A policy service is asked
// since 2.2 with the login name, and the generated header has it since 2.3.
func (p *planner) old() {
	p.byHand("Postfix %s has no check_sasl_access, which came with 2.11. Upgrade it, or let it refuse by the header that it writes itself "+
		"(smtpd_sasl_authenticated_header and header_checks): docs/header-checks.md says how, and what that can't do.", p.Release)
	if p.Want.Door != "" {
		p.byHand("The door: put check_policy_service %s first in smtpd_data_restrictions. This Postfix answers 451 to everybody while the daemon is down.", p.Want.Door)
	}
}

// sockets takes out of the plan what this Postfix would not reach.
func (p *planner) sockets() {
	for _, socket := range []*string{&p.Want.Door, &p.Want.Socketmap} {
		for _, s := range p.Submission() {
			if s.Chroot && unreachable(*socket) {
				p.byHand("%s: the smtpd of %s is locked into %s and does not see it. Let the daemon listen at inet:127.0.0.1:10045, or below %s.", *socket, s.Port(), p.Queue, p.Queue)
				*socket = ""
			}
		}
	}
	if p.Want.Door != "" && !p.Version.atLeast(withAdvanced) {
		p.byHand("The door: Postfix before 3.0 answers 451 to everybody while the daemon is down, so it is left out. If you want it nevertheless, "+
			"put check_policy_service %s behind the table in smtpd_data_restrictions.", p.Want.Door)
		p.Want.Door = ""
	}
}

// main plans a parameter of main.cf; service is whose option refers to it, if
// it is not what all services use.
func (p *planner) main(name, service string) {
	if p.done[name] {
		return
	}
	p.done[name] = true
	literal, set := p.written[name]
	change := Change{Name: name, Before: literal, WasSet: set}
	obstacle := p.Config.main.obstacle(settings(p.Config.main.text, mainName), name)
	p.list(change, p.inForce[name], obstacle)
}

// override plans a list that master.cf gives to one service.
func (p *planner) override(s Service) {
	if name, rest, ok := reference(strings.TrimPrefix(s.list, "$")); ok && rest == "" && strings.HasPrefix(s.list, "$") {
		if _, set := p.written[name]; set {
			p.main(name, s.Name)
			return
		}
	}
	change := Change{Service: s.Name, Name: dataList, Before: s.list, WasSet: true}
	if !s.clear {
		p.byHand("%s: master.cf sets %s = %s, which only Postfix understands: put %s first in it.", s.Port(), dataList, clean(s.list), p.wanted())
		return
	}
	p.list(change, s.Restrictions, p.master.obstacle(settings(p.master.text, masterName), s.Name))
}

// list plans one restriction list.
func (p *planner) list(change Change, expanded, obstacle string) {
	f, err := look(expanded, p.items)
	if err == nil && f.standing == InForce {
		return
	}
	where := "main.cf: " + change.Name
	if change.Service != "" {
		where = "master.cf: " + change.Service + ": " + change.Name
	}
	written, errWritten := look(change.Before, p.items)
	switch {
	case err != nil || errWritten != nil:
		p.byHand("%s = %s: %v. Put %s first in it.", where, clean(change.Before), errBraces, p.wanted())
		return
	case f.standing == WarnOnly:
		p.byHand("%s: before %s stands warn_if_reject, so that Postfix only warns. Take the word away when you mean it.", where, f.word)
		return
	case f.pairs > written.pairs:
		p.byHand("%s: our checks stand in what it refers to (%s), and not where they should. Put %s first.", where, clean(change.Before), p.wanted())
		return
	case obstacle != "":
		p.byHand("%s: %s. Put %s first in it.", where, obstacle, p.wanted())
		return
	}
	if err := p.rewrite(&change); err != nil {
		p.byHand("%s: %v. Put %s first in it.", where, err, p.wanted())
		return
	}
	p.Changes = append(p.Changes, change)
}

// rewrite puts our checks first, and what stood there behind them.
func (p *planner) rewrite(change *Change) error {
	rest, err := without(change.Before, p.items)
	if err != nil {
		return err
	}
	var texts []string
	between := ", "
	for _, it := range p.items {
		text := it.String()
		if change.Service != "" {
			text, between = it.compact(), ","
		}
		texts = append(texts, text)
		change.Parts = append(change.Parts, Part{text, it.why})
	}
	if change.Service != "" {
		if rest, err = compacted(rest); err != nil {
			return err
		}
	}
	if rest != "" {
		texts = append(texts, rest)
		change.Parts = append(change.Parts, Part{rest, "stays, behind them"})
	}
	change.After = strings.Join(texts, between)
	return nil
}

func (p *planner) wanted() string {
	var texts []string
	for _, it := range p.items {
		texts = append(texts, it.String())
	}
	return strings.Join(texts, ", ")
}

// notes tells what an administrator of this Postfix should know.
func (p *planner) notes() {
	services := p.Submission()
	if len(services) == 0 {
		p.note("No service of master.cf lets users log in (smtpd_sasl_auth_enable = yes): there is nobody to stop here.")
	}
	for _, s := range services {
		if s.Filtered {
			p.note("%s hands mail on before it is queued (smtpd_proxy_filter): Postfix ignores HOLD there, and lets the message pass. REJECT works.", s.Port())
		}
	}
	if p.Main("smtpd_delay_reject") == "no" {
		p.note("smtpd_delay_reject = no does not matter here: the list for DATA is always asked at DATA.")
	}
	if p.Main("soft_bounce") == "yes" {
		p.note("soft_bounce = yes turns every refusal into a delay (4xx): the blocked user's program tries again and again.")
	}
	for _, dir := range p.Instances {
		p.note("There is another Postfix instance. If users log in there: sendwarden setup postfix --postfix-config %s", dir)
	}
}
