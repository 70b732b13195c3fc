// Package people is what can be done on the terminal screen with people and groups: seeing who is here and
// who asks, accepting, blocking and comparing words, nicknames, making and managing groups, and sending to
// several.
//
// Each function takes the screen, and shows or asks what is needed. Nothing is kept here.
package people

import (
	"context"
	"strings"

	"github.com/earshot-im/earshot/cmd/earshot/frame"
	"github.com/earshot-im/earshot/cmd/earshot/label"
	"github.com/earshot-im/earshot/cmd/earshot/screen"
	"github.com/earshot-im/earshot/cmd/earshot/words"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// changed is what follows when somebody is another than before: what shows them is read anew.
func changed(s *screen.State, p *earshotv1.Person, note string) []screen.Act {
	acts := s.Another(p)
	if s.Panel != nil && s.Panel.Again != nil {
		acts = append(acts, s.Panel.Again(s)...)
	}
	s.Say(note)
	return acts
}

// Accept takes somebody into the contacts; if their name is somebody else's already, the owner is asked for
// another.
func Accept(s *screen.State, who, nick string) []screen.Act {
	return []screen.Act{{Do: func(ctx context.Context, api screen.API) screen.Then {
		p, err := api.Accept(ctx, &earshotv1.AcceptRequest{Who: who, Petname: nick})
		return func(s *screen.State) []screen.Act {
			switch {
			case err == nil:
				return changed(s, p, words.Accepted(label.Who(p)))
			case localapi.ProblemOf(err).GetCode() == localapi.CodeNameTaken:
				s.Ask(words.AskNickName, "", func(s *screen.State, nick string) []screen.Act {
					if nick == "" {
						return nil
					}
					return Accept(s, who, nick)
				})
				return nil
			}
			s.Failed(err)
			return nil
		}
	}}}
}

func Block(s *screen.State, p *earshotv1.Person) []screen.Act {
	if p.Blocked {
		return Unblock(s, p.Person)
	}
	s.Confirm(words.BlockThem(label.Who(p)), func(s *screen.State) []screen.Act {
		return screen.Call(func(ctx context.Context, api screen.API) (*earshotv1.Person, error) {
			return api.Block(ctx, &earshotv1.BlockRequest{Who: p.Person})
		}, func(s *screen.State, p *earshotv1.Person) []screen.Act {
			return changed(s, p, words.IsBlocked+": "+label.Who(p))
		})
	})
	return nil
}

func Unblock(s *screen.State, who string) []screen.Act {
	return screen.Call(func(ctx context.Context, api screen.API) (*earshotv1.Person, error) {
		return api.Unblock(ctx, &earshotv1.UnblockRequest{Who: who})
	}, func(s *screen.State, p *earshotv1.Person) []screen.Act { return changed(s, p, words.Done) })
}

func Forget(s *screen.State, p *earshotv1.Person) []screen.Act {
	s.Confirm(words.ForgetThem(label.Who(p)), func(s *screen.State) []screen.Act {
		return screen.Call(func(ctx context.Context, api screen.API) (*earshotv1.RemoveContactResponse, error) {
			return api.RemoveContact(ctx, &earshotv1.RemoveContactRequest{Who: p.Person})
		}, func(s *screen.State, r *earshotv1.RemoveContactResponse) []screen.Act {
			return changed(s, r.Person, words.Done)
		})
	})
	return nil
}

// Compare shows the words by which two persons know that nobody is between them.
func Compare(s *screen.State, who string) []screen.Act {
	return screen.Call(func(ctx context.Context, api screen.API) (*earshotv1.SafetyWordsResponse, error) {
		return api.SafetyWords(ctx, &earshotv1.SafetyWordsRequest{Who: who})
	}, func(s *screen.State, r *earshotv1.SafetyWordsResponse) []screen.Act {
		s.Show(comparing(r, words.Verify, func(s *screen.State) []screen.Act {
			return verify(s, r.Person.Person, strings.Join(r.Words, " "), "")
		}))
		return nil
	})
}

func verify(s *screen.State, who, compared, nick string) []screen.Act {
	return []screen.Act{{Do: func(ctx context.Context, api screen.API) screen.Then {
		p, err := api.Verify(ctx, &earshotv1.VerifyRequest{Who: who, Words: compared, Petname: nick})
		return func(s *screen.State) []screen.Act {
			switch {
			case err == nil:
				if s.Panel != nil && s.Panel.Kind == "words" {
					s.Back()
				}
				return changed(s, p, words.Verified(label.Who(p)))
			case localapi.ProblemOf(err).GetCode() == localapi.CodeNameTaken:
				s.Ask(words.AskNickName, "", func(s *screen.State, nick string) []screen.Act {
					if nick == "" {
						return nil
					}
					return verify(s, who, compared, nick)
				})
				return nil
			}
			s.Failed(err)
			return nil
		}
	}}}
}

func askNick(s *screen.State, who string) []screen.Act {
	s.Ask(words.AskNick, "", func(s *screen.State, nick string) []screen.Act { return Nickname(s, who, nick) })
	return nil
}

func Nickname(s *screen.State, who, nick string) []screen.Act {
	return screen.Call(func(ctx context.Context, api screen.API) (*earshotv1.Person, error) {
		return api.NameContact(ctx, &earshotv1.NameContactRequest{Who: who, Petname: nick})
	}, func(s *screen.State, p *earshotv1.Person) []screen.Act { return changed(s, p, label.Who(p)) })
}

// InGroup does something with the open group.
func InGroup(s *screen.State, do func(group string) []screen.Act) []screen.Act {
	if s.Open == nil || s.Open.Conv.With.GetKind() != "group" {
		s.Bad(words.NoGroup)
		return nil
	}
	return do(screen.Who(s.Open.Conv.With))
}

// GroupDone is what follows when a group is another than before.
func GroupDone(s *screen.State, g *earshotv1.Group) []screen.Act {
	acts := append(s.KnowGroup(g), s.Refresh()...)
	if s.Panel != nil && s.Panel.Again != nil {
		acts = append(acts, s.Panel.Again(s)...)
	}
	s.Say(words.Done)
	return acts
}

func CreateGroup(s *screen.State, name string) []screen.Act {
	if name == "" {
		s.Ask(words.AskGroup, "", func(s *screen.State, name string) []screen.Act {
			if name == "" {
				return nil
			}
			return CreateGroup(s, name)
		})
		return nil
	}
	return screen.Call(func(ctx context.Context, api screen.API) (*earshotv1.Group, error) {
		return api.CreateGroup(ctx, &earshotv1.CreateGroupRequest{Name: strings.TrimPrefix(name, "#")})
	}, func(s *screen.State, g *earshotv1.Group) []screen.Act {
		return append(s.Refresh(), s.GoTo("#"+g.Id, "")...)
	})
}

// Invite brings somebody into the open group, or has the owner choose whom.
func Invite(s *screen.State, who string) []screen.Act {
	return InGroup(s, func(group string) []screen.Act {
		do := func(who []string) []screen.Act {
			return screen.Call(func(ctx context.Context, api screen.API) (*earshotv1.InviteResponse, error) {
				return api.Invite(ctx, &earshotv1.InviteRequest{Group: group, Who: who})
			}, func(s *screen.State, r *earshotv1.InviteResponse) []screen.Act { return GroupDone(s, r.Group) })
		}
		if who != "" {
			return do([]string{screen.Unquote(who)})
		}
		var items []screen.Item
		for _, p := range s.Known() {
			if p.Contact && !p.Blocked {
				items = append(items, Item(s, p))
			}
		}
		s.Show(screen.Pick("invite", words.KeyInvite, items, func(_ *screen.State, chosen []screen.Item) []screen.Act {
			var who []string
			for _, it := range chosen {
				who = append(who, it.ID)
			}
			return do(who)
		}))
		return nil
	})
}

func RemoveMember(s *screen.State, p *earshotv1.Person) []screen.Act {
	return InGroup(s, func(group string) []screen.Act {
		s.Confirm(words.RemoveThem(label.Who(p)), func(*screen.State) []screen.Act {
			return screen.Call(func(ctx context.Context, api screen.API) (*earshotv1.Group, error) {
				return api.RemoveMember(ctx, &earshotv1.RemoveMemberRequest{Group: group, Who: p.Person})
			}, GroupDone)
		})
		return nil
	})
}

func SetRole(s *screen.State, who, role string) []screen.Act {
	return InGroup(s, func(group string) []screen.Act {
		return screen.Call(func(ctx context.Context, api screen.API) (*earshotv1.Group, error) {
			return api.SetRole(ctx, &earshotv1.SetRoleRequest{Group: group, Who: who, Role: role})
		}, GroupDone)
	})
}

func askRole(s *screen.State, p *earshotv1.Person) []screen.Act {
	panel := &screen.Panel{Kind: "role", Title: label.Who(p)}
	for _, role := range []string{"owner", "admin", "member"} {
		panel.Items = append(panel.Items, screen.Item{Line: frame.Text(frame.Plain, role), ID: role})
	}
	panel.Keys = []screen.PanelKey{{Key: "enter", What: words.KeyChange, Do: func(s *screen.State, it *screen.Item) []screen.Act {
		role := it.ID
		s.Back()
		return SetRole(s, p.Person, role)
	}}}
	s.Show(panel)
	return nil
}

func LeaveGroup(s *screen.State) []screen.Act {
	return InGroup(s, func(group string) []screen.Act {
		s.Confirm(words.Leave(label.Group(s.Open.Conv.With)), func(*screen.State) []screen.Act {
			return screen.Call(func(ctx context.Context, api screen.API) (*earshotv1.Group, error) {
				return api.Leave(ctx, &earshotv1.LeaveRequest{Group: group})
			}, GroupDone)
		})
		return nil
	})
}

// SendTo sends one text to several, who are chosen first if nobody is named.
func SendTo(s *screen.State, to []string, text string) []screen.Act {
	if len(to) == 0 {
		return Pick(s, "to", words.To, func(s *screen.State, who []string) []screen.Act { return SendTo(s, who, text) })
	}
	if text == "" {
		s.Ask(words.AskText, "", func(s *screen.State, text string) []screen.Act {
			if text == "" {
				return nil
			}
			return SendTo(s, to, text)
		})
		return nil
	}
	return screen.Call(func(ctx context.Context, api screen.API) ([]*earshotv1.Sent, error) {
		var all []*earshotv1.Sent
		for _, who := range to {
			r, err := api.Send(ctx, &earshotv1.SendRequest{To: who, Text: text})
			if err != nil {
				p := localapi.ProblemOf(err)
				if p == nil {
					return all, err
				}
				p.Text = screen.Explain(err)
				r = &earshotv1.Sent{Problem: p}
			}
			all = append(all, r)
		}
		return all, nil
	}, func(s *screen.State, all []*earshotv1.Sent) []screen.Act {
		SentTo(s, all)
		return nil
	})
}

// names typed after /to end with -- or with a colon.
func SplitTo(args string) (to []string, text string) {
	list, text, found := strings.Cut(args, " -- ")
	if !found {
		return nil, strings.TrimSpace(args)
	}
	for list != "" {
		var who string
		if who, list = screen.TypedWho(list); who != "" {
			to = append(to, strings.TrimSuffix(who, ","))
		}
	}
	return to, strings.TrimSpace(text)
}

// SentTo says to how many something was sent, and to whom not.
func SentTo(s *screen.State, all []*earshotv1.Sent) {
	var why []string
	for _, sent := range all {
		if p := sent.Problem; p != nil {
			why = append(why, p.Text)
		}
	}
	if len(why) > 0 {
		s.Bad(words.NotSent(len(why), strings.Join(why, "; ")))
		return
	}
	s.Say(words.Sent(len(all)))
}
