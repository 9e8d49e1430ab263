//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sendwarden"

	"github.com/stretchr/testify/require"
)

// lastMonth is a rotated log: alice and bob at work in Spain, each day of the
// last four weeks.
func lastMonth(now time.Time) string {
	var log strings.Builder
	for day := 28; day > 0; day-- {
		for i, user := range []string{alice, bob, alice, bob, alice, bob} {
			at := now.AddDate(0, 0, -day).Add(time.Duration(i) * 10 * time.Minute)
			address := map[string]string{alice: spain, bob: spain6}[user]
			fmt.Fprintf(&log, "%s mail postfix/submission/smtpd[%d]: %02dA%02dF4: client=unknown[%s], sasl_method=PLAIN, sasl_username=%s\n",
				at.Format(time.Stamp), 100+day, day, i, address, user)
		}
	}
	return log.String()
}

// The rules that the program ships with stop a thief who sends a few messages
// from each of three countries, and nobody else.
func TestShippedRules(t *testing.T) {
	p := startPostfix(t, "lmdb")
	write(t, p.Log+".1", lastMonth(time.Now()))
	startDaemon(t, p, string(sendwarden.Rules))
	p.sends(t, alice, spain)
	p.sends(t, bob, spain6)
	for _, address := range []string{brazil, russia, nigeria} {
		thief := p.login(t, alice, address)
		for range 3 {
			thief.tries(t, alice)
		}
	}
	blocked(t, p, alice)
	p.login(t, alice, nigeria).refused(t, alice, "Sending is suspended for this account")
	arrives(t, p, alice, "alice")
	p.sends(t, bob, spain6)
	require.Empty(t, p.answer(bob))
}
