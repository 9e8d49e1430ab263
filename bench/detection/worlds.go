package main

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"sendwarden/simulate"
)

// kind is what all worlds of a measurement have in common.
type kind struct {
	cold, silent, shaken bool
	uncommon             bool
	vary                 string // PARAMETER=FACTOR
	users                int    // 0: as many as usual
}

// world invents the server of a seed, and names it.
func (k kind) world(seed uint64) (simulate.World, string, error) {
	w := simulate.Default(seed)
	name := fmt.Sprintf("seed-%d", seed)
	if k.shaken {
		w, name = w.Shaken(0.7), name+"-shaken"
	}
	if k.uncommon {
		w, name = w.Uncommon(), name+"-uncommon"
	}
	if k.cold {
		w.Cold, name = true, name+"-cold"
	}
	if k.silent {
		w.WithDovecot, name = false, name+"-nodovecot"
	}
	if k.users > 0 {
		w.Thefts = max(1, w.Thefts*k.users/w.Users)
		w.Users, name = k.users, fmt.Sprintf("%s-%d", name, k.users)
	}
	if k.vary == "" {
		return w, name, nil
	}
	parameter, factor, _ := strings.Cut(k.vary, "=")
	f, err := strconv.ParseFloat(factor, 64)
	if err != nil {
		return w, "", fmt.Errorf("-vary %s: want PARAMETER=FACTOR", k.vary)
	}
	varied, known := w.Vary(parameter, f)
	if !known {
		return w, "", fmt.Errorf("-vary %s: no such parameter; there are %s", k.vary, strings.Join(simulate.Parameters(), ", "))
	}
	return varied, name + "-" + parameter + "-" + factor, nil
}

// made is a world on disk.
type made struct {
	simulate.World
	dir   string
	truth simulate.Truth
}

func (m *made) file(name string) string { return filepath.Join(m.dir, name) }

// makeWorld writes a world, unless it is there already and was written by the
// same simulator.
func makeWorld(o options, seed uint64) (*made, error) {
	w, name, err := o.kind.world(seed)
	if err != nil {
		return nil, err
	}
	m := &made{World: w, dir: filepath.Join(o.data, name)}
	maker, err := fingerprint("simulate/*.go")
	if err != nil {
		return nil, err
	}
	last, err := os.ReadFile(m.file("maker"))
	if err == nil && string(last) == maker {
		text, err := os.ReadFile(m.file("truth.json"))
		if err != nil {
			return nil, err
		}
		return m, json.Unmarshal(text, &m.truth)
	}
	if err := os.RemoveAll(m.dir); err != nil {
		return nil, err
	}
	if m.truth, err = simulate.Dir(w, m.dir); err != nil {
		return nil, err
	}
	return m, os.WriteFile(m.file("maker"), []byte(maker), 0o644)
}

// fingerprint names the contents of some files of the checkout.
func fingerprint(pattern string) (string, error) {
	names, err := filepath.Glob(pattern)
	if err != nil {
		return "", err
	}
	if len(names) == 0 {
		return "", errors.New("to be run from the checkout's top: no " + pattern)
	}
	sum := sha256.New()
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return "", err
		}
		if _, err := io.WriteString(sum, filepath.Base(name)+"\n"+string(text)); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%.6x", sum.Sum(nil)), nil
}
