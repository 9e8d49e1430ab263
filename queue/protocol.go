package queue

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// A client sends the server one line, and the server answers with one line for
// each message and a last one that says whether that was all:
//
//	> {"verb":"hold","user":"alice@example.es","ids":["A672A9BAA49","0000000000"]}
//	< {"id":"0000000000","outcome":"gone"}
//	< {"id":"A672A9BAA49","outcome":"held"}
//	< {"end":true}
//
// "all":true in place of the ids is all mail of that user, and the only form
// that the verb "list" has:
//
//	> {"verb":"list","user":"alice@example.es","all":true}
//	< {"mail":{"id":"A672A9BAA49","queue":"hold",…}}
//	< {"end":true}
//
// A fault ends the answer with {"error":"…"} in place of the end.

// maxRequest bounds a request in bytes, maxIDs the messages that it names.
const (
	maxRequest = 64 << 10
	maxIDs     = 1500 // of 32 bytes, two quotes and a comma: 52,500 bytes
)

// maxAnswer bounds a line of the answer in bytes, and so what a client keeps of
// what is no answer. The longest is a mail whose every byte JSON spells in six.
const maxAnswer = 64 << 10

type request struct {
	Verb string   `json:"verb"`
	User string   `json:"user"`
	IDs  []string `json:"ids,omitempty"`
	All  bool     `json:"all,omitempty"`
}

type answer struct {
	ID      string  `json:"id,omitempty"`
	Outcome Outcome `json:"outcome,omitempty"`
	Mail    *Mail   `json:"mail,omitempty"`
	End     bool    `json:"end,omitempty"`
	Error   string  `json:"error,omitempty"`
}

// parseRequest reads a request, and refuses what isn't one to the letter: the
// server does for whoever takes over the daemon what these lines say and
// nothing else.
func parseRequest(line []byte) (request, error) {
	var r request
	in := json.NewDecoder(bytes.NewReader(line))
	in.DisallowUnknownFields()
	if err := in.Decode(&r); err != nil {
		return request{}, fmt.Errorf("no request: %w", err)
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return request{}, errors.New("no request: there is more than one")
	}
	switch {
	case r.Verb != "hold" && r.Verb != "release" && r.Verb != "list":
		return request{}, fmt.Errorf("no request: the verb %q (hold, release or list)", mask(r.Verb, 40))
	case r.User == "" || len(r.User) > maxUser:
		return request{}, fmt.Errorf("no request: a user name of %d bytes (1 to %d)", len(r.User), maxUser)
	case r.All != (len(r.IDs) == 0):
		return request{}, errors.New(`no request: either "ids" or "all":true`)
	case r.Verb == "list" && !r.All:
		return request{}, errors.New("no request: list is of all the user's mail")
	case len(r.IDs) > maxIDs:
		return request{}, fmt.Errorf("no request: %d ids, above %d", len(r.IDs), maxIDs)
	}
	for _, id := range r.IDs {
		if !IsID(id) {
			return request{}, fmt.Errorf("no request: %q is no queue id", mask(id, maxID))
		}
	}
	return r, nil
}
