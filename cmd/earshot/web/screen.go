package web

import (
	"context"
	"errors"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// Screen stands between pages and the local API: through it no path of this machine comes, in a request or an
// answer.
func Screen() connect.Interceptor { return screen{} }

type screen struct{}

func (screen) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, r connect.AnyRequest) (connect.AnyResponse, error) {
		if err := allowed(r.Any()); err != nil {
			return nil, err
		}
		w, err := next(ctx, r)
		if err != nil {
			return nil, wordless(err)
		}
		clean(w.Any())
		return w, nil
	}
}

func (screen) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, c connect.StreamingHandlerConn) error {
		return wordless(next(ctx, screened{c}))
	}
}

func (screen) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

// screened is a stream to a page. What it receives has no field that is refused: allowed knows of none.
type screened struct{ connect.StreamingHandlerConn }

func (s screened) Send(m any) error {
	clean(m)
	return s.StreamingHandlerConn.Send(m)
}

// allowed refuses a request that names a path.
func allowed(request any) error {
	if r, is := request.(*earshotv1.UpdateMeRequest); is && r.FilesDir != nil {
		return connect.NewError(connect.CodePermissionDenied, errNotPermitted)
	}
	return nil
}

// clean takes out of an answer what has a path of this machine, or may have one. Answers are made for one call
// each, so nobody else has them.
func clean(answer any) {
	if m, is := answer.(proto.Message); is {
		cleanAll(m.ProtoReflect())
	}
}

// ofInterfaces are the checks of the doctor that are about a network interface.
var ofInterfaces = map[string]bool{"interfaces": true, "multicast": true}

func cleanAll(m protoreflect.Message) {
	switch v := m.Interface().(type) {
	case *earshotv1.Attachment:
		v.Saved = nil
		return
	case *earshotv1.FileSettings:
		v.Dir = ""
		return
	case *earshotv1.Check:
		v.Detail = "" // the system's own words, which name files
		if !ofInterfaces[v.Check] {
			v.About = ""
		}
	case *earshotv1.Values:
		v.Program = ""
	case *earshotv1.Problem:
		v.Text = ""
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.Message() == nil || f.IsMap():
		case f.IsList():
			for list, i := v.List(), 0; i < list.Len(); i++ {
				cleanAll(list.Get(i).Message())
			}
		default:
			cleanAll(v.Message())
		}
		return true
	})
}

// wordless is an error without its words, in which there may be a path: the code of its Problem stands in their
// place.
func wordless(err error) error {
	if err == nil {
		return nil
	}
	word := connect.CodeOf(err).String()
	if p := localapi.ProblemOf(err); p != nil {
		word = p.Code
	}
	without := connect.NewError(connect.CodeOf(err), errors.New(word))
	var e *connect.Error
	if errors.As(err, &e) {
		for _, d := range e.Details() {
			without.AddDetail(d)
		}
	}
	return without
}
