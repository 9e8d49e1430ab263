package queue

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"slices"
	"syscall"
	"time"
)

// Remote asks the [Server] at a socket to do what [Local] does.
type Remote struct {
	Socket string
}

// Hold is [Local.Hold].
func (r Remote) Hold(ctx context.Context, user string, ids []string) (Result, error) {
	return r.each(ctx, "hold", user, ids)
}

// Release is [Local.Release].
func (r Remote) Release(ctx context.Context, user string, ids []string) (Result, error) {
	return r.each(ctx, "release", user, ids)
}

// List is [Local.List].
func (r Remote) List(ctx context.Context, user string) ([]Mail, error) {
	_, mail, err := r.ask(ctx, request{Verb: "list", User: user, All: true})
	return mail, err
}

// each asks for so many ids at a time as a request may name.
func (r Remote) each(ctx context.Context, verb, user string, ids []string) (Result, error) {
	if ids == nil {
		result, _, err := r.ask(ctx, request{Verb: verb, User: user, All: true})
		return result, err
	}
	var result Result
	for part := range slices.Chunk(ids, maxIDs) {
		done, _, err := r.ask(ctx, request{Verb: verb, User: user, IDs: part})
		result = append(result, done...)
		if err != nil {
			return result, err
		}
	}
	return result, nil
}

// ask sends one request and reads its answer.
func (r Remote) ask(ctx context.Context, req request) (Result, []Mail, error) {
	line, err := json.Marshal(req)
	if err != nil {
		return nil, nil, fmt.Errorf("queue: %w", err)
	}
	if _, err := parseRequest(line); err != nil { // what the server would say
		return nil, nil, fmt.Errorf("queue: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, workTime+answerTime)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", r.Socket)
	if err != nil {
		return nil, nil, fmt.Errorf("queue: %s: %w", r.Socket, unreachable(err))
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // ends the wait
	defer stop()
	// A server that refuses to read has said why, and hung up.
	_, unsent := conn.Write(append(line, '\n'))
	result, mail, err := readAnswer(conn)
	if errors.Is(err, errBrokeOff) && unsent != nil {
		err = plain(unsent)
	}
	if err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	if err != nil {
		err = fmt.Errorf("queue: %s: %w", r.Socket, err)
	}
	return result, mail, err
}

var errBrokeOff = errors.New("queue-helper broke off")

// readAnswer reads an answer to its end. What came before a fault is returned
// beside it: those messages were held.
func readAnswer(conn io.Reader) (Result, []Mail, error) {
	var result Result
	var mail []Mail
	in := bufio.NewScanner(conn)
	in.Buffer(nil, maxAnswer)
	for in.Scan() {
		var a answer
		if err := json.Unmarshal(in.Bytes(), &a); err != nil {
			return result, mail, fmt.Errorf("no answer of queue-helper: %w", err)
		}
		switch {
		case a.End:
			return result, mail, nil
		case a.Error != "":
			return result, mail, errors.New(mask(a.Error, 2000))
		case a.Mail != nil:
			mail = append(mail, *a.Mail)
		default:
			result = append(result, Done{a.ID, a.Outcome})
		}
	}
	if err := in.Err(); err != nil && !errors.Is(err, syscall.ECONNRESET) {
		return result, mail, err
	}
	return result, mail, errBrokeOff
}

// unreachable says why there is no server, with the remedy.
func unreachable(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("no such socket (start sendwarden queue-helper as root)")
	case errors.Is(err, fs.ErrPermission):
		return errors.New("permission denied (ask as root, or as the user that queue-helper --user names)")
	}
	return fmt.Errorf("%w (does sendwarden queue-helper run?)", err)
}
