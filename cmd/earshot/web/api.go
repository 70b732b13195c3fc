package web

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// apiPrefix begins the paths of the local API.
const apiPrefix = "/earshot.v1."

// permitted are the methods that a page may call, by their services. A method that is neither here nor in
// refused is refused, and a test fails.
var permitted = map[string]string{
	"Node":    "Status Me UpdateMe Watch",
	"Startup": "GetStartup SetStartup",
	"People":  "Peers Resolve Contacts NameContact SafetyWords Verify Requests ForgetRequests Accept Block Unblock Newcomers ReplaceContact RemoveContact",
	"Messages": "Send Forward Wait Unread MarkRead History GetMessages FindMessages Search Outbox Cancel Edit Recall " +
		"React Receipts",
	"Groups":        "CreateGroup Groups GetGroup Members Invite Leave RemoveMember SetRole RenameGroup SetTopic SetHistory Hide",
	"Journal":       "Changes",
	"Conversations": "Conversations GetConversation SetConversation MarkReadTo MarkUnread MarkAllRead SetDraft",
	"Attention":     "Attend Alerts SetTyping",
	"Doctor":        "Examine",
	"Files":         "ListFiles AcceptFiles DeclineFiles PauseFiles CancelFiles DropFiles Transfers",
}

// refused are the methods that no page may call, and why.
var refused = map[string]string{
	"Node.RecoveryWords":       "whoever has the words can take the owner's place: they are for paper, and shown in a terminal alone",
	"Node.ForgetRecoveryWords": "it is for who was shown the words",
	"Node.Down":                "it ends the node, which a page can't start again",
	"Files.Add":                "it takes a path of this machine: a page sends contents",
	"Files.SaveFiles":          "it takes a path of this machine, and gives one: a browser saves contents itself",
	"Messages.SendLines":       "it needs a stream in both ways, which browsers do not have",
	"Messages.ByKey":           "it is for programs that send what they may have sent before",
	"Messages.Arrivals":        "it is for programs that read with a bookmark of their own",
	"Messages.GetCursor":       "it is for programs that read with a bookmark of their own",
	"Messages.SetCursor":       "it is for programs that read with a bookmark of their own, which is kept for ever",
	"Web.OpenWeb":              "a page must not let others in",
	"Web.WebSessions":          "a page knows of no other",
	"Web.EndWebSession":        "a page ends its own session only, by DELETE /session",
	"Web.StopWeb":              "a page ends its own session only, by DELETE /session",
}

// method is a method that a page may call.
type method struct {
	streams bool // its answer is a stream
	lasts   bool // it may last
	in      protoreflect.MessageDescriptor
}

// methods are the methods that a page may call, by their paths.
var methods = permittedMethods()

func permittedMethods() map[string]method {
	all := make(map[string]method)
	for _, file := range []protoreflect.FileDescriptor{
		earshotv1.File_v1_node_proto, earshotv1.File_v1_people_proto, earshotv1.File_v1_messages_proto, earshotv1.File_v1_groups_proto,
		earshotv1.File_v1_journal_proto, earshotv1.File_v1_conversations_proto, earshotv1.File_v1_attention_proto,
		earshotv1.File_v1_doctor_proto, earshotv1.File_v1_files_proto, earshotv1.File_v1_startup_proto,
	} {
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			for name := range strings.FieldsSeq(permitted[string(service.Name())]) {
				m := service.Methods().ByName(protoreflect.Name(name))
				path := "/" + string(service.FullName()) + "/" + name
				all[path] = method{streams: m.IsStreamingServer(), lasts: m.IsStreamingServer() || path == earshotv1.MessagesWaitProcedure, in: m.Input()}
			}
		}
	}
	return all
}

// call has the local API answer a call.
func (d *door) call(w http.ResponseWriter, r *http.Request) error {
	m, may := methods[r.URL.Path]
	kind, most := "application/json", int64(localapi.MaxRequest)
	if m.streams {
		kind, most = "application/connect+json", most+envelope
	}
	switch {
	case !may:
		return errNotPermitted
	case r.Method != http.MethodPost:
		return errMethod
	case !isType(r, kind):
		return errInvalid
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	secret, cookies := d.tokens(r)
	done, err := d.table.Begin(secret, cookies, m.lasts, cancel)
	if err != nil {
		return err
	}
	defer done()
	b, err := read(w, r, most)
	if err != nil {
		return err
	}
	if !m.streams && !m.takes(b) {
		return errInvalid
	}
	in := onward(ctx, r, "Connect-Protocol-Version")
	in.Header.Set("Content-Type", kind)
	in.Body, in.ContentLength = readOnly{bytes.NewReader(b)}, int64(len(b))
	d.api.ServeHTTP(w, in)
	return nil
}

// takes reports whether a body is a request of a method. The local API would say what is wrong in words that have
// much of the body in them.
func (m method) takes(body []byte) bool {
	return protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(body, dynamicpb.NewMessage(m.in)) == nil
}

// envelope is what stands before a message in a stream, in bytes.
const envelope = 5

type readOnly struct{ *bytes.Reader }

func (readOnly) Close() error { return nil }

// onward is a request as the local API takes it: with some of its headers, and nothing else that the
// browser has added.
func onward(ctx context.Context, r *http.Request, headers ...string) *http.Request {
	in := r.Clone(ctx)
	in.Host, in.Header = localapi.Host, make(http.Header)
	in.URL = &url.URL{Path: r.URL.Path}
	in.RequestURI, in.Trailer, in.TransferEncoding = "", nil, nil
	for _, name := range headers {
		if values := r.Header.Values(name); len(values) > 0 {
			in.Header[http.CanonicalHeaderKey(name)] = values
		}
	}
	return in
}
