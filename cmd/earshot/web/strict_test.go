package web

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/cmd/earshot/web/session"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// What WEB.md says of limits is so.
func TestLimitsAreAsWritten(t *testing.T) {
	text, err := os.ReadFile("WEB.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []string{
		fmt.Sprintf("| sessions | %d |", session.MaxSessions),
		fmt.Sprintf("of which %d that last", session.MaxLasting),
		fmt.Sprintf("| connections | %d |", maxConnections),
		fmt.Sprintf("| header of a request | %d KiB, within %.0f s |", maxHeader>>10, headerTime.Seconds()),
		fmt.Sprintf("| body of `/proof`, `/session`, `/ticket` | %d KiB |", maxEntry>>10),
		fmt.Sprintf("| body of a call | %d KiB, within %.0f s |", localapi.MaxRequest>>10, bodyTime.Seconds()),
		fmt.Sprintf("| standing still, of what is sent or read | %.0f s |", stands.Seconds()),
		fmt.Sprintf("| rest of a body that is not read since the answer is known | %.0f s |", restTime.Seconds()),
		fmt.Sprintf("one of the first %s must be", []string{4: "four"}[maxCookies]),
		fmt.Sprintf("of this host alone, %.0f days;", cookieLife.Hours()/24),
	} {
		if !strings.Contains(string(text), row) {
			t.Errorf("WEB.md does not say %q", row)
		}
	}
}

// A body has at most as much as it may have, and that much is taken.
func TestEntryUpToItsLimit(t *testing.T) {
	d := alone(t)
	for _, c := range []struct{ size, status int }{{maxEntry + 1, 413}, {maxEntry, 200}} {
		body := `{"code":"` + d.table.Admit() + `"}`
		if w := d.through("POST", "/session", body+strings.Repeat(" ", c.size-len(body))); w.Code != c.status {
			t.Errorf("%d bytes: %d %s", c.size, w.Code, w.Body)
		}
	}
}

// Only GET of the page itself may come from another page, and a person whom that refuses is told why.
func TestOnlyThePageIsNavigatedTo(t *testing.T) {
	b := newWorld(t).open(&earshotv1.OpenWebRequest{}).enter()
	for _, r := range [][2]string{{"HEAD", "/"}, {"GET", "/file/"}, {"GET", "/index.html"}, {"GET", "//"}, {"GET", "/?x=/"}} {
		want := 403
		if r[1] == "/?x=/" {
			want = 200
		}
		if got := b.ask(r[0], r[1], "", "Sec-Fetch-Site", "cross-site"); got.StatusCode != want {
			t.Errorf("%s %s: %d %s", r[0], r[1], got.StatusCode, got.body)
		}
	}
	got := b.ask("POST", "/", "", "Sec-Fetch-Site", "cross-site")
	if got.StatusCode != 403 || got.body != "Another page has sent this.\n" || got.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("%d %s %v", got.StatusCode, got.body, got.Header)
	}
	if got := b.ask("GET", "/file", ""); !got.says(405, "method") {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
	if got := b.ask("GET", "/filex", ""); !got.says(404, "missing") {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
}
