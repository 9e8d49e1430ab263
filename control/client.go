package control

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"syscall"
	"time"

	"sendwarden/socket"
)

// ErrAbsent says that no daemon listens at the socket.
var ErrAbsent = errors.New("no daemon listens there")

// Client is the [Service] of the daemon at a socket.
type Client struct {
	socket string
	sudo   string
	http   http.Client
}

// NewClient makes a client of the daemon at a socket. Sudo is whom it works for,
// if the process is root's.
func NewClient(path, sudo string) *Client {
	c := &Client{socket: path, sudo: sudo}
	c.http.Transport = &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		},
		MaxIdleConns: 1, MaxResponseHeaderBytes: maxHeader,
	}
	return c
}

// Close lets go of the connection.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Status is [Service.Status].
func (c *Client) Status(ctx context.Context) (s Status, err error) {
	return s, c.view(ctx, "status", nil, &s)
}

// Accounts is [Service.Accounts].
func (c *Client) Accounts(ctx context.Context) (a Accounts, err error) {
	return a, c.view(ctx, "accounts", nil, &a)
}

// Account is [Service.Account].
func (c *Client) Account(ctx context.Context, user string) (a Account, err error) {
	return a, c.view(ctx, "account", url.Values{"user": {user}}, &a)
}

// Crowd is [Service.Crowd].
func (c *Client) Crowd(ctx context.Context) (all Crowd, err error) {
	return all, c.view(ctx, "crowd", nil, &all)
}

// Trusts is [Service.Trusts].
func (c *Client) Trusts(ctx context.Context) (t []Trust, err error) {
	return t, c.view(ctx, "trusts", nil, &t)
}

// History is [Service.History].
func (c *Client) History(ctx context.Context, span Span) (r []Record, err error) {
	ask := url.Values{"user": {span.User}, "most": {strconv.Itoa(span.Most)}}
	if !span.Since.IsZero() {
		ask.Set("since", span.Since.Format(time.RFC3339))
	}
	return r, c.view(ctx, "history", ask, &r)
}

// Rules is [Service.Rules].
func (c *Client) Rules(ctx context.Context) (r []Rule, err error) {
	return r, c.view(ctx, "rules", nil, &r)
}

// ReviewLink is [Service.ReviewLink].
func (c *Client) ReviewLink(ctx context.Context) (link string, err error) {
	return link, c.ask(ctx, http.MethodPost, "review-link", nil, &link)
}

// Do is [Service.Do]. The daemon finds out by itself who asks.
func (c *Client) Do(ctx context.Context, _ Who, act Act) (done Done, err error) {
	if err := act.Check(); err != nil {
		return done, err
	}
	body, err := json.Marshal(act)
	if err != nil {
		return done, err
	}
	return done, c.ask(ctx, http.MethodPost, "acts", body, &done)
}

// maxLine bounds one line of a stream.
const maxLine = 256 << 10

// Watch is [Service.Watch].
func (c *Client) Watch(ctx context.Context, each func(Judged) error) error {
	response, err := c.send(ctx, http.MethodGet, "watch", nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		var j Judged
		if err := json.Unmarshal(lines.Bytes(), &j); err != nil {
			return fmt.Errorf("%s: no answer of sendwarden: %w", c.socket, err)
		}
		if err := each(j); err != nil {
			return err
		}
	}
	switch {
	case ctx.Err() != nil:
		return nil
	case lines.Err() != nil:
		return fmt.Errorf("%s: %w", c.socket, socket.Cause(lines.Err()))
	}
	return fmt.Errorf("%s: the daemon has stopped", c.socket)
}

func (c *Client) view(ctx context.Context, name string, ask url.Values, into any) error {
	if len(ask) > 0 {
		name += "?" + ask.Encode()
	}
	return c.ask(ctx, http.MethodGet, name, nil, into)
}

// maxAnswer bounds what a client keeps of an answer.
const maxAnswer = 64 << 20

// ask sends one request and reads the answer.
func (c *Client) ask(ctx context.Context, method, name string, body []byte, into any) error {
	ctx, cancel := context.WithTimeout(ctx, workTime+requestTime)
	defer cancel()
	response, err := c.send(ctx, method, name, body)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err == nil {
		err = json.Unmarshal(answer, into)
	}
	if err != nil {
		return fmt.Errorf("%s: no answer of sendwarden: %w", c.socket, err)
	}
	return nil
}

// send sends a request; what is answered is no error, and to be closed.
func (c *Client) send(ctx context.Context, method, name string, body []byte) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://sendwarden/v1/"+name, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/json")
	}
	if c.sudo != "" {
		request.Header.Set(forHeader, c.sudo)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, c.unreachable(err)
	}
	if response.StatusCode == http.StatusOK {
		return response, nil
	}
	defer response.Body.Close()
	var said struct{ Error string }
	text, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
	if err == nil && json.Unmarshal(text, &said) == nil && said.Error != "" {
		return nil, &Error{response.StatusCode, said.Error}
	}
	return nil, &Error{response.StatusCode, fmt.Sprintf("%s: %s", c.socket, response.Status)}
}

// unreachable says why there is no daemon, with the remedy.
func (c *Client) unreachable(err error) error {
	var failed *url.Error
	if errors.As(err, &failed) {
		err = failed.Err
	}
	err = socket.Cause(err)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%s: %w", c.socket, ErrAbsent)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s: %w (run the command as root, or as a member of the socket's group)", c.socket, err)
	}
	return fmt.Errorf("%s: %w", c.socket, err)
}
