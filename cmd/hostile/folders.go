package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/earshot-im/earshot/cmd/hostile/rogue"
	"github.com/earshot-im/earshot/store/event"
)

func init() {
	add(map[string]attack{
		"folders": {about: "a contact's folders and files whose names lead elsewhere", n: 1, run: (*attacker).folders},
	})
}

// evil is in the name of everything that must be nowhere.
const evil = "evil"

// refused are folders of which nothing may be saved, by what is wrong with them.
func refused() []*rogue.File {
	paths := func(paths ...string) (entries []rogue.Entry) {
		for _, p := range paths {
			entries = append(entries, rogue.Entry{Path: p, Content: []byte(evil)})
		}
		return entries
	}
	var all []*rogue.File
	refuse := func(what string, entries []rogue.Entry, more ...byte) {
		all = append(all, rogue.NewFolder("refused "+what, entries, more))
	}
	for what, path := range map[string]string{
		"absolute": "/tmp/" + evil, "up": "../" + evil, "up later": "a/../../" + evil, "up at the end": evil + "/..", "here": "./" + evil,
		"nothing between": "a//" + evil, "nothing": "", "NUL": evil + "\x00.txt", "backslash": `..\` + evil, "drive": `C:\` + evil,
		"no UTF-8": evil + "\xff", "too deep": strings.Repeat("a/", 64) + evil, "too long": strings.Repeat("a", 1021) + evil,
	} {
		refuse(what, paths(path))
	}
	refuse("twice", paths(evil, evil))
	refuse("a file and a folder", paths(evil, evil+"/a"))
	refuse("an empty folder and a folder", []rogue.Entry{{Path: evil + "/"}, {Path: evil + "/a"}})
	refuse("a folder with a content", paths(evil+"/"))
	refuse("out of order", paths(evil+" b", evil+" a"))
	refuse("no index", paths(evil), 0xff, 0xff)
	stream := paths(evil)
	stream[0].Content = make([]byte, 100)
	cut := rogue.NewFolder("", stream, nil).Stream
	cut = cut[:len(cut)-50]
	all = append(all, rogue.NewFile("refused files larger than the stream", cut, uint64(len(cut)), uint64(len(cut)-50)))
	const most = 1_000_000
	crowd := make([]rogue.Entry, most+1)
	for i := range crowd {
		crowd[i].Path = fmt.Sprintf("%s%07d", evil, i)
	}
	refuse("a file too many", crowd)
	last := crowd[:most]
	last[most-1].Path = evil // all of them are read before it is seen that this one is out of order
	refuse("a million files", last)
	return all
}

// harmless are names that are changed where they are saved.
var harmless = []string{"../" + evil, "..", "/tmp/" + evil, ".profile", ".earshot-0.part", "con", "nul.txt", "dot.", "space ", "a:b", "\u202efdp.exe", "line\nbreak"}

// folders offers them, in a message for each kind.
func (a *attacker) folders(ctx context.Context) error {
	folders := refused()
	var files []*rogue.File
	for _, name := range harmless {
		files = append(files, rogue.NewFile(name, []byte(name), uint64(len(name)), 0))
	}
	inside := []rogue.Entry{}
	for _, path := range []string{".profile", "A.txt", "CON", "a.txt", "a:b", "dot.", "e\u0301", "nul.txt", "space ", "\u00e9", "\u202efdp.exe"} {
		inside = append(inside, rogue.Entry{Path: path, Content: []byte(path)})
	}
	files = append(files, rogue.NewFolder("folder", inside, nil))
	s, err := a.Enter(ctx, a.AnySource(), a.Person(0, "Folders"))
	if err != nil {
		return err
	}
	defer s.Close()
	l := s.Direct()
	with := make(map[string][]*rogue.File) // a message's ID to what goes with it
	var messages []event.Event
	for _, some := range [][]*rogue.File{folders, files} {
		var attached []event.Attachment
		for _, f := range some {
			attached = append(attached, f.Attachment)
		}
		e := l.Attached(attached...)
		with[string(e.ID[:])] = some
		messages = append(messages, e)
	}
	go s.Serve(func(b *rogue.Blobs) { // ends with the session
		for {
			q, err := b.Request()
			if err != nil {
				return
			}
			some := with[string(q.Event)]
			if q.Attachment < uint64(len(some)) {
				err = b.Give(some[q.Attachment], &q)
			}
			if err != nil {
				return
			}
			a.Count("requests", 1)
		}
	})
	if err := a.attached(ctx, s, l.Sign(messages...)); err != nil {
		return err
	}
	s.Until(ctx)
	return nil
}
