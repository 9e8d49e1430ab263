package alert

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// The configurations here mail by a program that is not there: what cannot be sent
// waits, and can be found in the Outbox.
func mails(to ...string) (c Config) {
	c.Sendmail = "/nonexistent/sendmail"
	for _, one := range to {
		c.Mail = append(c.Mail, Mail{To: []string{one}})
	}
	return c
}

func ways(d *Desk) (waiting []string) {
	for _, w := range d.Outbox().Waiting {
		waiting = append(waiting, w.Way+": "+w.Notice.User)
	}
	return waiting
}

// Who is told as before is told of what waited; what waited for others goes to
// those who come, or to the log.
func TestUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &journal{}
		d := New(mails("ana@example.es", "bob@example.es"), Options{Host: "mail.example.es", Log: log.logger(), Now: time.Now})
		stop := running(d)
		defer stop()
		d.Tell(block("x"))
		synctest.Wait()
		require.Equal(t, []string{"mail to ana@example.es: x", "mail to bob@example.es: x"}, ways(d))

		d.Use(mails("carol@example.es", "ana@example.es"))
		synctest.Wait()
		require.Equal(t, []string{"mail to carol@example.es: x", "mail to ana@example.es: x"}, ways(d))

		d.Tell(block("x"))
		require.Len(t, ways(d), 2, "it is known still")

		d.Use(Config{})
		synctest.Wait()
		require.Empty(t, ways(d))
		require.Contains(t, log.String(), `msg="an alert is not told: its way is not configured any more" way="mail to carol@example.es"`)
	})
}

// A message that is on its way is neither broken off nor sent again, and the hour's
// messages are counted on.
func TestUseWhileSending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &outside{takes: 10 * time.Second, began: time.Now()}
		d, _ := newDesk()
		d.Use(mails("ana@example.es"))
		d.ways[0].send = o.send
		stop := running(d)
		defer stop()
		d.Tell(block("x"))
		synctest.Wait()
		d.Use(Config{PerHour: 1, Mail: mails("ana@example.es").Mail})
		d.ways[0].send = o.send
		d.Tell(block("y"))
		time.Sleep(time.Minute)
		require.Equal(t, []string{"10s x is blocked"}, o.subjects())
		time.Sleep(58 * time.Minute)
		require.Len(t, o.subjects(), 1, "one an hour now")
		time.Sleep(3 * time.Minute)
		require.Equal(t, []string{"10s x is blocked", "1h0m20s y is blocked"}, o.subjects())

		d.Tell(block("z"))
		time.Sleep(58*time.Minute + 25*time.Second)
		d.Use(mails("bob@example.es")) // while z is on its way
		time.Sleep(time.Minute)
		require.Len(t, o.subjects(), 3)
		require.Empty(t, ways(d), "told already")
	})
}

// A way that comes and goes before anything runs loses nothing.
func TestUseBeforeRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, log := newDesk()
		d.Use(mails("ana@example.es"))
		d.Tell(block("x"))
		d.Use(mails("bob@example.es"))
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() { d.Run(ctx); close(done) }()
		synctest.Wait()
		cancel()
		<-done
		require.Equal(t, []string{"mail to bob@example.es: x"}, ways(d))
		require.NotContains(t, log.String(), "not configured")
	})
}
