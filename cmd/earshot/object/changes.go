package object

import earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"

// Change is one line of watch.
type Change struct {
	Change string `json:"change"`
	Cursor string `json:"cursor"` // everything up to here was told

	// One of them, by Change: an object of its own.
	Message      any `json:"message,omitempty"`
	Notice       any `json:"notice,omitempty"`
	Group        any `json:"group,omitempty"`
	Person       any `json:"person,omitempty"`
	Settings     any `json:"settings,omitempty"`
	Conversation any `json:"conversation,omitempty"`

	Requests *uint32 `json:"requests,omitempty"`

	// Of gone, draft and typing.
	ID      string  `json:"id,omitempty"`
	In      string  `json:"in,omitempty"`
	With    *Target `json:"with,omitempty"`
	Draft   *Draft  `json:"draft,omitempty"`
	Persons []Named `json:"persons,omitempty"`
}

// OfChange makes the line of a change; of one that only a newer node knows it is empty.
func OfChange(c *earshotv1.Change) Change {
	switch v := c.Change.(type) {
	case *earshotv1.Change_Arrived:
		return Change{Change: "arrived", Message: OfMessage(v.Arrived)}
	case *earshotv1.Change_Changed:
		return Change{Change: "changed", Message: OfMessage(v.Changed)}
	case *earshotv1.Change_Gone:
		return Change{Change: "gone", ID: v.Gone.Id, In: v.Gone.Conversation}
	case *earshotv1.Change_Notice:
		return Change{Change: "notice", Notice: OfNotice(v.Notice)}
	case *earshotv1.Change_Group:
		return Change{Change: "group", Group: OfGroup(v.Group)}
	case *earshotv1.Change_Person:
		return Change{Change: "person", Person: OfPerson(v.Person)}
	case *earshotv1.Change_Presence:
		return Change{Change: "presence", Person: OfPerson(v.Presence)}
	case *earshotv1.Change_Settings:
		return Change{Change: "settings", Settings: OfMe(v.Settings)}
	case *earshotv1.Change_Requests:
		return Change{Change: "requests", Requests: &v.Requests}
	case *earshotv1.Change_Conversation:
		return Change{Change: "conversation", Conversation: OfConversation(v.Conversation)}
	case *earshotv1.Change_Draft:
		with := OfTarget(v.Draft.With)
		return Change{Change: "draft", In: v.Draft.Conversation, With: &with, Draft: ofDraft(v.Draft.Draft)}
	case *earshotv1.Change_Typing:
		with := OfTarget(v.Typing.With)
		return Change{Change: "typing", In: v.Typing.Conversation, With: &with, Persons: ofAllNamed(v.Typing.Persons)}
	}
	return Change{}
}
