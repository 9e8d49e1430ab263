package maillog

var typeNames = [...]string{
	Submission:  "submission",
	Login:       "login",
	AuthFailure: "auth_failure",
	Queued:      "queued",
	Delivery:    "delivery",
	Reject:      "reject",
	Removed:     "removed",
	Local:       "local",
	Script:      "script",
	Accepted:    "accepted",
}

// String is the type's name in JSON output: "submission", "auth_failure" …
func (t Type) String() string {
	if int(t) < len(typeNames) && typeNames[t] != "" {
		return typeNames[t]
	}
	return "unknown"
}

// MarshalText writes the type as its name.
func (t Type) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// String is the source's name in JSON output: "postfix", "dovecot", "exim" or "php".
func (s Source) String() string {
	switch s {
	case Postfix:
		return "postfix"
	case Dovecot:
		return "dovecot"
	case Exim:
		return "exim"
	case PHP:
		return "php"
	}
	return "unknown"
}

// MarshalText writes the source as its name.
func (s Source) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
