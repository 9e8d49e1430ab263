package main

import (
	"fmt"
	"os"
	"slices"
	"testing"
)

// outside is a test's place for what is measured and no test: package redistest
// starts its servers for it, and what would fail a test ends the program.
type outside struct {
	testing.TB // nil: nothing else is asked of it
	dirs       int
	dir        string
	ends       []func()
	fault      string
}

// failure is what outside panics with.
type failure string

// during does something and undoes what it set up.
func during(do func(testing.TB)) (err error) {
	dir, err := os.MkdirTemp("", "cluster")
	if err != nil {
		return err
	}
	t := &outside{dir: dir}
	defer os.RemoveAll(dir)
	defer t.end()
	defer func() {
		switch what := recover().(type) {
		case nil:
		case failure:
			err = fmt.Errorf("%s", what)
		default:
			panic(what)
		}
	}()
	do(t)
	return nil
}

func (t *outside) end() {
	for _, end := range slices.Backward(t.ends) {
		end()
	}
}

func (*outside) Name() string                        { return "cluster" }
func (*outside) Helper()                             {}
func (t *outside) Cleanup(end func())                { t.ends = append(t.ends, end) }
func (t *outside) Errorf(format string, args ...any) { t.fault = fmt.Sprintf(format, args...) }
func (t *outside) FailNow()                          { panic(failure(t.fault)) }
func (*outside) Logf(format string, args ...any)     { fmt.Fprintf(os.Stderr, format+"\n", args...) }

func (t *outside) TempDir() string {
	t.dirs++
	name := fmt.Sprintf("%s/%d", t.dir, t.dirs)
	if err := os.Mkdir(name, 0o755); err != nil {
		panic(failure(err.Error()))
	}
	return name
}
