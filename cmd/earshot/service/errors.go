package service

import "errors"

var (
	// ErrUnavailable: nothing here starts programs at login, or it can't be asked. Start the node
	// with `earshot up --detach`.
	ErrUnavailable = errors.New("no service can be used here")
	// ErrElsewhere: the service starts the node of another directory. Remove that one first.
	ErrElsewhere = errors.New("the service starts the node of another directory")
	// ErrForeign: what stands in the service's place was not written by `earshot service install`.
	// It is left as it is.
	ErrForeign = errors.New("was not written by `earshot service install`")
	// ErrEveryones: the administrator has it started for all users. One user can mask it.
	ErrEveryones = errors.New("the administrator has the service started for all users")
	// ErrPath: a service can't be given the paths as they are. Use others.
	ErrPath = errors.New("a service can't be given these paths")
)
