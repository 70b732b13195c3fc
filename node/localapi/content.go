package localapi

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// FilePath is where the contents of files go over plain HTTP: see service Files of the schema.
const FilePath = "/file"

// maxPlain bounds an answer about a file that is not its content.
const maxPlain = 1 << 20

// Upload is a file whose content the caller has, for a node that can't read it itself.
type Upload struct {
	Name    string
	Type    string // media type; "": not known
	Picture bool   // as of AddRequest
	Voice   bool
	Anyway  bool
	Folder  bool // Content is a tar archive of what is in a folder
	Content io.Reader
	Size    int64 // of Content; -1: not known
}

// Upload has the node take in a content. It answers as Add does.
func (c *Client) Upload(ctx context.Context, u Upload) (*earshotv1.Added, error) {
	query := url.Values{"name": {u.Name}}
	if u.Type != "" {
		query.Set("type", u.Type)
	}
	for name, on := range map[string]bool{"picture": u.Picture, "voice": u.Voice, "anyway": u.Anyway, "folder": u.Folder} {
		if on {
			query.Set(name, "true")
		}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, "http://"+Host+FilePath+"?"+query.Encode(), io.NopCloser(u.Content))
	if err != nil {
		return nil, err
	}
	r.ContentLength = u.Size
	w, err := c.plain(r)
	if err != nil {
		return nil, err
	}
	defer w.Body.Close()
	b, err := io.ReadAll(io.LimitReader(w.Body, maxPlain))
	if err != nil {
		return nil, c.lost().explain(ctx, err)
	}
	added := new(earshotv1.Added)
	return added, protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(b, added)
}

// Content gives the content of an attachment that is held, or of an own one, and its size, -1 if that is not
// known: of a folder it is a tar archive. It must be closed.
func (c *Client) Content(ctx context.Context, id string, n uint32) (io.ReadCloser, int64, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://%s%s/%s/%d", Host, FilePath, url.PathEscape(id), n), nil)
	if err != nil {
		return nil, 0, err
	}
	w, err := c.plain(r)
	if err != nil {
		return nil, 0, err
	}
	return w.Body, w.ContentLength, nil
}

func (c *Client) lost() lost { return lost{c.calls.dir, c.calls.patience} }

// plain makes a call that is none of the schema. What the node refuses is an error as of the others.
func (c *Client) plain(r *http.Request) (*http.Response, error) {
	w, err := c.calls.Do(r)
	if err != nil {
		return nil, c.lost().explain(r.Context(), err)
	}
	if w.StatusCode == http.StatusOK {
		return w, nil
	}
	defer w.Body.Close()
	b, err := io.ReadAll(io.LimitReader(w.Body, maxPlain))
	if err != nil {
		return nil, c.lost().explain(r.Context(), err)
	}
	return nil, c.lost().explain(r.Context(), refusal(w, b))
}

// refusal is the error that an answer holds, as Connect writes it in JSON.
func refusal(w *http.Response, b []byte) error {
	var told struct {
		Code    connect.Code
		Message string
		Details []struct{ Type, Value string }
	}
	if err := json.Unmarshal(b, &told); err != nil || told.Code == 0 {
		if w.StatusCode == http.StatusNotFound || w.StatusCode == http.StatusMethodNotAllowed { // of a node that knows no files
			return connect.NewWireError(connect.CodeUnimplemented, errors.New(w.Status))
		}
		return connect.NewWireError(connect.CodeUnknown, fmt.Errorf("%s: %s", w.Status, bytes.TrimSpace(b)))
	}
	answered := connect.NewWireError(told.Code, errors.New(told.Message))
	for _, d := range told.Details {
		value, err := base64.RawStdEncoding.DecodeString(d.Value)
		p := new(earshotv1.Problem)
		if d.Type != string(p.ProtoReflect().Descriptor().FullName()) || err != nil || proto.Unmarshal(value, p) != nil {
			continue
		}
		if detail, err := connect.NewErrorDetail(p); err == nil {
			answered.AddDetail(detail)
		}
	}
	return answered
}
