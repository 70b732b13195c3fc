package localapi_test

import (
	"testing"

	"github.com/earshot-im/earshot/node"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// Who was killed while sending asks by the key what became of it.
func TestSentIsFoundByItsKey(t *testing.T) {
	dir := t.TempDir()
	runNode(t, node.Config{Dir: dir, Name: "Ann"})
	client := localapi.Dial(dir)
	defer client.Close()
	ctx := t.Context()
	for _, name := range []string{"ops", "lunch"} {
		if _, err := client.CreateGroup(ctx, &earshotv1.CreateGroupRequest{Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	sent, err := client.Send(ctx, &earshotv1.SendRequest{To: "#ops", Text: "backup done", Key: "monday"})
	if err != nil {
		t.Fatal(err)
	}
	m, err := client.ByKey(ctx, &earshotv1.ByKeyRequest{Who: "ops", Key: "monday"})
	if err != nil || m.Id != sent.Id || m.Text != "backup done" || m.State != sent.State || !m.Own {
		t.Errorf("%v, %v", m, err)
	}
	for _, test := range []struct{ who, key, want string }{
		{"#ops", "tuesday", localapi.CodeNoMessage},
		{"#lunch", "monday", localapi.CodeNoMessage},
		{"#dinner", "monday", localapi.CodeUnknown},
		{"#ops", "", localapi.CodeInvalid},
	} {
		_, err := client.ByKey(ctx, &earshotv1.ByKeyRequest{Who: test.who, Key: test.key})
		if got := localapi.ProblemOf(err).GetCode(); got != test.want {
			t.Errorf("%s %q: %v, want %s", test.who, test.key, err, test.want)
		}
	}
}
