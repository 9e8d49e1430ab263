package alert

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"time"
)

// maxSubject bounds a subject, in bytes before it is encoded.
const maxSubject = 160

// message is one mail, before it is written as RFC 5322 wants it.
type message struct {
	from    string
	to      []string
	subject string
	text    string
	time    time.Time
	id      string // what the Message-ID is made of: the same mail has the same
}

// bytes are the mail's, with CRLF at the ends of lines, in 7 bits. Such lines
// begin it:
//
//	From: <sendwarden@mail.example.es>
//	Subject: [Sendwarden] info@example.es is blocked, score 162.5 of 100
//	Auto-Submitted: auto-generated
//
// The last one keeps vacation programs from answering (RFC 3834, section 5).
func (m *message) bytes() []byte {
	var b bytes.Buffer
	header := func(name, value string) {
		b.WriteString(name + ": " + value + "\r\n")
	}
	to := make([]string, len(m.to))
	for i, address := range m.to {
		to[i] = angle(address)
	}
	header("From", angle(m.from))
	header("To", strings.Join(to, ",\r\n "))
	header("Subject", subject(m.subject))
	header("Date", m.time.Format(time.RFC1123Z))
	header("Message-ID", "<"+m.messageID()+">")
	header("Auto-Submitted", "auto-generated")
	header("MIME-Version", "1.0")
	header("Content-Type", "text/plain; charset=utf-8")
	header("Content-Transfer-Encoding", "quoted-printable")
	b.WriteString("\r\n")
	// Writes to a bytes.Buffer do not fail, and so these do not.
	w := quotedprintable.NewWriter(&b)
	_, _ = w.Write([]byte(strings.ReplaceAll(m.text, "\n", "\r\n")))
	_ = w.Close()
	return b.Bytes()
}

// angle writes an address as RFC 5322's angle-addr.
func angle(address string) string {
	return (&mail.Address{Address: address}).String()
}

// subject makes one header line's value of any words. In RFC 2047's encoding
// they can say anything; so words that only look encoded ("=?utf-8?Q?…?=", which
// the reader's program would decode) are broken first.
func subject(s string) string {
	s = strings.ReplaceAll(Clean(s, maxSubject), "=?", "=·?")
	return strings.ReplaceAll(mime.QEncoding.Encode("utf-8", s), "?= =?", "?=\r\n =?")
}

func (m *message) messageID() string {
	sum := sha256.Sum256([]byte(m.id + "\n" + m.from + "\n" + strings.Join(m.to, "\n")))
	_, domain, _ := strings.Cut(m.from, "@")
	return hex.EncodeToString(sum[:12]) + ".sendwarden@" + domain
}

// identity is what the Message-ID of a digest's mail is made of.
func (d *digest) identity() string {
	var b strings.Builder
	for i := range d.notices {
		b.WriteString(d.notices[i].ID() + "\n")
	}
	return b.String()
}
