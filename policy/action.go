package policy

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxText bounds what follows an action's keyword, in bytes. An SMTP reply has
// room for about 500 (src/smtpd/smtpd_chat.c cuts it at 510).
const maxText = 400

// Action is what Postfix is told to do: an action of access(5), of which there
// are here only those that let nothing through that Postfix would not let
// through by itself. OK, RELAY, a number alone (which means OK) or a
// restriction's name cannot be made: before reject_unauth_destination they would
// turn the server into an open relay. The zero Action is Dunno.
type Action struct{ text string }

// Dunno leaves the message to the restrictions that follow.
func Dunno() Action { return Action{} }

// Hold puts the message into Postfix's hold queue. The client sees success; the
// text is for Postfix's log. Postfix ignores it, and takes the message, where
// smtpd_proxy_filter is in use (src/smtpd/smtpd_check.c, can_delegate_action).
func Hold(text string) Action { return with("HOLD", text) }

// Reject refuses, by default with code 554. The text is for the client, and may
// begin with an enhanced status code such as 5.7.1.
func Reject(text string) Action { return with("REJECT", text) }

// Hangup refuses with code 421 and ends the session, so that the client cannot
// go on to its next message.
func Hangup(text string) Action { return code("421", text) }

// ParseAction reads an action as people write it, say in the blocklist: DUNNO,
// HOLD, REJECT, DEFER, DEFER_IF_PERMIT, or a code from 400 to 599, and a text.
func ParseAction(s string) (Action, error) {
	word, text, _ := strings.Cut(strings.Trim(s, " \t\r\n"), " ")
	switch upper := strings.ToUpper(word); {
	case upper == "DUNNO":
		return Dunno(), nil
	case upper == "HOLD" || upper == "REJECT" || upper == "DEFER" || upper == "DEFER_IF_PERMIT":
		return with(upper, text), nil
	case len(word) == 3 && (word[0] == '4' || word[0] == '5') && digit(word[1]) && digit(word[2]):
		return code(word, text), nil
	}
	return Action{}, fmt.Errorf("action %q: not among what the door answers (write REJECT, DEFER, HOLD, DUNNO or a code such as 421, and a text)",
		clean(word))
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// String is the action as it goes to Postfix.
func (a Action) String() string {
	if a.text == "" {
		return "DUNNO"
	}
	return a.text
}

func with(keyword, text string) Action {
	if text = clean(text); text != "" {
		keyword += " " + text
	}
	return Action{keyword}
}

// code makes an action of a reply code. It always has a text: digits alone mean
// OK.
func code(code, text string) Action {
	if text = clean(text); text == "" {
		text = "Access denied"
	}
	return Action{code + " " + text}
}

// clean makes one line of a text, whatever is in it: a line feed would end the
// answer, and what is no UTF-8 makes Postfix take its default action instead,
// by which the blocked could send. So a bad character becomes "?", and a text
// that is too long loses its end.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || r != ' ' && !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, strings.TrimSpace(text))
	if len(text) <= maxText {
		return text
	}
	end := maxText
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}
