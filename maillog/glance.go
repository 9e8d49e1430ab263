package maillog

import "bytes"

// Glimpse says what a line may be, before it is parsed.
type Glimpse uint8

const (
	// Nothing: the line makes no event.
	Nothing Glimpse = iota
	// Always: the line may make an event that counts whatever else is known
	// (submission, login, failed login, local), or stands in a framing that
	// only Parse takes apart (JSON).
	Always
	// OfMessage: the line may make an event about one message in the queue
	// (queued, delivery, removed, and a rejection or hold that has a queue id).
	OfMessage
	// Refused: the line may make a rejection that no message belongs to
	// (NOQUEUE), or tell of a message of a client where nobody logged in. Most are
	// spam at the door.
	Refused
)

// Glance says, for the price of a few comparisons, what a line may be. It keeps
// no state, so that a log can be looked over in parallel before the few lines
// that matter are parsed in order. It never says Nothing of a line that
// Parser.Parse would make an event of. queueID is a part of line, and set for
// OfMessage only.
func Glance(line []byte) (g Glimpse, queueID []byte) {
	if len(line) > MaxLine {
		return Nothing, nil
	}
	line = trimEnd(line)
	var f frame
	if !f.cut(line) {
		if len(line) > 0 && line[0] == '{' {
			return Always, nil
		}
		return Nothing, nil
	}
	var s sight
	f.look(&s)
	switch s.form {
	case nothing:
		return Nothing, nil
	case queuedForm, expiredForm, deliveryForm, removedForm:
		return OfMessage, s.id
	case rejectForm:
		if len(s.id) > 0 {
			return OfMessage, s.id
		}
		return Refused, nil
	case acceptedForm:
		return Refused, nil
	}
	return Always, nil
}

// form is the kind of text that a line seems to hold, judged by its beginning
// and end. Reading it may still find that it is not so.
type form uint8

const (
	nothing form = iota
	clientForm
	failureForm
	queuedForm
	expiredForm
	deliveryForm
	rejectForm
	removedForm
	pickupForm
	dovecotForm
	scriptForm
	acceptedForm
)

// sight is what look saw: the form, and the parts that it had to find for it.
type sight struct {
	form   form
	id     []byte // queue id; nil for NOQUEUE
	rest   []byte // the text after the queue id
	source Source
	repeat int
}

// look decides by program and text what the line may hold. Glance and Parse
// share it, which is why they agree.
func (f *frame) look(s *sight) {
	if i := bytes.LastIndexByte(f.tag, '/'); i > 0 {
		if r := roleOf(f.tag[i+1:]); r != none {
			f.lookPostfix(r, s)
			return
		}
	}
	if isExim(f.tag) {
		f.lookExim(s)
		return
	}
	text := f.dovecotText()
	if text == nil {
		f.lookPHP(s)
		return
	}
	text, times := cutRepeat(text)
	if _, ok := readDovecot(text); ok {
		*s = sight{form: dovecotForm, rest: text, source: Dovecot, repeat: times}
	}
}

// lookPostfix sorts the text of a Postfix program.
func (f *frame) lookPostfix(r role, s *sight) {
	text := f.text
	s.source, s.repeat = Postfix, 1
	if text[0] == 'm' {
		text, s.repeat = cutRepeat(text)
	}
	s.id, s.rest = cutQueueID(text)
	if s.rest == nil {
		if r == smtpd && seemsFailure(text) {
			s.form, s.rest = failureForm, text
		}
		return
	}
	s.form = r.formOf(s.rest)
	if len(s.id) == 0 && s.form != clientForm && s.form != rejectForm {
		s.form = nothing
	}
}

// formOf judges the text after a queue id.
func (r role) formOf(rest []byte) form {
	switch r {
	case qmgr:
		return managerForm(rest)
	case agent:
		if bytes.HasPrefix(rest, []byte("to=<")) {
			return deliveryForm
		}
	case smtpd:
		if bytes.HasPrefix(rest, []byte("client=")) {
			if _, tail := cutClient(rest[len("client="):]); bytes.HasPrefix(tail, []byte(", sasl_method=")) {
				return clientForm
			}
			return acceptedForm
		}
		return refusalForm(rest)
	case cleanup, postscreen:
		return refusalForm(rest)
	case postsuper:
		return removalForm(rest)
	case pickup:
		if bytes.HasPrefix(rest, []byte("uid=")) {
			return pickupForm
		}
	}
	return nothing
}

func managerForm(rest []byte) form {
	switch {
	case bytes.HasPrefix(rest, []byte("from=<")):
		if bytes.HasSuffix(rest, []byte(" (queue active)")) {
			return queuedForm
		}
		if bytes.HasSuffix(rest, []byte(", returned to sender")) {
			return expiredForm
		}
	case bytes.HasPrefix(rest, []byte("to=<")):
		return deliveryForm
	default:
		return removalForm(rest)
	}
	return nothing
}

// removalForm knows "removed", and the "removed (canceled)" that cleanup writes
// since Postfix 3.10 for a message that was begun and given up.
func removalForm(rest []byte) form {
	if tail, ok := bytes.CutPrefix(rest, []byte("removed")); ok && (len(tail) == 0 || tail[0] == ' ') {
		return removedForm
	}
	return nothing
}

// refusalForm knows "reject: ", "hold: ", "milter-reject: " and their like.
func refusalForm(rest []byte) form {
	if isRefusal(actionOf(rest)) {
		return rejectForm
	}
	return removalForm(rest)
}
