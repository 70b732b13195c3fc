package web

import (
	"errors"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// eachMethod calls do with every method of the schema.
func eachMethod(do func(service string, m protoreflect.MethodDescriptor)) {
	protoregistry.GlobalFiles.RangeFilesByPackage("earshot.v1", func(f protoreflect.FileDescriptor) bool {
		for i := range f.Services().Len() {
			s := f.Services().Get(i)
			for j := range s.Methods().Len() {
				do(string(s.Name()), s.Methods().Get(j))
			}
		}
		return true
	})
}

// Rule 8: of each method it is said whether a page may call it. Somebody who adds one has to think of that.
func TestEveryMethodIsPermittedOrRefused(t *testing.T) {
	seen := make(map[string]bool)
	eachMethod(func(service string, m protoreflect.MethodDescriptor) {
		name := service + "." + string(m.Name())
		seen[name] = true
		_, may := methods["/earshot.v1."+service+"/"+string(m.Name())]
		if why, not := refused[name]; may == not || not && why == "" {
			t.Errorf("%s: permitted: %t, refused: %t", name, may, not)
		}
		if may && m.IsStreamingClient() {
			t.Errorf("%s takes a stream", name)
		}
	})
	for name := range refused {
		if !seen[name] {
			t.Errorf("%s is refused, and there is none", name)
		}
	}
	for service, names := range permitted {
		for name := range strings.FieldsSeq(names) {
			if !seen[service+"."+name] {
				t.Errorf("%s.%s is permitted, and there is none", service, name)
			}
		}
	}
	for _, never := range []string{"Node.Down", "Node.RecoveryWords", "Node.ForgetRecoveryWords", "Files.Add", "Files.SaveFiles", "Web.OpenWeb", "Web.WebSessions", "Web.EndWebSession", "Web.StopWeb"} {
		if refused[never] == "" {
			t.Errorf("%s is not refused", never)
		}
	}
	if m := methods[earshotv1.MessagesWaitProcedure]; !m.lasts || m.streams {
		t.Errorf("%+v", m)
	}
	if m := methods[earshotv1.JournalChangesProcedure]; !m.lasts || !m.streams {
		t.Errorf("%+v", m)
	}
}

// paths are the fields of the schema that hold a path of this machine, or may hold one.
var paths = map[string]bool{
	"Attachment.saved": true, "FileSettings.dir": true, "Check.about": true, "Check.detail": true, "Values.program": true, "Problem.text": true,
}

// fields lists the text fields of the answers that a page gets, by their message.
func fields(m protoreflect.MessageDescriptor, into map[string]protoreflect.FieldDescriptor, seen map[protoreflect.FullName]bool) {
	if seen[m.FullName()] {
		return
	}
	seen[m.FullName()] = true
	for i := range m.Fields().Len() {
		f := m.Fields().Get(i)
		if f.Message() != nil {
			fields(f.Message(), into, seen)
		}
		into[string(m.Name())+"."+string(f.Name())] = f
	}
}

// Rule 8: whoever adds a field that has a path of this machine has to think of the pages.
func TestFieldsWithPaths(t *testing.T) {
	all := make(map[string]protoreflect.FieldDescriptor)
	seen := make(map[protoreflect.FullName]bool)
	eachMethod(func(service string, m protoreflect.MethodDescriptor) {
		if _, may := methods["/earshot.v1."+service+"/"+string(m.Name())]; may {
			fields(m.Output(), all, seen)
		}
	})
	fields((&earshotv1.Problem{}).ProtoReflect().Descriptor(), all, seen)
	for name := range paths {
		if all[name] == nil {
			t.Errorf("no answer has %s", name)
		}
	}
	for name, f := range all {
		about := strings.ToLower(string(f.Name()))
		for _, word := range []string{"path", "dir", "folder_", "saved", "file_name", "home"} {
			if strings.Contains(about, word) && f.Kind() == protoreflect.StringKind && !paths[name] {
				t.Errorf("%s may hold a path", name)
			}
		}
	}
}

// filled is a message in which every text is the same.
func filled(m protoreflect.Message, text string, depth int) {
	if depth > 6 {
		return
	}
	for i := range m.Descriptor().Fields().Len() {
		f := m.Descriptor().Fields().Get(i)
		switch {
		case f.Message() != nil && f.IsList():
			list := m.Mutable(f).List()
			e := list.NewElement()
			filled(e.Message(), text, depth+1)
			list.Append(e)
		case f.Message() != nil:
			filled(m.Mutable(f).Message(), text, depth+1)
		case f.Kind() != protoreflect.StringKind:
		case f.IsList():
			m.Mutable(f).List().Append(protoreflect.ValueOfString(text))
		default:
			m.Set(f, protoreflect.ValueOfString(text))
		}
	}
}

// found notes the fields that hold a text.
func found(m protoreflect.Message, text string, into map[string]bool) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		name := string(m.Descriptor().Name()) + "." + string(f.Name())
		switch {
		case f.Message() != nil && f.IsList():
			for i := range v.List().Len() {
				found(v.List().Get(i).Message(), text, into)
			}
		case f.Message() != nil:
			found(v.Message(), text, into)
		case f.Kind() == protoreflect.StringKind && f.IsList():
			into[name] = into[name] || v.List().Get(0).String() == text
		case f.Kind() == protoreflect.StringKind:
			into[name] = into[name] || v.String() == text
		}
		return true
	})
}

func TestPathsAreTakenOut(t *testing.T) {
	const path = "/home/ann/secret"
	for _, m := range []proto.Message{&earshotv1.ChangesResponse{}, &earshotv1.ListFilesResponse{}, &earshotv1.TransfersResponse{}, &earshotv1.MeResponse{}, &earshotv1.Check{},
		&earshotv1.MessagesResponse{}, &earshotv1.ForwardResponse{}, &earshotv1.ConversationsResponse{}, &earshotv1.FilesResponse{}, &earshotv1.SearchResponse{}} {
		filled(m.ProtoReflect(), path, 0)
		before, after := make(map[string]bool), make(map[string]bool)
		found(m.ProtoReflect(), path, before)
		clean(m)
		found(m.ProtoReflect(), path, after)
		for name := range before {
			if after[name] == paths[name] {
				t.Errorf("%T: %s is there: %t", m, name, after[name])
			}
		}
	}
	about := &earshotv1.Check{Check: "interfaces", About: "eth0", Detail: path}
	clean(about)
	if about.About != "eth0" || about.Detail != "" {
		t.Errorf("%v", about)
	}
}

func TestErrorsHaveNoWords(t *testing.T) {
	secret := errors.New("open /home/ann/secret: permission denied")
	with := connect.NewError(connect.CodeNotFound, secret)
	detail, err := connect.NewErrorDetail(&earshotv1.Problem{Code: localapi.CodeUnknown, Near: []string{"Bob"}})
	if err != nil {
		t.Fatal(err)
	}
	with.AddDetail(detail)
	got := wordless(with)
	var e *connect.Error
	if p := localapi.ProblemOf(got); !errors.As(got, &e) || e.Message() != "unknown" || e.Code() != connect.CodeNotFound || p.GetNear()[0] != "Bob" {
		t.Errorf("%v", got)
	}
	if got := wordless(secret); strings.Contains(got.Error(), "ann") || connect.CodeOf(got) != connect.CodeUnknown {
		t.Errorf("%v", got)
	}
	if wordless(nil) != nil {
		t.Error("no error is one")
	}
}
