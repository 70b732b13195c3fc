package server

import (
	"context"
	"fmt"
	"sync"
	"time"

	"connectrpc.com/connect"
	"golang.org/x/sync/errgroup"

	"github.com/earshot-im/earshot/node"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
	"github.com/earshot-im/earshot/node/localapi/view"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/node/quiet"
)

// Node is the running node itself; *node.Node is one.
type Node interface {
	Status(ctx context.Context) (node.Status, error)
	// Down asks the node to end and does not wait for it.
	Down()
	// Starved takes in that a caller can't be answered because the process has no file descriptors
	// left. It may be called often.
	Starved(err error)
	Peers(ctx context.Context) ([]node.Peer, error)
	// Finding says how others are found now, and what stands in the way.
	Finding() node.Finding
	// Changed and PeersChanged return their counter as soon as it is past after.
	Changed(ctx context.Context, after uint64) (uint64, error)
	PeersChanged(ctx context.Context, after uint64) (uint64, error)
}

// Owner is the owner's name and settings; *people.Owner is one.
type Owner interface {
	Me(ctx context.Context) (people.Me, error)
	SetName(ctx context.Context, name string) error
	SetAccept(ctx context.Context, accept string) error
	SetReadReceipts(ctx context.Context, on bool) error
	SetTyping(ctx context.Context, on bool) error
	SetPresence(ctx context.Context, on bool) error
	SetAlerts(ctx context.Context, how string) error
	SetQuietHours(ctx context.Context, hours []quiet.Hours) error
	SetQuietUntil(ctx context.Context, until time.Time) error
	SetFiling(ctx context.Context, to people.FilingChange) error
	// RecoveryWords returns the words of the recovery key, and ForgetRecovery takes it off the disk.
	RecoveryWords() ([]string, error)
	ForgetRecovery(ctx context.Context) error
	SetRecoveryLater(ctx context.Context, later time.Time) error
}

// nodeService answers the calls of service Node.
type nodeService struct {
	node  Node
	owner Owner
}

var _ earshotv1.NodeHandler = nodeService{}

func (s nodeService) Status(ctx context.Context, _ *earshotv1.StatusRequest) (*earshotv1.StatusResponse, error) {
	v, err := s.node.Status(ctx)
	return &earshotv1.StatusResponse{
		Person:    v.Person.String(),
		Name:      v.Name,
		Device:    v.Device.String(),
		Version:   v.Version,
		Listening: v.Listening,
		Peers:     uint32(v.Peers),
		Outbox:    uint32(v.Outbox),
		Warnings:  view.Each(v.Warnings, view.Warning),
		Unread:    uint32(v.Unread),
		Requests:  uint32(v.Requests),
		Online:    uint32(v.Online),
		Known:     uint32(v.Known),
		Finding:   view.Finding(v.Finding),
	}, err
}

func (s nodeService) Down(context.Context, *earshotv1.DownRequest) (*earshotv1.DownResponse, error) {
	s.node.Down()
	return &earshotv1.DownResponse{}, nil
}

func (s nodeService) Me(ctx context.Context, _ *earshotv1.MeRequest) (*earshotv1.MeResponse, error) {
	v, err := s.owner.Me(ctx)
	return view.Me(v), err
}

// UpdateMe sets one after the other, and ends at the first that is not allowed.
func (s nodeService) UpdateMe(ctx context.Context, r *earshotv1.UpdateMeRequest) (*earshotv1.MeResponse, error) {
	if r.Name != nil {
		if err := s.owner.SetName(ctx, *r.Name); err != nil {
			return nil, err
		}
	}
	if r.Accept != nil {
		if err := s.owner.SetAccept(ctx, *r.Accept); err != nil {
			return nil, err
		}
	}
	if r.ReadReceipts != nil {
		if err := s.owner.SetReadReceipts(ctx, *r.ReadReceipts); err != nil {
			return nil, err
		}
	}
	if r.Typing != nil {
		if err := s.owner.SetTyping(ctx, *r.Typing); err != nil {
			return nil, err
		}
	}
	if r.Presence != nil {
		if err := s.owner.SetPresence(ctx, *r.Presence); err != nil {
			return nil, err
		}
	}
	if r.Alerts != nil {
		if err := s.owner.SetAlerts(ctx, *r.Alerts); err != nil {
			return nil, err
		}
	}
	if r.QuietHours != nil {
		if err := s.owner.SetQuietHours(ctx, view.Each(r.QuietHours.QuietHours, quietHours)); err != nil {
			return nil, err
		}
	}
	if r.QuietUntil != nil {
		if err := r.QuietUntil.CheckValid(); err != nil {
			return nil, fmt.Errorf("%w: quiet until: %w", errInvalid, err)
		}
		if err := s.owner.SetQuietUntil(ctx, r.QuietUntil.AsTime()); err != nil {
			return nil, err
		}
	}
	if filing := (people.FilingChange{Auto: r.FilesAuto, Dir: r.FilesDir, Keep: r.FilesKeep, Max: r.FilesMax}); filing != (people.FilingChange{}) {
		if err := s.owner.SetFiling(ctx, filing); err != nil {
			return nil, err
		}
	}
	if r.RecoveryLater != nil {
		if err := r.RecoveryLater.CheckValid(); err != nil {
			return nil, fmt.Errorf("%w: recovery later: %w", errInvalid, err)
		}
		if err := s.owner.SetRecoveryLater(ctx, r.RecoveryLater.AsTime()); err != nil {
			return nil, err
		}
	}
	return s.Me(ctx, nil)
}

func (s nodeService) RecoveryWords(context.Context, *earshotv1.RecoveryWordsRequest) (*earshotv1.RecoveryWordsResponse, error) {
	words, err := s.owner.RecoveryWords()
	return &earshotv1.RecoveryWordsResponse{Words: words}, err
}

func (s nodeService) ForgetRecoveryWords(ctx context.Context, _ *earshotv1.ForgetRecoveryWordsRequest) (*earshotv1.MeResponse, error) {
	if err := s.owner.ForgetRecovery(ctx); err != nil {
		return nil, err
	}
	return s.Me(ctx, nil)
}

func quietHours(h *earshotv1.QuietHours) quiet.Hours {
	return quiet.Hours{Days: view.Each(h.GetDays(), func(d uint32) int { return int(d) }), From: int(h.GetFrom()), To: int(h.GetTo())}
}

// Watch keeps one answer ready and replaces it while the caller is not reading.
func (s nodeService) Watch(ctx context.Context, _ *earshotv1.WatchRequest, stream *connect.ServerStream[earshotv1.WatchResponse]) error {
	var mu sync.Mutex
	var now earshotv1.WatchResponse // guarded by mu
	ready := make(chan struct{}, 1)
	follow := func(ctx context.Context, next func(context.Context, uint64) (uint64, error), at *uint64) error {
		for n := uint64(0); ; {
			var err error
			if n, err = next(ctx, n); err != nil {
				return err
			}
			mu.Lock()
			*at = n
			mu.Unlock()
			select {
			case ready <- struct{}{}:
			default:
			}
		}
	}
	group, ctx := errgroup.WithContext(ctx) // all end with ctx, which the first error ends
	group.Go(func() error { return follow(ctx, s.node.Changed, &now.Changed) })
	group.Go(func() error { return follow(ctx, s.node.PeersChanged, &now.Peers) })
	group.Go(func() error {
		for {
			mu.Lock()
			answer := &earshotv1.WatchResponse{Changed: now.Changed, Peers: now.Peers}
			mu.Unlock()
			if err := stream.Send(answer); err != nil {
				return err
			}
			select {
			case <-ready:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	})
	return group.Wait()
}
