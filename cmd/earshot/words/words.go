// Package words has the words of the screen, so that they are together and can be had in other languages.
// What the command line says too is in packages phrase and attachment.
package words

import (
	"fmt"
	"strings"
)

const (
	Frozen        = "a newer earshot has changed this group in a way that this one can't follow: update it to write here"
	Out           = "you are not in this group any more"
	Blocked       = "you have blocked them: /unblock lets you write again"
	NothingOpen   = "no conversation is open: Ctrl+G shows them, /people who is here"
	NothingUnread = "nothing is unread"
	Kept          = "the node is gone: what you wrote is kept here until it is back"
	NoRoom        = "nothing was pasted: a message has at most 64 KiB"
	Quit          = "Ctrl+C again leaves; the node goes on, and drafts are kept"
	YesNo         = " (y/n)"
	NoQuote       = "this message answers no other"
	NoFile        = "this message has no file"
	ReadingFile   = "reading it; the message goes when that is done"
	FileSent      = "sent"
	InPlace       = "sent from where it is: leave it there, as it is, until everybody has it"
	SavedAs       = "saved as "
	Saving        = "fetching and saving"
	Files         = "Files of this conversation"
	NoFiles       = "no files were sent here yet"
	NotYours      = "only who wrote a message can do that"
	Copied        = "copied"
	Recall        = "Take the words back everywhere?"
	Cancel        = "Nobody has it yet: take it back?"
	Forward       = "Forward to: space chooses, Enter sends"
	To            = "One text to several: space chooses, Enter goes on"
	AskText       = "Text for all of them"
	AskSign       = "Emoji, its name, or a word"
	Whom          = "about whom? give a name"
	Here          = "here"
	Away          = "away"
	NotHere       = "not here"
	IsBlocked     = "blocked"
	You           = "you"
	Nobody        = "nobody"

	KeyChoose  = "choose"
	KeyDone    = "go on"
	KeyReact   = "react"
	KeyOther   = "another"
	KeyNone    = "take yours back"
	KeyOpen    = "open"
	KeyPin     = "pin"
	KeyMute    = "mute"
	KeyArchive = "archive"
	KeyAccept  = "accept"
	KeyBlock   = "block"
	KeyWords   = "compare words"
	KeyName    = "nickname"
	KeyForget  = "take out of contacts"
	KeyChange  = "change"
	KeyRemove  = "remove"
	KeyRole    = "role"
	KeyInvite  = "invite"
	KeySave    = "save"
	KeyDecline = "decline"
	KeyPause   = "pause"
	KeyDrop    = "delete the copy"
	KeyJump    = "go to it"
	KeySame    = "they are the same"
	KeyDiffer  = "they differ"
	KeyLater   = "remind me in a week"

	Switcher   = "Go to"
	NoTalk     = "nothing was said yet: /people shows who is here"
	People     = "People"
	NoPeople   = "nobody is known yet"
	Requests   = "Who asks to talk with you"
	NoRequests = "nobody waits to be accepted"
	Members    = "Members"
	Reached    = "Who has it"
	Found      = "Found"
	NotFound   = "nothing was found"
	Outbox     = "What waits"
	NoOutbox   = "nothing waits"
	Settings   = "Settings"
	About      = "About this message"
	Help       = "Help"
	Recovery   = "Recovery words"
	Verify     = "Compare these words, face to face or by phone: never by text"
	Differ     = "if they differ, somebody may be between you: don't trust this conversation"

	AskName     = "What do colleagues call you?"
	AskAccept   = "Who may write to you?"
	Accept      = "Who may write to you"
	Everyone    = "everyone on this network"
	Contacts    = "contacts only; others wait to be accepted"
	AskNick     = "Nickname, which only you see"
	AskGroup    = "Name of the group"
	AskTopic    = "Topic"
	AskQuiet    = "Quiet hours, as 18:00-8:00; several with commas; empty for none"
	AskSearch   = "Search for"
	AskNickName = "Somebody else is known by their name. Nickname for them"
	Done        = "done"
	AllRead     = "everything is marked read"
	ReadHere    = "marked read"
	On          = "on"
	OffSetting  = "off"
	None        = "none"
	NoGroup     = "no group is open"
	Gone        = "not there any more"

	RecoveryDue  = "Your recovery words are not on paper yet: /me recovery"
	RecoveryDone = "They are on paper, and not on this machine any more."
)

// RecoveryHow says what the recovery words are for, and how they are written down.
var RecoveryHow = []string{
	"24 words that are meant for the day on which this machine is lost. They are still on it, and are to be on paper instead. Type this in a terminal, where nobody looks:",
	"earshot me recovery",
	"This screen never shows them. This version of earshot can't take them yet; a later one is to make you the same person again by them.",
}

