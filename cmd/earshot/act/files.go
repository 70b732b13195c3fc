package act

import (
	"context"
	"strings"

	"github.com/earshot-im/earshot/cmd/earshot/attachment"
	"github.com/earshot-im/earshot/cmd/earshot/frame"
	"github.com/earshot-im/earshot/cmd/earshot/room"
	"github.com/earshot-im/earshot/cmd/earshot/screen"
	"github.com/earshot-im/earshot/cmd/earshot/transfer"
	"github.com/earshot-im/earshot/cmd/earshot/words"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// fileCommands are those about files and folders.
var fileCommands = []entry{
	{"file", "PATH", "send a file or folder", func(s *screen.State, a string) []screen.Act { return sendFile(s, a, false) }},
	{"file picture", "PATH", "send a picture to be shown, without place and device", func(s *screen.State, a string) []screen.Act { return sendFile(s, a, true) }},
	{"files", "", "the files of this conversation; there you can accept, save or decline them", func(s *screen.State, _ string) []screen.Act { return files(s) }},
	{"files accept", "", "have the files of their last message fetched", ofFiles(screen.API.AcceptFiles)},
	{"files cancel", "", "end fetching them", ofFiles(screen.API.CancelFiles)},
	{"files decline", "", "say that you don't want them", ofFiles(screen.API.DeclineFiles)},
	{"files drop", "", "delete the copy that is kept of them", ofFiles(screen.API.DropFiles)},
	{"files pause", "", "hold up what is fetched of them", ofFiles(screen.API.PauseFiles)},
	{"files resume", "", "go on with it", ofFiles(screen.API.AcceptFiles)},
	{"get", "[DIR]", "fetch and save the files of their last message", func(s *screen.State, a string) []screen.Act {
		return withFiles(s, func(s *screen.State, m *earshotv1.Message) []screen.Act { return save(s, m.Id, 0, a) })
	}},
	{"me files auto", "on|off|default", "whether small files are fetched by themselves", updating(func(r *earshotv1.UpdateMeRequest, v string) { r.FilesAuto = &v })},
	{"me files dir", "DIR", "where files are saved", updating(func(r *earshotv1.UpdateMeRequest, v string) { r.FilesDir = ptr(transfer.Path(v)) })},
}

func init() { commands = append(commands, fileCommands...) }

// sendFile has the node take in a file, and sends it to the open conversation.
func sendFile(s *screen.State, typed string, picture bool) []screen.Act {
	switch {
	case s.Open == nil:
		s.Bad(words.NothingOpen)
		return nil
	case s.Closed() != "":
		s.Bad(s.Closed())
		return nil
	}
	who := screen.Who(s.Open.Conv.With)
	s.Say(words.ReadingFile)
	return screen.Call(func(ctx context.Context, api screen.API) (*earshotv1.Added, error) {
		added, err := api.Take(ctx, transfer.Path(typed), picture)
		if err != nil {
			return nil, err
		}
		_, err = api.Send(ctx, &earshotv1.SendRequest{To: who, Files: []string{added.File}})
		return added, err
	}, func(s *screen.State, added *earshotv1.Added) []screen.Act {
		switch {
		case len(added.Skipped) > 0:
			s.Say(attachment.Skipped(added))
		case added.Attachment.GetState() == "in_place":
			s.Say(words.InPlace)
		default:
			s.Say(words.FileSent)
		}
		return nil
	})
}

// withFiles does something with the message that is selected, or the last one of others that has files.
func withFiles(s *screen.State, do func(*screen.State, *earshotv1.Message) []screen.Act) []screen.Act {
	m := s.Selected()
	if m == nil || len(m.Attachments) == 0 {
		m = s.Find(func(m *earshotv1.Message) bool { return !m.Own && len(m.Attachments) > 0 })
	}
	if m == nil {
		s.Bad(words.NoFile)
		return nil
	}
	return do(s, m)
}

// decider decides about the files of a message.
type decider func(screen.API, context.Context, *earshotv1.FileRequest) (*earshotv1.FilesResponse, error)

func ofFiles(do decider) func(*screen.State, string) []screen.Act {
	return func(s *screen.State, _ string) []screen.Act {
		return withFiles(s, func(_ *screen.State, m *earshotv1.Message) []screen.Act { return decide(m.Id, 0, do) })
	}
}

// decide says what has become of the files when it is done.
func decide(id string, n uint32, do decider) []screen.Act {
	return screen.Call(func(ctx context.Context, api screen.API) (*earshotv1.FilesResponse, error) {
		return do(api, ctx, &earshotv1.FileRequest{Id: id, N: n})
	}, told)
}

// save has files fetched and saved to a folder, or the usual one.
func save(s *screen.State, id string, n uint32, dir string) []screen.Act {
	if dir != "" {
		dir = transfer.Path(dir)
	}
	s.Say(words.Saving)
	return screen.Call(func(ctx context.Context, api screen.API) (*earshotv1.FilesResponse, error) {
		return api.SaveFiles(ctx, &earshotv1.SaveFilesRequest{Id: id, N: n, To: dir})
	}, told)
}

// told says what has become of files.
func told(s *screen.State, r *earshotv1.FilesResponse) []screen.Act {
	var all []string
	for _, a := range r.Attachments {
		all = append(all, attachment.Mark(a))
	}
	s.Say(strings.Join(all, " "))
	if s.Panel != nil && s.Panel.Again != nil {
		return s.Panel.Again(s)
	}
	return nil
}

// one is a file in a list.
type oneFile struct {
	m *earshotv1.Attached
	a *earshotv1.Attachment
}

// files lists the files of the open conversation.
func files(s *screen.State) []screen.Act {
	if s.Open == nil {
		s.Bad(words.NothingOpen)
		return nil
	}
	who := screen.Who(s.Open.Conv.With)
	return screen.Call(func(ctx context.Context, api screen.API) (*earshotv1.ListFilesResponse, error) {
		return api.ListFiles(ctx, &earshotv1.ListFilesRequest{Who: who})
	}, func(s *screen.State, r *earshotv1.ListFilesResponse) []screen.Act {
		p := &screen.Panel{Kind: "files", Title: words.Files, Empty: words.NoFiles, Again: files}
		for _, m := range r.Attached {
			for _, a := range m.Attachments {
				name, state := attachment.Cells(m, a)
				p.Items = append(p.Items, screen.Item{Line: frame.Text(frame.Bold, name), Right: frame.Text(frame.Dim, state), ID: m.Id, Value: oneFile{m, a}})
			}
		}
		key := func(k, what string, do decider) screen.PanelKey {
			return screen.PanelKey{Key: k, What: what, Do: func(_ *screen.State, it *screen.Item) []screen.Act {
				f := it.Value.(oneFile)
				return decide(f.m.Id, f.a.N, do)
			}}
		}
		p.Keys = []screen.PanelKey{
			{Key: "enter", What: words.KeyJump, Do: func(s *screen.State, it *screen.Item) []screen.Act {
				s.Back()
				return s.Room(room.JumpTo{ID: it.ID, Select: true})
			}},
			{Key: "s", What: words.KeySave, Do: func(s *screen.State, it *screen.Item) []screen.Act {
				f := it.Value.(oneFile)
				return save(s, f.m.Id, f.a.N, "")
			}},
			key("a", words.KeyAccept, screen.API.AcceptFiles),
			key("d", words.KeyDecline, screen.API.DeclineFiles),
			key("p", words.KeyPause, screen.API.PauseFiles),
			key("x", words.KeyDrop, screen.API.DropFiles),
		}
		s.Show(p)
		return nil
	})
}
