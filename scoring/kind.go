package scoring

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// Kind is what sort of sender hands mail in. Users log in, and have places where
// they are at home. The others have none: what is counted of them is how much they
// send. Rules say which kind they are for (for:), users if they say nothing.
type Kind uint8

const (
	// Users log in (SASL).
	Users Kind = iota
	// Local accounts call sendmail(1): "uid:33" by Postfix's pickup, "local:www-data"
	// by Exim's U=.
	Local
	// Script is a program of a web site, by PHP's mail log: "script:/var/www/x.php".
	Script
	// Host is a client where nobody logged in: "host:192.0.2.1".
	Host
	// Total is all of them together: "total:".
	Total
)

var kindNames = map[string]Kind{"users": Users, "local": Local, "script": Script, "host": Host, "total": Total}

// KindOf tells a sender's kind by its name. A user whose log-in name begins like
// that of another kind is none of that kind: see Reserved.
func KindOf(sender string) Kind {
	prefix, _, _ := strings.Cut(sender, ":")
	switch prefix {
	case "uid", "local":
		return Local
	case "script":
		return Script
	case "host":
		return Host
	case "total":
		return Total
	}
	return Users
}

// Reserved tells whether a log-in name is written as another kind of sender is. Who
// has such a name can't be judged as a user.
func Reserved(user string) bool { return strings.Contains(user, ":") && KindOf(user) != Users }

// kinds is a set of them; the empty one is that of users.
type kinds uint8

func (k kinds) has(one Kind) bool { return k&(1<<one) != 0 || k == 0 && one == Users }

// Judges tells whether there is a rule for a kind.
func (r *Rules) Judges(k Kind) bool {
	for i := range r.Rules {
		if r.Rules[i].senders.has(k) {
			return true
		}
	}
	return false
}

// Judges tells whether there is a rule for a kind.
func (s *Scorer) Judges(k Kind) bool { return s.rules.Judges(k) }

// kinds reads "for: local" or "for: [local, script]".
func (r *reader) kinds(n *yaml.Node) (set kinds) {
	names := []string{"users", "local", "script", "host", "total"}
	r.list(n, "for", func(n *yaml.Node, name string) {
		k, known := kindNames[name]
		if !known {
			r.fault(n, "for: unknown kind of sender %q: it is users, local, script, host or total%s", name, Suggestion(name, names))
			return
		}
		set |= 1 << k
	})
	return set
}

// other judges a message of a sender who is no user, by how much it sends. Its
// verdict is Allow or Alarm: nothing of it can be held or refused by a blocklist of
// log-in names. Where users are, and how most of them send, it teaches nothing.
func (s *Scorer) other(sub *Submission, o Override) Verdict {
	now := sub.Time.Unix()
	u := s.user(sub.User, now)
	s.messages.tidy(now)
	if m := s.messages.again(sub); m != nil && sub.Message.ID != "" {
		return Verdict{User: sub.User, Time: sub.Time, Again: true}
	}
	l := &s.look
	l.aim(sub, u)
	l.kind, l.placed = KindOf(sub.User), false
	u.volume.add(l.now, tally{messages: 1})
	v := Verdict{User: sub.User, Time: sub.Time, Fired: s.asking.ask(l)}
	v.Score = u.scoreNow(l.now, s.rules.HalfLife)
	_, v.Limit = o.thresholds(s.rules)
	if v.Score >= v.Limit && v.Fired > 0 && !o.NeverBlock {
		v.Action = Alarm
	}
	if v.Fired > 0 {
		u.forgetReasons(l.now, s.rules.HalfLife)
		v.Reasons = append(v.Reasons, u.reasons...)
		v.Fired = min(v.Fired, len(v.Reasons))
		sent := u.volume.since(l.now - dayStep)
		v.Messages, v.Recipients = int(sent.messages), int(sent.recipients)
	} else if v.Score < 1 {
		u.reasons = nil
	}
	u.last = max(u.last, l.now)
	s.begin(sub, Allow, false)
	return v
}
