package policy

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
)

const (
	// maxRequest bounds a request in bytes. No value is longer than an SMTP line
	// (line_length_limit, 2,048), and there are about thirty of them.
	maxRequest = 64 << 10
	// maxLines bounds it in attributes: Postfix 3.11 sends 32.
	maxLines = 200
)

// Request is what Postfix asks by check_policy_service. Values are bytes as
// they came: anything but a line feed may be in them, UTF-8 or not. What Postfix
// did not send is zero.
type Request struct {
	State    string // protocol_state: CONNECT, EHLO, HELO, MAIL, RCPT, DATA, END-OF-MESSAGE, VRFY or ETRN
	Protocol string // protocol_name: SMTP or ESMTP

	Addr       netip.Addr // client_address; not valid where Postfix doesn't know it
	ClientName string     // client_name: verified in the DNS, or "unknown"
	Helo       string     // helo_name: the client's own word

	Sender     string // not quoted, so it may hold blanks, commas and "="
	Recipient  string // at DATA and END-OF-MESSAGE only when there is one
	Recipients int    // recipient_count, known from DATA on

	QueueID  string // empty until a recipient was accepted
	Instance string // the same for all that is asked about one message
	Size     int64  // what MAIL FROM announced; at END-OF-MESSAGE what it is

	Method string // sasl_method, in the client's spelling
	User   string // sasl_username: who logged in; empty when nobody did. Not folded.
	// SASLSender is the AUTH= of MAIL FROM, in which also a client that never
	// logged in writes what it likes. It is never an identity.
	SASLSender string

	Context string // policy_context: what main.cf calls this question
}

// parser reads the requests of one connection. It remembers the last one:
// values that are the same again, as most are, cost no memory.
type parser struct {
	request           Request
	kind              string // request=
	addr, count, size string
	parsed            string // the addr that request.Addr was made of
}

// Attributes by number, as bits of what was seen.
const (
	attrKind = iota
	attrState
	attrProtocolName
	attrClientAddress
	attrClientName
	attrHelo
	attrSender
	attrRecipient
	attrRecipientCount
	attrQueueID
	attrInstance
	attrSize
	attrMethod
	attrUser
	attrSaslSender
	attrContext
	attributes // how many there are
)

// number is an attribute's number, or attributes for one that nobody uses.
func number(name []byte) int {
	switch string(name) {
	case "request":
		return attrKind
	case "protocol_state":
		return attrState
	case "protocol_name":
		return attrProtocolName
	case "client_address":
		return attrClientAddress
	case "client_name":
		return attrClientName
	case "helo_name":
		return attrHelo
	case "sender":
		return attrSender
	case "recipient":
		return attrRecipient
	case "recipient_count":
		return attrRecipientCount
	case "queue_id":
		return attrQueueID
	case "instance":
		return attrInstance
	case "size":
		return attrSize
	case "sasl_method":
		return attrMethod
	case "sasl_username":
		return attrUser
	case "sasl_sender":
		return attrSaslSender
	case "policy_context":
		return attrContext
	}
	return attributes
}

// fields are where the attributes are kept, by number.
func (p *parser) fields() [attributes]*string {
	r := &p.request
	return [...]*string{
		attrKind: &p.kind, attrState: &r.State, attrProtocolName: &r.Protocol, attrClientAddress: &p.addr, attrClientName: &r.ClientName,
		attrHelo: &r.Helo, attrSender: &r.Sender, attrRecipient: &r.Recipient, attrRecipientCount: &p.count, attrQueueID: &r.QueueID,
		attrInstance: &r.Instance, attrSize: &p.size, attrMethod: &r.Method, attrUser: &r.User, attrSaslSender: &r.SASLSender, attrContext: &r.Context,
	}
}

// Faults of a request. None of them is Postfix's, so the connection is cut.
var (
	errNoAttribute = errors.New("a line without \"=\"")
	errManyLines   = fmt.Errorf("more than %d lines in a request", maxLines)
	errNoRequest   = errors.New("no request=smtpd_access_policy")
)

// parse reads a request: lines that end in a line feed and nothing else, up to
// the empty one. There is no quoting (src/util/attr_print_plain.c writes
// "%s=%s\n"), so a name ends at the first "=", and "=" and carriage returns are
// part of the value. Of an attribute that comes twice the first counts.
func (p *parser) parse(body []byte) error {
	fields := p.fields()
	seen := uint32(0)
	for lines := 1; len(body) > 0 && body[0] != '\n'; lines++ {
		end := bytes.IndexByte(body, '\n')
		if end < 0 {
			end = len(body)
		}
		cut := bytes.IndexByte(body[:end], '=')
		switch {
		case cut < 0:
			return errNoAttribute
		case lines > maxLines:
			return errManyLines
		}
		if n := number(body[:cut]); n < attributes && seen&(1<<n) == 0 {
			seen |= 1 << n
			keep(fields[n], body[cut+1:end])
		}
		body = body[min(end+1, len(body)):]
	}
	for n, field := range fields {
		if seen&(1<<n) == 0 {
			*field = ""
		}
	}
	if p.kind != "smtpd_access_policy" {
		return errNoRequest
	}
	p.convert()
	return nil
}

// keep sets a field to a value, and allocates only for one that it doesn't
// have.
func keep(field *string, value []byte) {
	if *field != string(value) {
		*field = string(value)
	}
}

// convert fills in what is no text. What can't be read is as if it weren't
// there: Postfix writes "unknown" where it doesn't know the client's address.
func (p *parser) convert() {
	r := &p.request
	if p.addr != p.parsed {
		r.Addr, _ = netip.ParseAddr(p.addr) // on an error it is the zero Addr
		p.parsed = p.addr
	}
	r.Recipients, r.Size = 0, 0
	if n, err := strconv.Atoi(p.count); err == nil {
		r.Recipients = max(n, 0)
	}
	if n, err := strconv.ParseInt(p.size, 10, 64); err == nil {
		r.Size = max(n, 0)
	}
}
