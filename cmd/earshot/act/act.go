// Package act is what can be done on the terminal screen: the slash commands, which have the names of the
// command line's, the keys while a message is selected, and the panels of conversations, searches, settings
// and help. What is done with people and groups is in package people.
//
// Menu gives it to a screen.State; nothing else is to be called. It owns nothing and keeps nothing.
package act

import (
	"github.com/earshot-im/earshot/cmd/earshot/compose"
	"github.com/earshot-im/earshot/cmd/earshot/screen"
)

// Menu is what can be done, for screen.New.
type Menu struct{}

// Command does a slash command.
func (Menu) Command(s *screen.State, text string) []screen.Act { return command(s, text) }

// Selecting is a key while a message is selected.
func (Menu) Selecting(s *screen.State, k screen.Key) []screen.Act { return selectKey(s, k) }

// Switcher shows all conversations.
func (Menu) Switcher(s *screen.State) []screen.Act { return switcher(s) }

// Refill shows in the switcher what is so now.
func (Menu) Refill(s *screen.State, p *screen.Panel) { fillSwitcher(s, p) }

// Help shows keys and commands.
func (Menu) Help(s *screen.State, where string) []screen.Act { return help(s, where) }

// Names is what Tab can complete.
func (Menu) Names(s *screen.State) compose.Names { return names(s) }

// Welcome begins: with the owner's name if they have none, else with the list.
func (Menu) Welcome(s *screen.State) []screen.Act {
	switch {
	case !named(s):
		return askName(s)
	case len(s.List) > 0:
		return switcher(s)
	}
	return nil
}
