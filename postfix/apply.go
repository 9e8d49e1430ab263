package postfix

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
)

// Applied tells what Apply or Undo did.
type Applied struct {
	Backups []string // copies that were made
	Undone  []Change
	ByHand  []string // what could not be put back
}

// Apply makes a plan's changes: it copies each file beside itself, notes what
// Undo needs, lets postconf set one value at a time, and looks whether Postfix
// now asks what it shall and still finds its configuration sound. If not, the
// files are put back.
func (c *Config) Apply(ctx context.Context, p Plan, now time.Time) (Applied, error) {
	var done Applied
	if len(p.Changes) == 0 {
		return done, nil
	}
	r, text, err := c.record()
	if err != nil {
		return done, err
	}
	touched := make(map[string]file)
	for _, change := range p.Changes {
		touched[change.File()] = c.file(change.File())
	}
	for _, name := range slices.Sorted(maps.Keys(touched)) {
		backup, err := touched[name].backup(now)
		if err != nil {
			return done, err
		}
		done.Backups = append(done.Backups, backup)
		r.backedUp(name, touched[name], backup)
	}
	for _, change := range p.Changes {
		r.add(change, c.main.raw(change.Name), p.Want)
	}
	r.Changed = now
	if err := r.save(); err != nil {
		return done, err
	}
	if err := c.set(ctx, p); err != nil {
		return Applied{}, errors.Join(err, putBack(touched), r.back(text), removeAll(done.Backups))
	}
	if err := r.left(touched); err != nil {
		return done, err
	}
	return done, r.save()
}

// set makes the changes, and checks what became of them.
func (c *Config) set(ctx context.Context, p Plan) error {
	for _, change := range p.Changes {
		if err := c.setOne(ctx, change.Service, change.Name, change.After); err != nil {
			return err
		}
	}
	now, err := Read(ctx, c.asked, c.run)
	if err != nil {
		return err
	}
	if left := now.Plan(p.Want).Changes; len(left) > 0 {
		return fmt.Errorf("postfix: postconf has set %s, and it does not read so", left[0].Name)
	}
	return c.sound(ctx)
}

func (c *Config) setOne(ctx context.Context, service, name, value string) error {
	if service == "" {
		_, err := c.postconf(ctx, "-e", name+"="+value)
		return err
	}
	_, err := c.postconf(ctx, "-P", service+"/"+name+"="+value)
	return err
}

// sound asks Postfix whether it would start with this configuration.
func (c *Config) sound(ctx context.Context) error {
	_, err := c.run(ctx, "postfix", c.at("check")...)
	switch {
	case errors.Is(err, errSilent): // without a terminal it talks to the mail log only
		return fmt.Errorf("postfix: postfix check finds a fault (run it in a terminal to see which): %w", err)
	case err != nil:
		return fmt.Errorf("postfix: postfix check: %w", err)
	}
	return nil
}

// Reload lets the running Postfix read its configuration again. Sessions that
// are open keep the old one.
func (c *Config) Reload(ctx context.Context) error {
	if _, err := c.run(ctx, "postfix", c.at("reload")...); err != nil {
		return fmt.Errorf("postfix: postfix reload: %w", err)
	}
	return nil
}

func (c *Config) file(name string) file {
	if name == "main.cf" {
		return c.main
	}
	return c.master
}

// Undo takes back what Apply has changed. A file that nobody has touched since
// becomes again what it was, byte for byte; in one that was edited, the settings
// alone are put back, and what others added to our lists stays.
func (c *Config) Undo(ctx context.Context) (Applied, error) {
	var done Applied
	r, _, err := c.record()
	if err != nil {
		return done, err
	}
	if len(r.Changes) == 0 {
		return done, ErrNothing
	}
	whole := make(map[string]bool)
	for _, change := range r.Changes {
		name := change.File()
		if f := c.file(name); !whole[name] && r.untouched(name, f) {
			whole[name], err = restore(f.path, r.Backups[name])
			if err != nil {
				return done, err
			}
		}
		if !whole[name] {
			if err := c.undoOne(ctx, change, r.Want); err != nil {
				done.ByHand = append(done.ByHand, err.Error())
				continue
			}
		}
		done.Undone = append(done.Undone, change.Change)
	}
	if err := c.sound(ctx); err != nil {
		return done, err
	}
	if len(done.ByHand) > 0 {
		return done, nil // the record stays: what is left can be tried again
	}
	return done, os.Remove(r.path)
}

// ErrNothing says that there is no record of changes.
var ErrNothing = errors.New("nothing to undo")

// undoOne puts one setting back in a file that was edited since.
func (c *Config) undoOne(ctx context.Context, change recorded, want Want) error {
	where := change.File() + ": " + change.Name
	now, set := c.written[change.Name], true
	if change.Service == "" {
		_, set = c.written[change.Name]
	} else {
		where = "master.cf: " + change.Service + ": " + change.Name
		now, set = c.option(change.Service)
	}
	if !set {
		return nil // somebody took it away already
	}
	value, layout := change.Before, change.Raw
	if now != change.After {
		rest, err := without(now, want.items())
		if err != nil {
			return fmt.Errorf("%s = %s: %w (take our checks out by hand)", where, clean(now), err)
		}
		if rest == now {
			return nil // ours are gone already
		}
		if rest != change.Before {
			value, layout = rest, ""
		}
	}
	return c.putValue(ctx, change, value, layout)
}

// putValue writes a setting as it was: in its old layout where there is one, or
// not at all where it was not set.
func (c *Config) putValue(ctx context.Context, change recorded, value, layout string) error {
	switch {
	case change.Service != "":
		compact, err := compacted(value)
		if err != nil {
			return fmt.Errorf("master.cf: %s: %s: %w (write it by hand: %s)", change.Service, change.Name, err, clean(value))
		}
		return c.setOne(ctx, change.Service, change.Name, compact)
	case layout != "" || value == "" && !change.WasSet:
		return c.splice(change.Name, layout)
	}
	return c.setOne(ctx, "", change.Name, value)
}

// splice puts a setting of main.cf back as it was laid out; an empty layout
// takes it out. The file is read anew, since postconf may have written it.
func (c *Config) splice(name, layout string) error {
	f, err := readFile(c.main.path)
	if err != nil {
		return err
	}
	all := settings(f.text, mainName)
	if why := f.obstacle(all, name); why != "" {
		return fmt.Errorf("main.cf: %s: %s (put it back by hand)", name, why)
	}
	if layout != "" && !strings.HasSuffix(layout, "\n") {
		layout += "\n" // it was the file's last line
	}
	for _, s := range all {
		if s.name == name {
			return replace(f.path, slices.Concat(f.text[:s.from], []byte(layout), f.text[s.to:]))
		}
	}
	return nil
}

// option is a service's smtpd_data_restrictions in master.cf.
func (c *Config) option(service string) (string, bool) {
	for _, s := range c.Services {
		if s.Name == service && s.Own {
			return s.list, true
		}
	}
	return "", false
}
