package maillog

import "bytes"

// About answers which message in the queue a line is about, and what its program
// says of that message. Unlike Read it knows any line of Postfix and Exim that
// begins with a message's id, also such as make no event:
//
//	postfix/cleanup[1183]: 4F1C2A3B4D: message-id=<x@pc.example.es>
//	postfix/bounce[1184]: 4F1C2A3B4D: sender non-delivery notification: 5D2E3F4A5B
//
// A line without an id gives a nil one.
func (w *Words) About() (id, text []byte, source Source) {
	f := &w.frame
	if i := bytes.LastIndexByte(f.tag, '/'); i > 0 {
		if roleOf(f.tag[i+1:]) == none {
			return nil, nil, 0
		}
		id, text = cutQueueID(f.text)
		if !isQueueID(id) {
			return nil, nil, 0
		}
		return id, text, Postfix
	}
	if !isExim(f.tag) || w.foreign {
		return nil, nil, 0
	}
	var s sight
	f.lookExim(&s)
	return s.id, s.rest, Exim
}

// Before answers the id that a message had before it came in under its present
// one: from a content filter that hands it on with XFORWARD, or out of
// postsuper -r, or, with Exim, that of the message whose bounce it is. The text is
// what About gives.
//
//	client=localhost[127.0.0.1], orig_queue_id=4F1C2A3B4D, orig_client=dsl80.isp.example[203.0.113.80]
//	uid=0 from=<root> orig_id=4F1C2A3B4D
//	<= <> R=1vMBxj-000abd-03 U=Debian-exim P=local S=1801
func Before(text []byte) (id []byte, ok bool) {
	if rest, isExim := bytes.CutPrefix(text, []byte("<= <> R=")); isExim {
		id, _ = cutEximID(rest)
		return id, len(id) > 0
	}
	if bytes.HasPrefix(text, []byte("uid=")) {
		_, id, ok = cutLast(text, "> orig_id=")
		return id, ok && isQueueID(id)
	}
	rest, ok := bytes.CutPrefix(text, []byte("client="))
	if !ok {
		return nil, false
	}
	_, tail := cutClient(rest)
	if id, ok = bytes.CutPrefix(tail, []byte(", orig_queue_id=")); !ok { // the client words what may stand between
		return nil, false
	}
	id, _, _ = bytes.Cut(id, []byte(","))
	return id, isQueueID(id)
}

// IsMessageID reports whether a word has the shape of a message's id in Postfix's
// or Exim's queue.
func IsMessageID(word string) bool {
	if id, _ := cutEximID([]byte(word + " ")); len(id) == len(word) {
		return true
	}
	return isQueueID([]byte(word))
}