// Signs of where somebody is; words stand beside them.
const (
	SignHere    = "●"
	SignAway    = "◐"
	SignOff     = "○"
	SignBlocked = "×"
)

func React(to string) string { return "React to: " + to }

func Off(since string) string { return "off since " + since }

func Sent(n int) string { return "sent to " + Count(n, "conversation", "conversations") }

func NotSent(n int, why string) string {
	return "not sent to " + Count(n, "conversation", "conversations") + ": " + why
}

func Unread(n uint32) string {
	if n >= 1000 {
		return "1000+"
	}
	return fmt.Sprint(n)
}

func BlockThem(who string) string  { return "Block " + who + "? They are not told." }
func RemoveThem(who string) string { return "Remove " + who + " from the group?" }
func ForgetThem(who string) string { return "Take " + who + " out of your contacts?" }
func Leave(group string) string    { return "Leave " + group + "?" }
func Verified(who string) string   { return who + " is verified" }
func Accepted(who string) string   { return who + " is a contact now" }
func NoCommand(name string) string {
	return "there is no /" + name + ": /help shows what there is; // begins a text with /"
}
func Usage(name, args string) string {
	return "write /" + name + " " + args
}

// Count is a number of things, in the form that fits.
func Count(n int, one, several string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, several)
}

// What is said of a message.
const (
	MentionsYou = "@ mentions you"
	Edited      = "~ edited"
	Gap         = "something that came before this is missing"
	Forked      = "what is below is contradicted by its author"
	TakenBack   = "taken back"
	QuoteGone   = "a message that is not here"
)

// Recalled says that somebody has taken their words back.
func Recalled(who string) string { return who + " took back what stood here" }

// Unknown says that somebody has written what only a newer program can show; text is what it says to others.
func Unknown(who, text string) string {
	out := who + " wrote what only a newer earshot can show"
	if text != "" {
		out += ": " + text
	}
	return out
}

// OldestOnly says that there are others than the oldest, which are shown.
func OldestOnly(n int) string { return fmt.Sprintf("the oldest %d; `earshot outbox` prints all", n) }

// AndMore says that there are others besides whom was named.
func AndMore(n int) string { return fmt.Sprintf(" (and %d more)", n) }

// Newcomer says what can be done about somebody who is no contact yet.
const Newcomer = "not a contact yet: /accept, /block, or compare words with /verify"

// SameName warns of somebody who calls themselves as a contact does.
func SameName(who string) string {
	return "somebody else than your contact " + who + ", or the same human anew: compare words first, with /verify or /contacts replace"
}

// InPlaceOf asks whether a person is the same human as a contact.
func InPlaceOf(now, old string) string {
	return "Is " + now + " the human whom you know as " + old + "? Ask face to face or by phone, not in a message: an impostor has these words too. " +
		"If they are the same, the names of the old one mean the new one from now on, and what waits for the old one goes to the new one."
}

// Replaced says that somebody is in the place of a contact, who is still in some groups.
func Replaced(who string, groups []string) string {
	text := who + " is in the place of the old one now"
	if len(groups) > 0 {
		text += "; the old one is still in " + strings.Join(groups, ", ") + ": ask an owner or an admin there"
	}
	return text
}

// What the screen says of itself.
const (
	NoneOpen       = "No conversation is open."
	NothingSaid    = "Nothing was said here yet."
	NoName         = "no name yet"
	TypeToFind     = "  (type to find)"
	MoreBelow      = "more below (Ctrl+End)"
	NotHereMessage = "that message is not here"
	Changing       = "changing your message"
	GiveUp         = " (Esc gives it up)"
	EscNot         = " (Esc: not)"
	Sending        = "sending …"
	AMessage       = "a message"
	CopyShowsAll   = "… there is more: c copies all of it"
	ReadingBefore  = "reading what was said before …"
	BeforeNotRead  = "what was said before could not be read"
	Alone          = "Nobody is on this network yet."
	LooksForOthers = "This node looks for others all the time, and shows them here when they come. Have somebody start earshot on another machine of the network."
	SeeDoctor      = "`earshot doctor`, in another terminal, examines what may stand in the way. /help shows what there is here."
)

// NodeGone says that the node can't be reached, and why.
func NodeGone(why string) string {
	return "The node is gone: " + why + ". What you write is kept; it goes on when the node is back."
}

// NewBelow is how many messages that nobody has read stand below the screen.
func NewBelow(n int) string { return Count(n, "new message", "new messages") + " below (Ctrl+End)" }

// Answering names the message that is being answered.
func Answering(what string) string { return "answering " + what }

// PeopleHere is how many people are here.
func PeopleHere(n int) string { return Count(n, "person is here.", "people are here.") }

// Typing says that so many, who are named, write now.
func Typing(names string, n int) string {
	if n == 1 {
		return names + " is typing"
	}
	return names + " are typing"
}
