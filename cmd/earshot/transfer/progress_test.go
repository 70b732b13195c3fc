package transfer

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/creack/pty"

	"github.com/earshot-im/earshot/cmd/earshot/show"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// On a terminal there is a row for each file, which says how far it has come.
func TestBars(t *testing.T) {
	ours, theirs, err := pty.Open()
	if err != nil {
		t.Skip(err)
	}
	defer ours.Close()
	if err := pty.Setsize(theirs, &pty.Winsize{Rows: 24, Cols: 100}); err != nil {
		t.Fatal(err)
	}
	written := make(chan string, 1)
	go func() { // ends when the other end is closed
		var b bytes.Buffer
		_, _ = io.Copy(&b, ours)
		written <- b.String()
	}()
	shown := (&Mover{Stderr: theirs, Bars: true}).progress()
	file := func(n uint32, name string, had uint64, state string) *earshotv1.Transfer {
		return &earshotv1.Transfer{Attachment: &earshotv1.Attachment{N: n, Name: name, Size: 4_000_000, Had: had, State: state}, Rate: 1_500_000, Sources: 2}
	}
	for _, tr := range []*earshotv1.Transfer{file(1, "a.iso", 0, "fetching"), file(2, "b\x1b[2J.iso", 1_000_000, "fetching"), file(1, "a.iso", 2_000_000, "fetching")} {
		if err := shown.tell(tr); err != nil {
			t.Fatal(err)
		}
	}
	shown.end()
	shown.end()
	theirs.Close()
	got := <-written
	for _, want := range []string{"a.iso", "50 % of 4.0 MB, 1.5 MB/s from 2", "25 % of 4.0 MB", `"b\x1b[2J.iso"`, "[=======>"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in %q", want, got)
		}
	}
	for line := range strings.Lines(got) {
		if len(line) > 110 {
			t.Errorf("%q is too wide", line)
		}
	}
}

func TestProgressSuitsTheCaller(t *testing.T) {
	var out, told bytes.Buffer
	one := &earshotv1.Transfer{Id: "ab", Attachment: &earshotv1.Attachment{N: 1, Name: "a", Size: 4, Had: 2, State: "fetching"}}
	for _, m := range []*Mover{{}, {Out: show.Printer{JSON: true}}} {
		m.Stdout, m.Stderr = &out, &told
		shown := m.progress()
		if err := shown.tell(one); err != nil {
			t.Fatal(err)
		}
		shown.end()
	}
	if want := `{"id":"ab","n":1,"file":"a","bytes":2,"size":4,"rate":0,"sources":0,"state":"fetching"}` + "\n"; out.String() != want || told.Len() > 0 {
		t.Errorf("%q and %q", &out, &told)
	}
}
