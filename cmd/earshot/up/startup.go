package up

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/earshot-im/earshot/cmd/earshot/service"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// systemTime is how long the system may take to say or change whether it starts the node.
const systemTime = 10 * time.Second

// startup says whether the system starts this node at login, and changes that. Callers get neither paths nor the
// words of the system, which have some.
type startup struct {
	service service.Service
	dir     string
	hidden  bool          // the node is protected, and its passphrase is in no file that a service could read
	turn    chan struct{} // holds one while the service is asked something
}

var _ earshotv1.StartupHandler = (*startup)(nil)

// startup returns what answers for the system.
func (o *Options) startup(secret []byte) *startup {
	c := service.Config{Program: o.Program, Dir: o.Dir, Home: o.Home}
	s := &startup{dir: o.Dir, hidden: o.PassphraseFile == "" && len(secret) > 0 && !unprotected(o.Dir), turn: make(chan struct{}, 1)}
	if o.PassphraseFile != "" {
		path, err := filepath.Abs(o.PassphraseFile)
		c.PassphraseFile, s.hidden = path, err != nil
	}
	s.service = service.Of(c)
	return s
}

func (s *startup) GetStartup(ctx context.Context, _ *earshotv1.GetStartupRequest) (*earshotv1.StartupResponse, error) {
	return s.ask(ctx, func(context.Context, *earshotv1.StartupResponse) {})
}

func (s *startup) SetStartup(ctx context.Context, r *earshotv1.SetStartupRequest) (*earshotv1.StartupResponse, error) {
	ctx = context.WithoutCancel(ctx) // a page may be closed at once, and half a change is none
	return s.ask(ctx, func(ctx context.Context, now *earshotv1.StartupResponse) {
		if now.WhyNot != "" || now.Enabled == r.Enabled {
			return
		}
		change := s.service.Disable
		if r.Enabled {
			change = s.service.Enable
		}
		now.WhyNot = whyNot(change(ctx))
		now.Enabled = s.service.State().Enabled
	})
}

// ask finds out how it is, and has more done then. There is one caller at a time.
func (s *startup) ask(ctx context.Context, more func(context.Context, *earshotv1.StartupResponse)) (*earshotv1.StartupResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, systemTime)
	defer cancel()
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	now := s.now(ctx)
	more(ctx, now)
	return now, nil
}

// now is how it is.
func (s *startup) now(ctx context.Context) *earshotv1.StartupResponse {
	state := s.service.State()
	r := &earshotv1.StartupResponse{Enabled: state.Enabled}
	switch {
	case service.OfSystem(s.dir) != "":
		r.WhyNot = "system"
	case state.Everyones:
		r.WhyNot = whyNot(service.ErrEveryones)
	case s.hidden && !state.Enabled:
		r.WhyNot = "passphrase"
	default:
		r.WhyNot = whyNot(s.service.Check(ctx))
	}
	return r
}

// whyNot is the error of a service as the local API calls it.
func whyNot(err error) string {
	for _, known := range []struct {
		is   error
		code string
	}{
		{service.ErrUnavailable, "unavailable"}, {service.ErrElsewhere, "elsewhere"}, {service.ErrForeign, "foreign"},
		{service.ErrEveryones, "everyones"}, {service.ErrPath, "path"},
	} {
		if errors.Is(err, known.is) {
			return known.code
		}
	}
	if err != nil {
		return "failed"
	}
	return ""
}
