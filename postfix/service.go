package postfix

import "strings"

// Service is an smtpd that master.cf starts.
type Service struct {
	Name   string // as postconf -P names it: "submission/inet"
	Logins bool   // users may log in (smtpd_sasl_auth_enable)
	Chroot bool
	// Filtered says that smtpd_proxy_filter hands the mail on before it is
	// queued: Postfix then ignores HOLD (smtpd_check.c, can_delegate_action()).
	Filtered bool
	// Client is its smtpd_client_restrictions, with every "$name" replaced; empty
	// where it could not be told.
	Client string
	// Own says that master.cf gives it an smtpd_data_restrictions of its own,
	// so that main.cf's does not count.
	Own bool

	list  string // its smtpd_data_restrictions as written, main.cf's if not Own
	clear bool   // whether Restrictions could be told
	// Restrictions is the list with every "$name" replaced.
	Restrictions string
}

// Port is the name without the type, for people.
func (s Service) Port() string {
	return s.Name[:strings.LastIndexByte(s.Name, '/')]
}

// services reads the lines of postconf -M:
//
//	submission inet  n       -       y       -       -       smtpd -o syslog_name=…
//	service    type  private unpriv  chroot  wakeup  maxproc command + args
//
// and takes the -o options from those of postconf -P, which has cut them apart.
func (c *Config) services(lines string, options map[string]string) []Service {
	var found []Service
	for line := range strings.Lines(lines) {
		field := strings.Fields(line)
		if len(field) < 8 || field[7] != "smtpd" || field[1] != "inet" && field[1] != "pass" {
			continue
		}
		s := Service{Name: field[0] + "/" + field[1], Chroot: c.chrooted(field[4])}
		option := func(name string) (value string, own, clear bool) {
			written, own := options[s.Name+"/"+name]
			if !own {
				return c.inForce[name], false, true
			}
			value, clear = c.expand(written)
			return value, true, clear
		}
		login, _, clear := option("smtpd_sasl_auth_enable")
		s.Logins = login == "yes" || !clear // a doubt counts as yes: it is then looked at
		filter, _, clear := option("smtpd_proxy_filter")
		s.Filtered = filter != "" || !clear
		s.Restrictions, s.Own, s.clear = option(dataList)
		if s.Client, _, clear = option(clientList); !clear {
			s.Client = ""
		}
		s.list = c.written[dataList]
		if s.Own {
			s.list = options[s.Name+"/"+dataList]
		}
		found = append(found, s)
	}
	return found
}

// chrooted reads master.cf's fifth column. Its default was "y" before Postfix
// 3.0, and is still with a compatibility_level of 0.
func (c *Config) chrooted(column string) bool {
	if column != "-" {
		return column == "y"
	}
	level := c.inForce["compatibility_level"]
	return !c.Version.atLeast(withAdvanced) || level == "" || level == "0"
}

// Submission are the services that users log in at.
func (c *Config) Submission() []Service {
	var found []Service
	for _, s := range c.Services {
		if s.Logins {
			found = append(found, s)
		}
	}
	return found
}

// Standing is how what is wanted stands in the list that a service goes by, and
// the word of that list (or of what is wanted) that is the trouble.
func (c *Config) Standing(s Service, want Want) (Standing, string) {
	if !s.clear {
		return Unclear, s.list
	}
	want.Door, want.Socketmap = c.relative(want.Door), c.relative(want.Socketmap)
	f, err := look(s.Restrictions, want.items())
	if err != nil {
		return Unclear, s.Restrictions
	}
	return f.standing, f.word
}

// clientList is where addresses are shut out.
const clientList = "smtpd_client_restrictions"

// ShutsOut tells whether a service asks a table about its clients' addresses before
// it lets anybody past who has logged in.
func (s Service) ShutsOut(table string) bool {
	all, err := words(s.Client)
	if err != nil {
		return false
	}
	for i := range all {
		switch {
		case all[i].text == "permit_sasl_authenticated" || all[i].text == "permit":
			return false
		case strings.EqualFold(all[i].text, "check_client_access") && i+1 < len(all) && all[i+1].text == table:
			return true
		}
	}
	return false
}

// Sees tells whether a service's smtpd finds a socket where it is: a chrooted
// one sees only what is below the queue directory.
func (c *Config) Sees(s Service, address string) bool {
	return !s.Chroot || !unreachable(c.relative(address))
}

// LetsIn are the ports of the services at which users log in and that don't ask the
// table of thieves' addresses in a file.
func (c *Config) LetsIn(file string) (ports []string) {
	for _, s := range c.Submission() {
		if !s.ShutsOut("cidr:" + file) {
			ports = append(ports, s.Port())
		}
	}
	return ports
}

// ForAddresses is the option of a service of master.cf that has it ask that table.
// In main.cf it would refuse mail from outside, too.
func ForAddresses(file string) string {
	return "-o smtpd_client_restrictions=check_client_access,cidr:" + file + ",permit_sasl_authenticated,reject"
}
