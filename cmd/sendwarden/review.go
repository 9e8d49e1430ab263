package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newReview() *cobra.Command {
	var r reach
	cmd := &cobra.Command{
		Use:   "review",
		Short: "Print a link that opens the review page, once",
		Long: `Review asks the running daemon for a link to its review page. The link opens the
page in one browser and lasts for 15 minutes.

The page listens on loopback. From another computer, reach it through ssh:
  ssh -L 8025:127.0.0.1:8025 mail.example.com`,
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			rules, origin, err := r.rules()
			if err != nil {
				return err
			}
			client, _, err := r.client(cmd.Context(), origin, rules)
			if absent(err) {
				return fmt.Errorf("%w: the review page is the daemon's (start it with systemctl start sendwarden, or sendwarden run)", err)
			}
			if err != nil {
				return err
			}
			defer client.Close()
			link, err := client.ReviewLink(cmd.Context())
			if err == nil {
				fmt.Fprintln(cmd.OutOrStdout(), link)
			}
			return err
		},
	}
	r.flags(cmd)
	return cmd
}
