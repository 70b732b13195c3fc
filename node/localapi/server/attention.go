package server

import (
	"context"

	"connectrpc.com/connect"

	"github.com/earshot-im/earshot/node/attention"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
	"github.com/earshot-im/earshot/node/localapi/view"
)

// Typing tells others that the owner writes; *presence.Presence is one.
type Typing interface {
	SetTyping(ctx context.Context, who string, on bool) error
}

// Attention is where the owner is looking; *attention.Attention is one.
type Attention interface {
	Attend(ctx context.Context, client, who string, focused bool) error
	// Alerts tells what to show until ctx ends or tell fails. It tells the next only when tell has
	// returned.
	Alerts(ctx context.Context, client string, kind attention.Kind, tell func(attention.Alert) error) error
}

// attentionService answers the calls of service Attention.
type attentionService struct {
	attention Attention
	typing    Typing
}

var _ earshotv1.AttentionHandler = attentionService{}

func (s attentionService) Attend(ctx context.Context, r *earshotv1.AttendRequest) (*earshotv1.AttendResponse, error) {
	return &earshotv1.AttendResponse{}, s.attention.Attend(ctx, r.Client, r.Who, r.Focused)
}

func (s attentionService) SetTyping(ctx context.Context, r *earshotv1.SetTypingRequest) (*earshotv1.SetTypingResponse, error) {
	return &earshotv1.SetTypingResponse{}, s.typing.SetTyping(ctx, r.Who, r.Typing)
}

// alertKinds are the kinds of clients that may show notifications by the local API.
var alertKinds = map[string]attention.Kind{"page": attention.Page, "terminal": attention.Terminal}

func (s attentionService) Alerts(ctx context.Context, r *earshotv1.AlertsRequest, stream *connect.ServerStream[earshotv1.AlertsResponse]) error {
	kind, ok := alertKinds[r.Kind]
	if !ok {
		return attention.ErrClient
	}
	return s.attention.Alerts(ctx, r.Client, kind, func(a attention.Alert) error { return stream.Send(alert(a)) })
}

func alert(a attention.Alert) *earshotv1.AlertsResponse {
	v := &earshotv1.AlertsResponse{Close: a.Close, Title: view.Valid(a.Title), Text: view.Valid(a.Text), Count: uint32(a.Count), Silent: a.Silent}
	switch {
	case a.Strangers:
		v.With = &earshotv1.Target{Kind: "strangers"}
	case a.With.Kind != "":
		v.With, v.Conversation = view.Target(a.With), view.Text(a.Conversation)
	}
	return v
}
