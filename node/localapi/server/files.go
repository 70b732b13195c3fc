package server

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"connectrpc.com/connect"

	"github.com/earshot-im/earshot/node/files"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
	"github.com/earshot-im/earshot/node/localapi/view"
	"github.com/earshot-im/earshot/store/event"
)

// Files is what the owner does with files and folders; *files.Room is one.
type Files interface {
	// Add takes in a file or folder, and tells how far it has come as often as it likes. It stops when
	// tell fails.
	Add(ctx context.Context, in files.Adding, tell func(read, size uint64) error) (files.Added, error)
	// Sendable returns what was taken in by these names, for chat.Outgoing. Each may be asked for several
	// times.
	Sendable(ctx context.Context, names []string) ([]event.Attachment, error)
	// List returns also whether there are others after these.
	List(ctx context.Context, page files.Page) ([]files.Attached, bool, error)
	// Each of these is for one attachment, or, where n is 0, all of a message.
	Accept(ctx context.Context, id event.ID, n int) ([]files.Attachment, error)
	Decline(ctx context.Context, id event.ID, n int) ([]files.Attachment, error)
	Pause(ctx context.Context, id event.ID, n int) ([]files.Attachment, error)
	Cancel(ctx context.Context, id event.ID, n int) ([]files.Attachment, error)
	Drop(ctx context.Context, id event.ID, n int) ([]files.Attachment, error)
	// Save is to a folder, "" for the usual one, and returns at once.
	Save(ctx context.Context, id event.ID, n int, to string) ([]files.Attachment, error)
	// Transfers tells what is on its way, of one message or of all, and then what has changed, until ctx
	// ends or tell fails; of one message also until nothing of it moves. While tell has not returned it
	// gathers: of what has changed meanwhile it tells each once, as it is then.
	Transfers(ctx context.Context, id *event.ID, tell func([]files.Transfer) error) error
	// Open gives the content of an attachment that is held, or of an own one.
	Open(ctx context.Context, id event.ID, n int) (files.Attachment, files.Content, error)
}

// pace is how much time lies at least between two answers about the same file. Eyes see no more, and a
// program that reads slowly has the node gather.
const pace = 250 * time.Millisecond

// filesService answers the calls of service Files.
type filesService struct{ files Files }

var _ earshotv1.FilesHandler = filesService{}

// Add tells how far it has come only now and then; the room tells it for each piece that was read.
func (s filesService) Add(ctx context.Context, r *earshotv1.AddRequest, stream *connect.ServerStream[earshotv1.AddResponse]) error {
	in := files.Adding{Path: r.Path, Keep: r.Keep, InPlace: r.InPlace, Picture: r.Picture, Voice: r.Voice, Anyway: r.Anyway}
	switch {
	case !filepath.IsAbs(r.Path):
		return fmt.Errorf("%w: the path of a file must be absolute", errInvalid)
	case r.Keep && r.InPlace, r.Picture && r.Voice:
		return fmt.Errorf("%w: keep and in_place, and picture and voice, exclude each other", errInvalid)
	}
	var last time.Time
	added, err := s.files.Add(ctx, in, func(read, size uint64) error {
		if now := time.Now(); now.Sub(last) >= pace {
			last = now
			return stream.Send(&earshotv1.AddResponse{Read: read, Size: size})
		}
		return nil
	})
	if err != nil {
		return err
	}
	size := added.Attachment.Size
	return stream.Send(&earshotv1.AddResponse{Read: size, Size: size, Added: view.Added(added)})
}

