package localapi

import (
	"errors"

	"connectrpc.com/connect"

	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

var (
	// ErrNotRunning: no node answers in the directory. Start one.
	ErrNotRunning = errors.New("no node is running")
	// ErrNotAnswering: a node has the socket, but does not answer: it is frozen, or has no file
	// descriptors left for a connection. Let it go on, or end its process and start it again.
	ErrNotAnswering = errors.New("the node does not answer")
	// ErrNotPrivate: other users can enter the directory, so the socket is neither made nor trusted
	// there. Take their rights away.
	ErrNotPrivate = errors.New("directory is not private")
	// ErrPathTooLong: the system can't name a socket in this directory. Use another.
	ErrPathTooLong = errors.New("path is too long for a socket")
)

// What whoever serves the page in a browser answers with: the server makes Problems of them.
var (
	// ErrNoPage: the page can't be served. The error says why.
	ErrNoPage = errors.New("the page can't be served")
	// ErrWebUser: no user can be told from the node's. Run it as another.
	ErrWebUser = errors.New("users can't be told from each other")
	// ErrWebFile: what is kept about the page can't be read. Open it at a new address.
	ErrWebFile = errors.New("what is kept about the page can't be read")
	// ErrNoSession: there is no such session.
	ErrNoSession = errors.New("there is no such session")
)

// Codes of a Problem. They are part of the schema.
const (
	CodeUnknown      = "unknown"
	CodeAmbiguous    = "ambiguous"
	CodeNameTaken    = "name_taken"
	CodeName         = "name"
	CodeKeyUsed      = "key_used"
	CodeText         = "text"
	CodeEmpty        = "empty"
	CodeTooLong      = "too_long"
	CodeAcknowledged = "acknowledged"
	CodeUndelivered  = "undelivered"
	CodeNoMessage    = "no_message"
	CodeBlocked      = "blocked"
	CodeWords        = "words"
	CodeSelf         = "self"
	CodeSetting      = "setting"
	CodeNotMember    = "not_member"
	CodeNotPermitted = "not_permitted"
	CodeRecalled     = "recalled"
	CodeGroupFull    = "group_full"
	CodeNotYours     = "not_yours"
	CodeTooLate      = "too_late"
	CodeEmoji        = "emoji"
	CodeQuery        = "query"
	CodeNoRoom       = "no_room"
	CodeRenamed      = "renamed"
	CodeNotContact   = "not_contact"
	CodeContact      = "contact"
	CodeOtherStore   = "other_store"
	CodeNoFile       = "no_file"
	CodeTooLarge     = "too_large"
	CodePicture      = "picture"
	CodeVoice        = "voice"
	CodeChanged      = "changed"
	CodeNoFolder     = "no_folder"
	CodeGone         = "gone"
	CodeNotHeld      = "not_held"
	CodeNoPage       = "no_page"
	CodeWebUser      = "web_user"
	CodeWebFile      = "web_file"
	CodeNoSession    = "no_session"
	CodeNoRecovery   = "no_recovery"
	CodeBusy         = "busy"
	CodeInvalid      = "invalid"
	CodeStopping     = "stopping"
	CodeUncertain    = "uncertain"
	CodeInternal     = "internal"
)

// ProblemOf returns what the node said was wrong, or nil if err is not its answer.
func ProblemOf(err error) *earshotv1.Problem {
	var e *connect.Error
	if !errors.As(err, &e) {
		return nil
	}
	for _, d := range e.Details() {
		if v, err := d.Value(); err == nil {
			if p, ok := v.(*earshotv1.Problem); ok {
				return p
			}
		}
	}
	return nil
}

// Refused reports whether the node has answered that it does not do what was asked, and would answer
// the same another time: a program that goes through messages had better go on to the next.
func Refused(err error) bool {
	switch ProblemOf(err).GetCode() {
	case "", CodeStopping, CodeUncertain, CodeNoRoom, CodeGone, CodeNotHeld, CodeBusy, CodeInternal:
		return false
	}
	return true
}
