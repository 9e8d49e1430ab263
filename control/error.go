package control

import (
	"fmt"
	"net/http"
)

// Error is an answer to who asked for something that cannot be.
type Error struct {
	Status int // as in HTTP
	Text   string
}

func (e *Error) Error() string { return e.Text }

func invalid(format string, args ...any) error {
	return &Error{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

// NotFound says that there is no such user, message or trust.
func NotFound(format string, args ...any) error {
	return &Error{http.StatusNotFound, fmt.Sprintf(format, args...)}
}

// Conflict says that things stand otherwise than the act takes for granted.
func Conflict(format string, args ...any) error {
	return &Error{http.StatusConflict, fmt.Sprintf(format, args...)}
}
