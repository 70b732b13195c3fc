package desk

import (
	"crypto/rand"
	"errors"
	"testing"

	"github.com/earshot-im/earshot/store/directory"
	"github.com/earshot-im/earshot/store/disk"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/tx"
)

// What was kept for one conversation, or under one revision, can't stand in the place of another.
func TestSealedInItsPlace(t *testing.T) {
	d, err := directory.Open(directory.Config{Dir: t.TempDir(), Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	desk, c := Desk{Keyring: &d.Keyring}, event.Conversation{1}
	db := tx.New(d.Engine)
	if err := db.Update(func(b *tx.Batch) error {
		desk.Choose(b, c, Chosen{Pinned: true})
		_, err := desk.SetDraft(b, c, Draft{Text: "x"})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := db.View(func(r *tx.Reader) error {
		chosen, key := r.Get(bucketChosen, c[:]), draftKey(c, aMessage)
		draft := r.Get(bucketDrafts, key)
		if got, err := desk.parseDraft(key, draft); err != nil || got.Text != "x" || got.Revision != 1 {
			t.Errorf("%+v, %v", got, err)
		}
		other := event.Conversation{2}
		later := append([]byte(nil), draft...)
		later[7]++
		for what, err := range map[string]error{
			"chosen":   second(desk.parseChosen(other[:], chosen)),
			"draft":    second(desk.parseDraft(draftKey(other, aMessage), draft)),
			"edit":     second(desk.parseDraft(draftKey(c, anEdit), draft)),
			"revision": second(desk.parseDraft(key, later)),
			"short":    second(desk.parseDraft(key, draft[:7])),
			"empty":    second(desk.parseDraft(nil, draft)),
		} {
			if !errors.Is(err, disk.ErrDamaged) {
				t.Errorf("%s: %v", what, err)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func second[T any](_ T, err error) error { return err }
