package blocklist

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"
)

// AddressConfig is the section "addresses" of the rules file: the table of thieves'
// addresses.
type AddressConfig struct {
	File   string        `yaml:"file"`   // none: there is no such table
	Expire time.Duration `yaml:"expire"` // how long an address stays in it; 7d
	Most   int           `yaml:"most"`   // addresses at most; 5000
	Reply  string        `yaml:"reply"`  // what Postfix answers there
	Reload bool          `yaml:"reload"` // run postfix reload when it has changed
}

// Check says what is wrong with the section.
func (c AddressConfig) Check() error {
	switch {
	case c.File == "" && c != AddressConfig{}:
		return errors.New("file: none (write file: /etc/sendwarden/lists/addresses.cidr)")
	case c.File != "" && !filepath.IsAbs(c.File):
		return fmt.Errorf("file: %s: the path is not whole (write /etc/sendwarden/lists/addresses.cidr)", c.File)
	case c.Expire < 0 || c.Expire > 366*24*time.Hour:
		return fmt.Errorf("expire: %v (up to 366d)", c.Expire)
	case c.Most < 0 || c.Most > 100_000:
		return fmt.Errorf("most: %d (1 to 100000; an smtpd goes through them one by one)", c.Most)
	}
	return nil
}

// HeaderConfig is the section "header_checks" of the rules file: the blocklist as
// an old Postfix reads it.
type HeaderConfig struct {
	File   string `yaml:"file"`   // none: there is no such table
	Host   string `yaml:"host"`   // Postfix's myhostname, if it is not to be asked
	Reload bool   `yaml:"reload"` // run postfix reload when it has changed
}

// Check says what is wrong with the section.
func (c HeaderConfig) Check() error {
	switch {
	case c.File == "" && c != HeaderConfig{}:
		return errors.New("file: none (write file: /etc/sendwarden/lists/header_checks)")
	case c.File != "" && !filepath.IsAbs(c.File):
		return fmt.Errorf("file: %s: the path is not whole (write /etc/sendwarden/lists/header_checks)", c.File)
	}
	return nil
}
