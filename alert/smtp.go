package alert

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/smtp"
	"strings"
	"time"
)

// smarthost hands mail in to an SMTP server, without logging in. TLS is used
// when the server offers it; only with verify does its certificate have to be
// right, and TLS to be there: on the way to a host of one's own a certificate is
// seldom made out to the name that is dialled, and an alert in clear is better
// than none.
func smarthost(server, hello string, verify bool) transport {
	return func(ctx context.Context, from string, to []string, data []byte) error {
		if err := submit(ctx, smtpJob{server, hello, verify}, from, to, data); err != nil {
			if ctx.Err() != nil {
				err = ctx.Err()
			}
			return fmt.Errorf("smtp %s: %w", server, err)
		}
		return nil
	}
}

type smtpJob struct {
	server, hello string
	verify        bool
}

func submit(ctx context.Context, job smtpJob, from string, to []string, data []byte) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", job.server)
	if err != nil {
		return err
	}
	// Neither a slow server nor the end of the program leaves us waiting.
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	host, _, _ := net.SplitHostPort(job.server) // Check has read it
	c, err := smtp.NewClient(conn, host)
	if err != nil {
		_ = conn.Close()
		return err
	}
	defer c.Close() // after Quit it is closed already
	if err := greet(c, host, job); err != nil {
		return err
	}
	if err := c.Mail(from); err != nil {
		return err
	}
	var refused []string
	for _, address := range to {
		if err := c.Rcpt(address); err != nil {
			refused = append(refused, Clean(fmt.Sprintf("%s: %v", address, err), maxSaid))
		}
	}
	if len(refused) == len(to) {
		return fmt.Errorf("every recipient was refused: %s", strings.Join(refused, "; "))
	}
	if err := write(c, data); err != nil {
		return err
	}
	_ = c.Quit() // the mail is accepted; that the farewell fails changes nothing
	if len(refused) > 0 {
		return &refusedError{refused}
	}
	return nil
}

func greet(c *smtp.Client, host string, job smtpJob) error {
	if err := c.Hello(job.hello); err != nil {
		return err
	}
	if offered, _ := c.Extension("STARTTLS"); offered {
		return c.StartTLS(&tls.Config{ServerName: host, InsecureSkipVerify: !job.verify})
	}
	if job.verify {
		return fmt.Errorf("no STARTTLS is offered (tls: may does without)")
	}
	return nil
}

func write(c *smtp.Client, data []byte) error {
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(data); err != nil {
		return err
	}
	return w.Close() // the server's answer to the whole mail
}
