package main

import (
	"bufio"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"sendwarden/control"
	"sendwarden/maillog"
	"sendwarden/words"

	"github.com/spf13/cobra"
)

// trustCommand is how trust or untrust was called.
type trustCommand struct {
	actSetup
	countries, networks, asns []string
	until                     string
}

func (c *trustCommand) flags(cmd *cobra.Command) {
	c.actSetup.flags(cmd)
	c.whyFlag(cmd)
	cmd.Flags().StringSliceVar(&c.countries, "country", nil, "a country, by its `CODE` of two letters (repeat it for several)")
	cmd.Flags().StringSliceVar(&c.networks, "network", nil, "a network, as `192.0.2.0/24`")
	cmd.Flags().StringSliceVar(&c.asns, "asn", nil, "an operator's networks, as `AS3215`")
}

func newTrust() *cobra.Command {
	var c trustCommand
	cmd := &cobra.Command{
		Use:   "trust [USER]",
		Short: "Vouch for a place where a user may turn up, such as for a trip",
		Long: `Trust takes a place for familiar to one user, until a time: a country, a network or
an operator. What only the place was held against the user is gone at once, and
mail that waited for nothing else goes. Alone it shows what is trusted.

The word is about where the user is, not about what is sent: rules that ask how
much is sent, what bounces and who else was there see the place as it is.`,
		Example: "  sendwarden trust ana@example.es --country FR --until 2026-05-01\n  sendwarden trust ana@example.es --network 192.0.2.0/24 --reason 'branch office'",
		Args:    atMost(1, "one user name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.show(cmd)
			}
			now := time.Now()
			until, err := when("until", c.until, now, false)
			if err != nil {
				return err
			}
			if !until.IsZero() && !until.After(now) {
				return usageError{fmt.Errorf("--until %s: is past", c.until)}
			}
			acts, err := c.acts(control.TrustPlace, args[0], until)
			if err != nil {
				return err
			}
			if len(acts) == 0 {
				return usageError{errors.New("trust needs a place: --country, --network or --asn")}
			}
			return c.each(cmd, acts, func(a control.Act, _ control.Done) string {
				return fmt.Sprintf("%s may turn up in %s%s.", maillog.Mask(a.User), a.Trust.Place(), untilWords(a.Trust.Until))
			})
		},
	}
	c.flags(cmd)
	cmd.Flags().StringVar(&c.until, "until", "", "how long, as the last `DAY`, a time, or 10d (default: until it is taken back)")
	return cmd
}

func newUntrust() *cobra.Command {
	var c trustCommand
	cmd := &cobra.Command{
		Use:   "untrust USER",
		Short: "Take back what trust said",
		Long: `Untrust takes back what was said for a user: of the places that are named, or of
all. Days that the user spent there are still known.`,
		Args: exactly(1, "one user name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			acts, err := c.acts(control.Untrust, args[0], time.Time{})
			if err != nil {
				return err
			}
			if len(acts) == 0 {
				acts = []control.Act{{Kind: control.Untrust, User: args[0]}}
			}
			return c.each(cmd, acts, func(a control.Act, _ control.Done) string {
				if a.Trust == nil {
					return maillog.Mask(a.User) + " is trusted nowhere any more."
				}
				return fmt.Sprintf("%s is not trusted in %s any more.", maillog.Mask(a.User), a.Trust.Place())
			})
		},
	}
	c.flags(cmd)
	return cmd
}

// acts are one for each place that the flags name.
func (c *trustCommand) acts(kind control.Kind, user string, until time.Time) (acts []control.Act, err error) {
	var places []control.Trust
	for _, code := range c.countries {
		places = append(places, control.Trust{Country: code})
	}
	for _, network := range c.networks {
		places = append(places, control.Trust{Network: network})
	}
	for _, name := range c.asns {
		number, err := strconv.ParseUint(strings.TrimPrefix(strings.ToUpper(name), "AS"), 10, 32)
		if err != nil || number == 0 {
			return nil, usageError{fmt.Errorf("--asn %q: no AS number, such as AS3215", name)}
		}
		places = append(places, control.Trust{ASN: uint32(number)})
	}
	for _, place := range places {
		place.Until = until
		acts = append(acts, control.Act{Kind: kind, User: user, Trust: &place})
	}
	return acts, nil
}

func untilWords(t time.Time) string {
	if t.IsZero() {
		return ", until that is taken back"
	}
	return " until " + untilText(t)
}

// untilText is an end, by its last day where it is one of midnight's.
func untilText(t time.Time) string {
	t = t.Local()
	if h, m, s := t.Clock(); h+m+s == 0 {
		return "the end of " + t.AddDate(0, 0, -1).Format(time.DateOnly)
	}
	return t.Format(words.Stamp)
}

// show shows what is trusted.
func (c *trustCommand) show(cmd *cobra.Command) (err error) {
	if len(c.countries)+len(c.networks)+len(c.asns) > 0 || c.until != "" {
		return usageError{errors.New("trust needs a user name")}
	}
	d, end, err := c.doer(cmd.Context())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	trusts, err := d.Trusts(cmd.Context())
	if err != nil {
		return err
	}
	out := bufio.NewWriter(cmd.OutOrStdout())
	if c.asJSON {
		for _, t := range trusts {
			writeJSON(out, t)
		}
		return out.Flush()
	}
	if len(trusts) == 0 {
		fmt.Fprintln(out, "Nobody is trusted anywhere but where they usually are.\n`sendwarden trust USER --country FR --until 2026-05-01` vouches for a trip.")
		return out.Flush()
	}
	rows := [][]string{{"USER", "PLACE", "UNTIL"}}
	for _, t := range trusts {
		until := "it is taken back"
		if !t.Until.IsZero() {
			until = untilText(t.Until)
		}
		rows = append(rows, []string{maillog.Mask(t.User), t.Place(), until})
	}
	words.Fit(rows, words.Width, 0, 1)
	if err := words.Table(out, rows); err != nil {
		return err
	}
	return out.Flush()
}
