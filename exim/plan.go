package exim

import (
	"fmt"
	"strings"
)

// Step is something to write into the configuration.
type Step struct {
	Place string `json:"place"` // where
	Lines string `json:"lines"`
	Why   string `json:"why"`
}

// The names of our ACLs: the check, and the one that has the site's own follow it.
const check, first = "acl_sendwarden", "acl_sendwarden_first"

// Asks tells whether Exim looks its senders up in the list: those of SMTP, and
// those of this host.
func (c *Config) Asks(list string) (mail, local bool) {
	if !strings.Contains(c.text, "lsearch{"+list+"}") {
		return false, false
	}
	return c.leads(c.MailACL), c.leads(c.LocalACL)
}

// leads tells whether an ACL looks at ours: it is one of ours, or names it, or has
// the look-up itself.
func (c *Config) leads(acl string) bool {
	if strings.HasPrefix(acl, check) {
		return true
	}
	_, body, found := strings.Cut(c.text, "\n"+acl+":\n")
	if acl == "" || !found {
		return false
	}
	for line := range strings.Lines(body) {
		if !strings.HasPrefix(line, " ") && !strings.HasPrefix(line, "#") && strings.HasSuffix(strings.TrimSpace(line), ":") || strings.HasPrefix(line, "begin ") {
			return false // the next one
		}
		if strings.Contains(line, check) || strings.Contains(line, "lsearch{") && strings.Contains(line, "blocklist") {
			return true
		}
	}
	return false
}

// Plan is what has to be written so that Exim asks the list, an absolute path, in
// the order of the configuration. None: it does.
func (c *Config) Plan(list string) ([]Step, error) {
	if strings.ContainsAny(list, "{}$\\ \t\n\"") {
		return nil, fmt.Errorf("%s: Exim's look-ups can't name what has blanks, braces, $ or \\ in it (name another with --blocklist)", clean(list))
	}
	mail, local := c.Asks(list)
	if mail && local {
		return nil, nil
	}
	var options, acls []string
	if !mail {
		options, acls = c.stage(options, acls, "acl_smtp_mail", c.MailACL)
	}
	if !local {
		options, acls = c.stage(options, acls, "acl_not_smtp", c.LocalACL)
	}
	acls = append([]string{checkACL(list)}, acls...)
	return []Step{
		{Place: c.optionsPlace(), Lines: strings.Join(options, "\n"), Why: c.optionsWhy(mail)},
		{Place: c.aclPlace(), Lines: strings.Join(acls, "\n\n"), Why: "looks up who logged in, or the local account that calls exim, and refuses who is on the list"},
	}, nil
}

// stage has one of Exim's stages ask: by our ACL alone, or by it and the site's.
func (c *Config) stage(options, acls []string, option, now string) (o, a []string) {
	name, value := option, check
	if c.Layout != OneFile && option == "acl_smtp_mail" {
		name = "MAIN_ACL_CHECK_MAIL" // Debian sets the option by this
	}
	switch {
	case strings.HasPrefix(now, check): // ours, with another list
		value = now
	case now != "":
		value = first
		if option == "acl_not_smtp" {
			value += "_local"
		}
		acls = append(acls, fmt.Sprintf("%s:\n  require acl = %s\n  require acl = %s\n  accept", value, check, clean(now)))
	}
	return append(options, name+" = "+value), acls
}

// checkACL is the ACL that looks senders up.
func checkACL(list string) string {
	lookup := "${lookup {${if def:sender_host_address {$authenticated_id}{local:$sender_ident}}}lsearch{" + list + "}"
	return check + `:
  deny
    condition = ${if exists{` + list + `}}
    condition = ` + lookup + `{yes}{no}}
    message = ` + lookup + `}
    log_message = sendwarden: ${if def:sender_host_address {$authenticated_id}{local:$sender_ident}} is on the blocklist
  accept`
}

func (c *Config) optionsPlace() string {
	switch c.Layout {
	case DebianOne:
		return "/etc/exim4/exim4.conf.localmacros"
	case DebianSplit:
		return "/etc/exim4/conf.d/main/000_sendwarden"
	}
	return c.File + `, above "begin acl"`
}

func (c *Config) optionsWhy(mail bool) string {
	why := "asks at MAIL, on every port, and of mail that PHP, cron and others hand in by calling exim"
	if !mail && c.MailACL != "" && c.Layout == OneFile {
		why += "; in place of the line that is there"
	}
	return why
}

func (c *Config) aclPlace() string {
	switch c.Layout {
	case DebianOne:
		return `/etc/exim4/exim4.conf.template, below "begin acl"`
	case DebianSplit:
		return "/etc/exim4/conf.d/acl/20_sendwarden"
	}
	return c.File + `, below "begin acl"`
}

// Reload is how the configuration comes into force.
func (c *Config) Reload() string {
	if c.Layout == OneFile {
		return "systemctl reload exim (or kill -HUP of the daemon)"
	}
	return "update-exim4.conf && systemctl reload exim4"
}
