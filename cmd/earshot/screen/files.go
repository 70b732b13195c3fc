package screen

import (
	"cmp"
	"context"
	"slices"

	"github.com/earshot-im/earshot/cmd/earshot/label"
	"github.com/earshot-im/earshot/cmd/earshot/words"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// Files is what a screen asks of the node about files.
type Files interface {
	ListFiles(context.Context, *earshotv1.ListFilesRequest) (*earshotv1.ListFilesResponse, error)
	AcceptFiles(context.Context, *earshotv1.FileRequest) (*earshotv1.FilesResponse, error)
	DeclineFiles(context.Context, *earshotv1.FileRequest) (*earshotv1.FilesResponse, error)
	PauseFiles(context.Context, *earshotv1.FileRequest) (*earshotv1.FilesResponse, error)
	CancelFiles(context.Context, *earshotv1.FileRequest) (*earshotv1.FilesResponse, error)
	DropFiles(context.Context, *earshotv1.FileRequest) (*earshotv1.FilesResponse, error)
	SaveFiles(context.Context, *earshotv1.SaveFilesRequest) (*earshotv1.FilesResponse, error)
	// Take is Add, whole: it takes in a file or folder, or a picture that is to be shown.
	Take(ctx context.Context, path string, picture bool) (*earshotv1.Added, error)
}

// Moved says how far files have come that are fetched, here or by others from here.
type Moved struct{ Transfers []*earshotv1.Transfer }

func (Moved) event() {}

// file names a file that is fetched.
type file struct {
	message string
	n       uint32
}

// moved notes how far files have come. Of one that has come to an end the stream of changes tells as well.
func (s *State) moved(all []*earshotv1.Transfer) {
	for _, t := range all {
		if t.Own {
			s.given(t)
			continue
		}
		of := file{t.Id, t.GetAttachment().GetN()}
		switch t.GetAttachment().GetState() {
		case "fetching", "paused":
			s.moving[of] = t.Attachment
		default:
			if saved := t.Attachment.GetSaved(); s.moving[of] != nil && len(saved) > 0 {
				s.Say(words.SavedAs + label.File(&earshotv1.Attachment{Name: saved[len(saved)-1]}))
			}
			delete(s.moving, of)
		}
	}
}

// gift names a file that somebody fetches from here.
type gift struct {
	file
	to string
}

// given notes how far a file has come at somebody else's. That it moves no longer is told once, without a rate.
func (s *State) given(t *earshotv1.Transfer) {
	of := gift{file{t.Id, t.GetAttachment().GetN()}, t.GetTo().GetPerson()}
	if delete(s.giving, of); t.Rate > 0 {
		s.giving[of] = t
	}
}

// Giving returns how far an own file has come at those who fetch it from here now, who has most of it first.
func (s *State) Giving(m *earshotv1.Message, a *earshotv1.Attachment) (all []*earshotv1.Transfer) {
	if !m.Own {
		return nil
	}
	for of, t := range s.giving {
		if of.file == (file{m.Id, a.N}) {
			all = append(all, t)
		}
	}
	slices.SortFunc(all, func(a, b *earshotv1.Transfer) int {
		return cmp.Or(cmp.Compare(b.Attachment.GetHad(), a.Attachment.GetHad()), cmp.Compare(a.To.GetPerson(), b.To.GetPerson()))
	})
	return all
}

// File returns an attachment of a message as it is now, as far as that was told.
func (s *State) File(m *earshotv1.Message, a *earshotv1.Attachment) *earshotv1.Attachment {
	if now := s.moving[file{m.Id, a.N}]; now != nil && (a.State == "fetching" || a.State == "paused") {
		return now
	}
	return a
}
