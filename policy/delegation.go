package policy

import "bytes"

// delegation is the protocol of check_policy_service on one connection.
type delegation struct {
	parser *parser
	answer func(*Request) Action
	fault  func(any)
}

// cut looks for the empty line that ends a request, in what was not looked at
// before.
func (d *delegation) cut(in []byte, looked int) (int, error) {
	if len(in) > 0 && in[0] == '\n' {
		return 1, nil // an empty request, which parse refuses
	}
	from := max(looked-1, 0)
	if i := bytes.Index(in[from:], []byte("\n\n")); i >= 0 {
		return from + i + 2, nil
	}
	return 0, nil
}

// reply answers one request. There must be one line, the empty one, and not a
// byte more: Postfix drops a connection on which it finds something that it
// didn't ask for (src/util/attr_clnt.c).
func (d *delegation) reply(request, out []byte) ([]byte, error) {
	if err := d.parser.parse(request); err != nil {
		return nil, err
	}
	out = append(out, "action="...)
	if text := d.ask().text; text != "" {
		out = append(out, text...)
	} else {
		out = append(out, "DUNNO"...)
	}
	return append(out, "\n\n"...), nil
}

// ask lets the caller decide. If that fails, the mail passes.
func (d *delegation) ask() (a Action) {
	defer func() {
		if p := recover(); p != nil {
			d.fault(p)
			a = Dunno()
		}
	}()
	return d.answer(&d.parser.request)
}
