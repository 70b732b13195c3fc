package server

import (
	"context"
	"fmt"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
	"github.com/earshot-im/earshot/node/localapi/view"
)

func (s messagesService) Search(ctx context.Context, r *earshotv1.SearchRequest, stream *connect.ServerStream[earshotv1.SearchResponse]) error {
	wanted, err := search(r)
	if err != nil {
		return err
	}
	return s.reading.Search(ctx, wanted, func(b chat.SearchBatch) error {
		return stream.Send(&earshotv1.SearchResponse{
			Found: view.Each(b.Found, view.Found), Back: view.Stamp(b.Back), Made: b.Made, Of: b.Of, More: b.More,
		})
	})
}

// search reads what is looked for.
func search(r *earshotv1.SearchRequest) (s chat.Search, err error) {
	s = chat.Search{Words: r.Words, Filter: filter(r.Filter), Limit: localapi.DefaultFound}
	if s.Since, err = optionalTime(r.Since); err != nil {
		return s, err
	}
	if s.Before, err = optionalTime(r.Before); err != nil {
		return s, err
	}
	if r.Since != nil && r.Before != nil && !s.Since.Before(s.Before) {
		return s, fmt.Errorf("%w: before is not later than since", errInvalid)
	}
	if s.After, err = optionalID(r.After); err != nil {
		return s, err
	}
	if r.Limit > 0 {
		s.Limit, err = pageLimit(r.Limit)
	}
	return s, err
}

// optionalTime is the zero time where there is none.
func optionalTime(t *timestamppb.Timestamp) (time.Time, error) {
	if t == nil {
		return time.Time{}, nil
	}
	if err := t.CheckValid(); err != nil || t.Seconds < 0 { // no message is from before 1970
		return time.Time{}, fmt.Errorf("%w: a time that is none, or from before 1970", errInvalid)
	}
	return t.AsTime(), nil
}
