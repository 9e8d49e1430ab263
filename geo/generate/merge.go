package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/inserter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
	"github.com/oschwald/maxminddb-golang/v2"
	"go4.org/netipx"
)

const (
	// databaseType must not begin with "GeoIP" or "GeoLite": the MaxMind DB
	// specification keeps those names for MaxMind.
	databaseType = "Sendwarden-Country-ASN"

	// v6Bits is the finest IPv6 network kept: a /48 is the most that one site
	// gets (RFC 6177), and the finer entries cost a tenth of the size.
	v6Bits = 48

	// maxOrg bounds an organisation's name, in bytes; the package cuts those of
	// other databases to the same.
	maxOrg = 64
)

// merge builds the database from the country database and the ASN tables.
func merge(countryFile []byte, asnFiles [][]byte) ([]byte, error) {
	tree, err := mmdbwriter.New(mmdbwriter.Options{
		BuildEpoch:          built.Unix(),
		DatabaseType:        databaseType,
		Description:         map[string]string{"en": "Country and autonomous system; sources and licences in Sendwarden's NOTICE"},
		DisableIPv4Aliasing: true, // the reader maps ::ffff:a.b.c.d itself
		Inserter:            inserter.TopLevelMergeWith,
		RecordSize:          24,
	})
	if err != nil {
		return nil, err
	}
	if err := insertCountries(tree, countryFile); err != nil {
		return nil, err
	}
	for _, f := range asnFiles {
		if err := insertNetworks(tree, f); err != nil {
			return nil, err
		}
	}
	var b bytes.Buffer
	_, err = tree.WriteTo(&b)
	return b.Bytes(), err
}

// insertCountries copies {"country_code": "ES"} for every network.
func insertCountries(tree *mmdbwriter.Tree, file []byte) error {
	db, err := maxminddb.OpenBytes(file)
	if err != nil {
		return err
	}
	for result := range db.Networks() {
		var r struct {
			Code string `maxminddb:"country_code"`
		}
		if err := result.Decode(&r); err != nil {
			return fmt.Errorf("country of %s: %w", result.Prefix(), err)
		}
		if len(r.Code) != 2 {
			continue
		}
		record := mmdbtype.Map{"country_code": mmdbtype.String(r.Code)}
		if err := insert(tree, netipx.RangeOfPrefix(result.Prefix()), record); err != nil {
			return err
		}
	}
	return nil
}

// insertNetworks adds the lines of a table to what the tree holds:
//
//	80.58.0.0,80.58.127.255,3352,TELEFONICA DE ESPANA S.A.U.
func insertNetworks(tree *mmdbwriter.Tree, file []byte) error {
	lines := csv.NewReader(bytes.NewReader(file))
	lines.FieldsPerRecord = 4
	lines.ReuseRecord = true
	for {
		line, err := lines.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		addrs, err := netipx.ParseIPRange(line[0] + "-" + line[1])
		if err != nil {
			return err
		}
		asn, err := strconv.ParseUint(line[2], 10, 32)
		if err != nil {
			return fmt.Errorf("network of %s: %w", line[0], err)
		}
		if asn == 0 {
			continue
		}
		record := mmdbtype.Map{"autonomous_system_number": mmdbtype.Uint32(asn)}
		if org := clip(line[3]); org != "" {
			record["autonomous_system_organization"] = mmdbtype.String(org)
		}
		if err := insert(tree, addrs, record); err != nil {
			return err
		}
	}
}

// insert puts record at all of addrs but the reserved networks.
func insert(tree *mmdbwriter.Tree, addrs netipx.IPRange, record mmdbtype.Map) error {
	first, last := addrs.From(), addrs.To()
	if first.Is6() {
		first, last = coarsen(first, last)
		if !first.IsValid() || last.Less(first) {
			return nil
		}
	}
	for _, prefix := range netipx.IPRangeFrom(first, last).Prefixes() {
		err := tree.Insert(netipx.PrefixIPNet(prefix), record)
		if reserved := (*mmdbwriter.ReservedNetworkError)(nil); errors.As(err, &reserved) {
			continue // package geo never tells a place of these
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// coarsen gives the networks of v6Bits whose first address lies between first
// and last: each network is told as its first address is.
func coarsen(first, last netip.Addr) (netip.Addr, netip.Addr) {
	start := netipx.RangeOfPrefix(netip.PrefixFrom(first, v6Bits).Masked())
	if start.From() != first {
		first = start.To().Next()
	}
	return first, netipx.RangeOfPrefix(netip.PrefixFrom(last, v6Bits).Masked()).To()
}

// clip bounds a name and leaves out what cannot be printed.
func clip(name string) string {
	name = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.TrimSpace(name))
	for len(name) > maxOrg {
		_, size := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-size]
	}
	return strings.TrimSpace(name)
}

// extract returns one file of a .tgz.
func extract(tgz []byte, name string) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(tgz))
	if err != nil {
		return nil, err
	}
	files := tar.NewReader(z)
	for {
		header, err := files.Next()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if header.Name == name {
			return io.ReadAll(files)
		}
	}
}
