package up

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/earshot-im/earshot/cmd/earshot/service"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
	"github.com/earshot-im/earshot/store"
)

// system is a service that notes what it is asked to do.
type system struct {
	service.Service
	state service.State
	check error
	fails error
	asked []string
}

func (s *system) State() service.State        { return s.state }
func (s *system) Check(context.Context) error { return s.check }

func (s *system) Enable(context.Context) error {
	s.asked = append(s.asked, "enable")
	s.state.Enabled = s.fails == nil
	return s.fails
}

func (s *system) Disable(context.Context) error {
	s.asked = append(s.asked, "disable")
	s.state.Enabled = s.fails != nil
	return s.fails
}

// The system is asked for what is not so yet, where it can be, and the answer is how it is then.
func TestStartup(t *testing.T) {
	for name, test := range map[string]struct {
		system
		hidden bool
		set    bool
		asked  []string
		on     bool // then
		why    string
	}{
		"on":                      {set: true, asked: []string{"enable"}, on: true},
		"on already":              {system: system{state: service.State{Enabled: true}}, set: true, on: true},
		"off":                     {system: system{state: service.State{Enabled: true}}, asked: []string{"disable"}},
		"off already":             {},
		"unavailable":             {system: system{check: fmt.Errorf("%w: no bus", service.ErrUnavailable)}, set: true, why: "unavailable"},
		"path":                    {system: system{check: service.ErrPath}, set: true, why: "path"},
		"elsewhere":               {system: system{check: service.ErrElsewhere}, set: true, why: "elsewhere"},
		"foreign":                 {system: system{check: service.ErrForeign}, set: true, why: "foreign"},
		"for everyone":            {system: system{state: service.State{Enabled: true, Everyones: true}}, on: true, why: "everyones"},
		"passphrase":              {hidden: true, set: true, why: "passphrase"},
		"by another's passphrase": {system: system{state: service.State{Enabled: true}}, hidden: true, asked: []string{"disable"}},
		"fails":                   {system: system{fails: errors.New("Failed to enable unit in /home/ann")}, set: true, asked: []string{"enable"}, why: "failed"},
	} {
		s := &startup{service: &test.system, dir: t.TempDir(), hidden: test.hidden, turn: make(chan struct{}, 1)}
		before, err := s.GetStartup(t.Context(), nil)
		if err != nil || before.Enabled != test.state.Enabled || len(test.system.asked) > 0 {
			t.Errorf("%s: before: %v, %v; asked to %q", name, before, err, test.system.asked)
		}
		got, err := s.SetStartup(t.Context(), &earshotv1.SetStartupRequest{Enabled: test.set})
		if err != nil || got.Enabled != test.on || got.WhyNot != test.why || !slices.Equal(test.system.asked, test.asked) {
			t.Errorf("%s: %v, %v; asked to %q", name, got, err, test.system.asked)
		}
	}
}

// A node whose passphrase is in no file can't be started by the system, and one that has none can, whatever was
// given.
func TestHiddenPassphrase(t *testing.T) {
	for name, test := range map[string]struct {
		protected bool
		secret    string
		file      string
		want      bool
	}{
		"none":              {},
		"in a file":         {true, "right", "right", false},
		"elsewhere":         {true, "right", "", true},
		"given for nothing": {false, "right", "", false},
	} {
		dir := t.TempDir()
		made := ""
		if test.protected {
			made = test.secret
		}
		s, err := store.Open(store.Config{Dir: filepath.Join(dir, "node"), Passphrase: []byte(made)})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "right"), []byte(test.secret), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Chdir(dir)
		o := Options{Dir: filepath.Join(dir, "node"), PassphraseFile: test.file, Home: dir, Program: "/x"}
		if got := o.startup([]byte(test.secret)).hidden; got != test.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
