package web

import (
	"encoding/json"
	"errors"
	"net/http"

	"connectrpc.com/connect"

	"github.com/earshot-im/earshot/cmd/earshot/web/session"
	"github.com/earshot-im/earshot/node/localapi"
)

var (
	// errInvalid: the request is not as WEB.md says. It is a fault of the page.
	errInvalid = errors.New("invalid")
	// errHost: the request names another host, as after DNS rebinding.
	errHost = errors.New("host")
	// errUser: the program at the other end is not the owner's, or nobody says whose it is.
	errUser = errors.New("user")
	// errOrigin: another page has a browser ask.
	errOrigin = errors.New("origin")
	// errNotPermitted: no page may call this.
	errNotPermitted = errors.New("not_permitted")
	// errMissing: there is no such file of the page.
	errMissing = errors.New("missing")
	// errMethod: nothing here is done by this method of HTTP.
	errMethod = errors.New("method")
	// errTooLarge: a body has more than it may have.
	errTooLarge = errors.New("too_large")
)

// answers are the status and the code of Connect by which a page is told of an error. Any other error is the
// node's own, and nothing is told of it.
var answers = []struct {
	err    error
	status int
	code   connect.Code
}{
	{errInvalid, http.StatusBadRequest, connect.CodeInvalidArgument},
	{session.ErrUnknown, http.StatusUnauthorized, connect.CodeUnauthenticated},
	{errHost, http.StatusForbidden, connect.CodePermissionDenied},
	{errUser, http.StatusForbidden, connect.CodePermissionDenied},
	{errOrigin, http.StatusForbidden, connect.CodePermissionDenied},
	{errNotPermitted, http.StatusForbidden, connect.CodePermissionDenied},
	{errMissing, http.StatusNotFound, connect.CodeNotFound},
	{errMethod, http.StatusMethodNotAllowed, connect.CodeInvalidArgument},
	{errTooLarge, http.StatusRequestEntityTooLarge, connect.CodeResourceExhausted},
	{session.ErrBusy, http.StatusTooManyRequests, connect.CodeResourceExhausted},
}

// told is an error as a page gets it.
type told struct {
	Code    string            `json:"code"`
	Message string            `json:"message"`
	Details []json.RawMessage `json:"details,omitempty"`
}

// refuse answers with an error.
func refuse(w http.ResponseWriter, err error) {
	status, code, word := http.StatusInternalServerError, connect.CodeInternal, localapi.CodeInternal
	for _, a := range answers {
		if errors.Is(err, a.err) {
			status, code, word = a.status, a.code, a.err.Error()
			break
		}
	}
	answer(w, status, told{Code: code.String(), Message: word})
}

// answer writes a value as JSON.
func answer(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil { // of none of the values here
		status, b = http.StatusInternalServerError, []byte("{}")
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(b) // whoever has gone asks again
}