func (s filesService) ListFiles(ctx context.Context, r *earshotv1.ListFilesRequest) (*earshotv1.ListFilesResponse, error) {
	limit, err := pageLimit(r.Limit)
	if err != nil {
		return nil, err
	}
	before, err := optionalID(r.Before)
	if err != nil {
		return nil, err
	}
	page := files.Page{Who: r.Who, Waiting: r.Waiting, Limit: limit, Before: before}
	if r.Id != "" {
		id, err := eventID(r.Id)
		if err != nil {
			return nil, err
		}
		page = files.Page{Limit: 1, ID: &id}
	}
	all, more, err := s.files.List(ctx, page)
	if err != nil {
		return nil, err
	}
	kept := clipAttached(all)
	return &earshotv1.ListFilesResponse{Attached: view.Each(kept, view.Attached), More: more || len(kept) < len(all)}, nil
}

// clipAttached keeps at least one message, and no more than localapi.PageBytes.
func clipAttached(all []files.Attached) []files.Attached {
	size := 0
	for i := range all {
		for _, a := range all[i].Attachments {
			size += weight(len(a.Preview), len(a.Name), len(a.Wave), len(a.Saved))
		}
		if size > localapi.PageBytes && i > 0 {
			return all[:i]
		}
	}
	return all
}

// weight is about how many bytes of an answer an attachment takes.
func weight(preview, name, wave, saved int) int {
	const (
		rest = 128
		path = 256
	)
	return rest + preview + name + wave + path*saved
}

func (s filesService) AcceptFiles(ctx context.Context, r *earshotv1.FileRequest) (*earshotv1.FilesResponse, error) {
	return settle(ctx, r, s.files.Accept)
}

func (s filesService) DeclineFiles(ctx context.Context, r *earshotv1.FileRequest) (*earshotv1.FilesResponse, error) {
	return settle(ctx, r, s.files.Decline)
}

func (s filesService) PauseFiles(ctx context.Context, r *earshotv1.FileRequest) (*earshotv1.FilesResponse, error) {
	return settle(ctx, r, s.files.Pause)
}

func (s filesService) CancelFiles(ctx context.Context, r *earshotv1.FileRequest) (*earshotv1.FilesResponse, error) {
	return settle(ctx, r, s.files.Cancel)
}

func (s filesService) DropFiles(ctx context.Context, r *earshotv1.FileRequest) (*earshotv1.FilesResponse, error) {
	return settle(ctx, r, s.files.Drop)
}

func (s filesService) SaveFiles(ctx context.Context, r *earshotv1.SaveFilesRequest) (*earshotv1.FilesResponse, error) {
	if r.To != "" && !filepath.IsAbs(r.To) {
		return nil, fmt.Errorf("%w: the path of a folder must be absolute", errInvalid)
	}
	return settle(ctx, r, func(ctx context.Context, id event.ID, n int) ([]files.Attachment, error) {
		return s.files.Save(ctx, id, n, r.To)
	})
}

// settle does something to one attachment of a message, or to all.
func settle(ctx context.Context, r interface {
	GetId() string
	GetN() uint32
}, do func(context.Context, event.ID, int) ([]files.Attachment, error)) (*earshotv1.FilesResponse, error) {
	id, err := eventID(r.GetId())
	if err != nil {
		return nil, err
	}
	if r.GetN() > localapi.MaxFiles {
		return nil, fmt.Errorf("%w %d", files.ErrNoFile, r.GetN())
	}
	now, err := do(ctx, id, int(r.GetN()))
	return &earshotv1.FilesResponse{Attachments: view.Each(now, view.Attachment)}, err
}

// Transfers keeps nothing: the room gathers what changes while an answer is on its way, and until the next
// one is due.
func (s filesService) Transfers(ctx context.Context, r *earshotv1.TransfersRequest, stream *connect.ServerStream[earshotv1.TransfersResponse]) error {
	id, err := optionalID(r.Id)
	if err != nil {
		return err
	}
	next := time.NewTimer(0)
	defer next.Stop()
	return s.files.Transfers(ctx, id, func(all []files.Transfer) error {
		select {
		case <-next.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		next.Reset(pace)
		return stream.Send(&earshotv1.TransfersResponse{Transfers: view.Each(all, view.Transfer)})
	})
}
