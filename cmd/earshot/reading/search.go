package reading

import (
	"context"

	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// me is the owner, as who has written what is looked for.
const me = "me"

// Search tells what the node finds as it comes, at most limit messages. It asks for page after page
// of what the names in wanted mean at the start, and changes wanted. The last response says whether limit
// has ended the search.
func Search(ctx context.Context, client *localapi.Client, wanted *earshotv1.SearchRequest, limit uint32, tell func(*earshotv1.SearchResponse) error) (err error) {
	f, from := wanted.Filter, wanted.Filter.From
	if from == me {
		from = ""
	}
	if from, f.In, err = idsOf(ctx, client, from, f.In); err != nil {
		return err
	}
	if from != "" {
		f.From = from
	}
	for more := true; more && limit > 0; {
		wanted.Limit = min(limit, localapi.MaxPage)
		stream, err := client.Search(ctx, wanted)
		if err != nil {
			return err
		}
		for more = false; stream.Receive(); {
			r := stream.Msg()
			if n := len(r.Found); n > 0 {
				limit -= min(limit, uint32(n))
				wanted.After = r.Found[n-1].Message.GetId()
			}
			more = r.More
			if err := tell(r); err != nil {
				stream.Close()
				return err
			}
		}
		if err := stream.Err(); err != nil {
			return err
		}
		stream.Close()
	}
	return nil
}
