package people

import (
	"context"
	"strings"

	"github.com/earshot-im/earshot/cmd/earshot/label"
	"github.com/earshot-im/earshot/cmd/earshot/screen"
	"github.com/earshot-im/earshot/cmd/earshot/words"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// Replace puts somebody, who is typed or with whom the open conversation is, in the place of a contact. Words are
// compared first, since somebody else may have taken the contact's name.
func Replace(s *screen.State, old *earshotv1.Person, now string) []screen.Act {
	return s.Target(now, func(s *screen.State, now string) []screen.Act {
		return screen.Call(func(ctx context.Context, api screen.API) (*earshotv1.SafetyWordsResponse, error) {
			return api.SafetyWords(ctx, &earshotv1.SafetyWordsRequest{Who: now})
		}, func(s *screen.State, r *earshotv1.SafetyWordsResponse) []screen.Act {
			s.Show(comparing(r, words.InPlaceOf(label.Who(r.Person), label.Who(old)), func(s *screen.State) []screen.Act {
				return replace(s, old.Person, r)
			}))
			return nil
		})
	})
}

func replace(s *screen.State, old string, now *earshotv1.SafetyWordsResponse) []screen.Act {
	return screen.Call(func(ctx context.Context, api screen.API) (*earshotv1.ReplaceContactResponse, error) {
		return api.ReplaceContact(ctx, &earshotv1.ReplaceContactRequest{Old: old, New: now.Person.Person, Words: strings.Join(now.Words, " "), Resend: true})
	}, func(s *screen.State, r *earshotv1.ReplaceContactResponse) []screen.Act {
		s.Back()
		groups := make([]string, len(r.Others))
		for i, g := range r.Others {
			groups[i] = label.Group(g)
		}
		return append(s.Another(r.Old), changed(s, r.Person, words.Replaced(label.Who(r.Person), groups))...)
	})
}

// comparing shows words to compare. If they are the same, something is done.
func comparing(r *earshotv1.SafetyWordsResponse, text string, same func(*screen.State) []screen.Act) *screen.Panel {
	half := len(r.Words) / 2
	p := &screen.Panel{Kind: "words", Title: label.Who(r.Person), Text: []string{text, "", strings.Join(r.Words[:half], " "), strings.Join(r.Words[half:], " ")}}
	p.Keys = []screen.PanelKey{
		{Key: "y", What: words.KeySame, Always: true, Do: func(s *screen.State, _ *screen.Item) []screen.Act { return same(s) }},
		{Key: "n", What: words.KeyDiffer, Always: true, Do: func(s *screen.State, _ *screen.Item) []screen.Act {
			s.Back()
			s.Bad(words.Differ)
			return nil
		}},
	}
	return p
}
