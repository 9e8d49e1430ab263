package main

import (
	"bufio"
	"fmt"
	"net/netip"

	"sendwarden/geo"
	"sendwarden/maillog"
	"sendwarden/words"

	"github.com/spf13/cobra"
)

type lookupCommand struct {
	setup
	json bool
}

func newLookup() *cobra.Command {
	var c lookupCommand
	cmd := &cobra.Command{
		Use:   "lookup IP…",
		Short: "Show what is known of an address",
		Args:  atLeast(1, "addresses"),
		RunE:  func(cmd *cobra.Command, args []string) error { return c.run(cmd, args) },
	}
	c.flags(cmd)
	cmd.Flags().BoolVar(&c.json, "json", false, "print one JSON object a line")
	return cmd
}

// placeOut is one line of `lookup --json`.
type placeOut struct {
	IP        string   `json:"ip"`
	Kind      string   `json:"kind"`
	Country   string   `json:"country,omitempty"`
	ASN       uint32   `json:"asn,omitempty"`
	Org       string   `json:"org,omitempty"`
	City      string   `json:"city,omitempty"`
	Latitude  *float64 `json:"latitude,omitempty"`
	Longitude *float64 `json:"longitude,omitempty"`
	Accuracy  float64  `json:"accuracy_km,omitempty"`
	Block     string   `json:"block"`
}

func (c *lookupCommand) run(cmd *cobra.Command, args []string) error {
	addrs := make([]netip.Addr, len(args))
	for i, arg := range args {
		addr, err := netip.ParseAddr(arg)
		if err != nil {
			return usageError{fmt.Errorf("%q is no address (write 192.0.2.1 or 2001:db8::1)", arg)}
		}
		addrs[i] = addr
	}
	rules, _, err := c.rules()
	if err != nil {
		return err
	}
	places, err := c.places(rules)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(cmd.OutOrStdout())
	defer out.Flush()
	if c.json {
		for _, addr := range addrs {
			writeJSON(out, newPlaceOut(places.Place(addr)))
		}
		return nil
	}
	var rows [][]string
	for _, addr := range addrs {
		p := places.Place(addr)
		rows = append(rows, []string{p.Addr.String(), p.Kind.String(), p.Country, maillog.Mask(p.City), words.Network(p), coordinates(p)})
	}
	words.Fit(rows, words.Width, 4, 3)
	return words.Table(out, rows)
}

func coordinates(p geo.Place) string {
	if !p.HasCoordinates {
		return ""
	}
	return fmt.Sprintf("%.2f, %.2f within %.0f km", p.Lat, p.Lon, p.Radius)
}

func newPlaceOut(p geo.Place) placeOut {
	out := placeOut{
		IP: p.Addr.String(), Kind: p.Kind.String(), Country: p.Country, ASN: p.ASN, Org: p.Org,
		City: p.City, Accuracy: p.Radius, Block: p.Block().String(),
	}
	if p.HasCoordinates {
		out.Latitude, out.Longitude = &p.Lat, &p.Lon
	}
	return out
}
