package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/earshot-im/earshot/"

// imports is the complete list of what the packages import of each other, from the top of the house
// to the bottom. A package that is not listed, an import that is not listed and a listed import
// that is not there are faults. Before you add a line, find out whether the arrow points down: cmd
// → node/localapi/server → node → its rooms → store → crypto, discovery beside store; the client in
// node/localapi sees only the rules of texts and names. Features (chat, membership, doctor, files and others) import no
// feature; node/conversations, node/journal and node/attention, which show what they
// show, stand above them.
var imports = map[string]string{
	"cmd/earshot":          "cmd/earshot/browsing cmd/earshot/circle cmd/earshot/command cmd/earshot/handing cmd/earshot/problem cmd/earshot/running cmd/earshot/show cmd/earshot/suggest cmd/earshot/talk cmd/earshot/terminal",
	"cmd/earshot/running":  "cmd/earshot/advice cmd/earshot/command cmd/earshot/doctor cmd/earshot/object cmd/earshot/passphrase cmd/earshot/problem cmd/earshot/program cmd/earshot/show cmd/earshot/terminal cmd/earshot/tui cmd/earshot/up node/localapi node/localapi/v1",
	"cmd/earshot/browsing": "cmd/earshot/command cmd/earshot/desktop cmd/earshot/terminal node/localapi node/localapi/v1",
	"cmd/earshot/circle":   "cmd/earshot/command cmd/earshot/object cmd/earshot/problem cmd/earshot/show cmd/earshot/terminal node/localapi node/localapi/v1",
	"cmd/earshot/talk":     "cmd/earshot/command cmd/earshot/linear cmd/earshot/problem cmd/earshot/reading cmd/earshot/sending cmd/earshot/show cmd/earshot/terminal cmd/earshot/transfer node/localapi node/localapi/v1",
	"cmd/earshot/command":  "cmd/earshot/advice cmd/earshot/problem cmd/earshot/reading cmd/earshot/service cmd/earshot/show cmd/earshot/starting cmd/earshot/terminal cmd/earshot/transfer node/localapi",
	"cmd/earshot/handing":  "cmd/earshot/command cmd/earshot/problem cmd/earshot/reading cmd/earshot/transfer node/localapi node/localapi/v1",
	"cmd/earshot/transfer": "cmd/earshot/attachment cmd/earshot/object cmd/earshot/problem cmd/earshot/show node/localapi node/localapi/v1",
	"cmd/earshot/screen":   "cmd/earshot/compose cmd/earshot/frame cmd/earshot/label cmd/earshot/problem cmd/earshot/room cmd/earshot/words node/localapi node/localapi/v1",
	"cmd/earshot/act":      "cmd/earshot/advice cmd/earshot/attachment cmd/earshot/compose cmd/earshot/frame cmd/earshot/label cmd/earshot/people cmd/earshot/phrase cmd/earshot/room cmd/earshot/screen cmd/earshot/terminal cmd/earshot/transfer cmd/earshot/words node/localapi/v1",
	"cmd/earshot/people":   "cmd/earshot/frame cmd/earshot/label cmd/earshot/phrase cmd/earshot/screen cmd/earshot/words node/localapi node/localapi/v1",
	"cmd/earshot/words":    "",
	"cmd/earshot/panes":    "cmd/earshot/advice cmd/earshot/attachment cmd/earshot/frame cmd/earshot/label cmd/earshot/phrase cmd/earshot/room cmd/earshot/screen cmd/earshot/terminal cmd/earshot/words node/localapi/v1",
	"cmd/earshot/compose":  "cmd/earshot/frame cmd/earshot/terminal",
	"cmd/earshot/frame":    "cmd/earshot/terminal",
	"cmd/earshot/tui":      "cmd/earshot/act cmd/earshot/frame cmd/earshot/lock cmd/earshot/panes cmd/earshot/screen cmd/earshot/terminal cmd/earshot/transfer node/localapi node/localapi/v1",
	"cmd/earshot/lock":     "",
	"cmd/picture":          "",
	"cmd/earshot/suggest":  "cmd/earshot/attachment cmd/earshot/label cmd/earshot/phrase node/localapi node/localapi/v1",
	"cmd/earshot/web":      "cmd/earshot/web/page cmd/earshot/web/session node/localapi node/localapi/v1",
	"cmd/earshot/web/page": "",

	"cmd/earshot/web/session": "",

	"cmd/earshot/up":       "cmd/earshot/desktop cmd/earshot/passphrase cmd/earshot/problem cmd/earshot/program cmd/earshot/service cmd/earshot/show cmd/earshot/web crypto crypto/names node node/attention node/budget node/link node/localapi node/localapi/server node/localapi/v1 node/localapi/view node/warnings store store/event",
	"cmd/earshot/desktop":  "cmd/earshot/terminal",
	"cmd/earshot/reading":  "cmd/earshot/problem cmd/earshot/show node/localapi node/localapi/v1",
	"cmd/earshot/sending":  "cmd/earshot/phrase cmd/earshot/problem cmd/earshot/show node/localapi node/localapi/v1",
	"cmd/earshot/problem":  "cmd/earshot/label cmd/earshot/object cmd/earshot/phrase cmd/earshot/show cmd/earshot/terminal node/localapi node/localapi/v1",
	"cmd/earshot/show":     "cmd/earshot/advice cmd/earshot/attachment cmd/earshot/label cmd/earshot/object cmd/earshot/phrase cmd/earshot/terminal node/localapi/v1",
	"cmd/earshot/phrase":   "cmd/earshot/label cmd/earshot/terminal node/localapi/v1",
	"cmd/earshot/object":   "cmd/earshot/advice cmd/earshot/label cmd/earshot/terminal node/localapi/v1",
	"cmd/earshot/label":    "cmd/earshot/terminal crypto/names node/localapi/v1",
	"cmd/earshot/starting": "cmd/earshot/detach cmd/earshot/object cmd/earshot/passphrase cmd/earshot/problem cmd/earshot/program cmd/earshot/service cmd/earshot/show cmd/earshot/terminal node/localapi node/localapi/v1",
	"cmd/earshot/detach":   "",
	"cmd/earshot/linear":   "cmd/earshot/attachment cmd/earshot/phrase cmd/earshot/problem cmd/earshot/reading cmd/earshot/sending cmd/earshot/show cmd/earshot/transfer node/localapi node/localapi/v1",
	"cmd/earshot/room":     "node/localapi/v1",
	"cmd/earshot/program":  "",
	"cmd/earshot/service":  "",
	"cmd/earshot/terminal": "crypto/names",
	"cmd/demo":             "cmd/isolate",
	"cmd/lab":              "",
	"cmd/bench":            "cmd/bench/chart cmd/bench/floor cmd/bench/large cmd/bench/nodes cmd/bench/peers cmd/bench/process cmd/bench/report cmd/bench/screens cmd/bench/slow cmd/bench/ssh cmd/isolate node/localapi/v1",
	"cmd/bench/nodes":      "cmd/bench/floor cmd/bench/process node/localapi node/localapi/v1",
	"cmd/bench/chart":      "cmd/bench/report",
	"cmd/bench/large":      "cmd/bench/nodes cmd/bench/process cmd/bench/report node/localapi/v1",
	"cmd/bench/report":     "",
	"cmd/bench/screens":    "cmd/bench/nodes cmd/bench/process cmd/bench/report cmd/earshot/web/page cmd/window node/localapi/v1",
	"cmd/bench/floor":      "cmd/bench/process node/link",
	"cmd/bench/peers":      "cmd/bench/report",
	"cmd/bench/process":    "",
	"cmd/bench/slow":       "cmd/bench/nodes node node/localapi/server store/slow",
	"cmd/bench/ssh":        "cmd/bench/process",
	"cmd/window":           "",
	"cmd/hostile":          "cmd/hostile/rogue cmd/isolate crypto node/localapi node/localapi/v1 node/wire store/event",
	"cmd/hostile/rogue":    "crypto crypto/canon node/wire store/event",
	"cmd/isolate":          "",

	"cmd/earshot/doctor":     "cmd/earshot/advice crypto discovery node node/checks node/localapi/v1 node/localapi/view node/system store",
	"cmd/earshot/advice":     "cmd/earshot/label cmd/earshot/terminal node/localapi/v1",
	"cmd/earshot/attachment": "cmd/earshot/label cmd/earshot/object cmd/earshot/terminal node/localapi/v1",
	"cmd/earshot/passphrase": "cmd/earshot/problem crypto store",

	"node/localapi":        "crypto/names node/localapi/v1 store/event",
	"node/localapi/server": "crypto crypto/names node node/attention node/chat node/checks node/contacts node/conversations node/doctor node/files node/journal node/localapi node/localapi/v1 node/localapi/view node/membership node/people node/quiet node/waiting store store/desk store/event",
	"node/localapi/view":   "crypto node node/chat node/checks node/contacts node/conversations node/files node/localapi/v1 node/membership node/people node/quiet node/waiting node/warnings store store/desk store/event",
	"node/localapi/v1":     "",

	"node": "crypto crypto/names discovery node/attention node/authority node/beacon node/budget node/chat node/checks node/contacts node/conversations node/crowd node/dial node/doctor node/files node/files/exchange node/files/give node/groups node/ingest node/journal node/link node/mdns node/membership node/mesh node/notify node/people node/presence node/receipts node/session node/sharing node/sightings node/sync node/system node/waiting node/warnings store store/event",

	"node/chat":          "crypto node/authority node/contacts node/groups node/notify node/people node/phonebook node/receipts node/waiting store store/event store/fold",
	"node/conversations": "crypto node/chat node/contacts node/groups node/notify node/people store store/desk store/event",

	"node/files": "crypto node/contacts node/files/exchange node/files/fetch node/files/gifts node/files/give node/files/intake node/files/place node/files/queue node/files/rate node/files/space node/files/tree node/notify node/people store store/blob store/event store/shelf",

	"node/waiting":    "crypto node/contacts node/dial node/groups node/people node/wire store store/event",
	"node/membership": "crypto crypto/names node/authority node/contacts node/groups node/people store store/event",
	"node/doctor":     "crypto crypto/canon discovery node/budget node/checks node/link node/warnings",
	"node/system":     "discovery node/beacon node/checks node/mdns node/multicast store",
	"node/checks":     "crypto discovery node/warnings",
	"node/crowd":      "crypto node/gossip node/groups node/ingest node/link node/notify node/people node/session node/sync node/wire store store/event",
	"node/journal":    "crypto node/chat node/contacts node/conversations node/groups node/notify node/people node/presence store store/event",
	"node/attention":  "crypto node/chat node/contacts node/journal node/notify node/people node/quiet store/event",
	"node/presence":   "crypto node/authority node/budget node/contacts node/notify node/people store/event",
	"node/phonebook":  "crypto crypto/names node/people store/book store/event",
	"node/contacts":   "crypto crypto/names node/authority node/groups node/people node/phonebook store store/book store/event",
	"node/ingest":     "crypto node/authority node/groups node/people node/receipts node/sync node/wire store store/book store/event",
	"node/sharing":    "crypto node/groups node/people node/sync store store/event",
	"node/people":     "crypto crypto/names discovery node/authority node/budget node/groups node/notify node/quiet store store/book store/event",
	"node/receipts":   "crypto node/notify store store/event",
	"node/warnings":   "crypto node/people store store/event",
	"node/mesh":       "crypto discovery node/budget node/dial node/fair node/link node/notify node/session node/sync node/wire store/event",
	"node/session":    "crypto node/budget node/notify node/sync node/wire store/event",
	"node/groups":     "crypto node/authority node/wire store store/book store/event",
	"node/gossip":     "crypto crypto/canon node/link node/wire store/event",
	"node/authority":  "crypto store/event",
	"node/sync":       "crypto node/wire store/event",
	"node/wire":       "crypto crypto/canon store/event",
	"node/dial":       "discovery node/budget node/fair",
	"node/link":       "node/budget node/fair",
	"node/fair":       "",
	"node/budget":     "crypto node/fair",
	"node/beacon":     "discovery node/multicast node/sightings",
	"node/mdns":       "discovery node/multicast node/sightings",
	"node/multicast":  "discovery",
	"node/sightings":  "discovery node/fair",
	"node/notify":     "",
	"node/quiet":      "",

	"node/files/fetch":    "crypto store/blob",
	"node/files/queue":    "crypto",
	"node/files/space":    "store",
	"node/files/place":    "node/files/fetch node/files/naming node/files/tree store store/blob store/shelf",
	"node/files/gifts":    "crypto node/files/exchange node/files/give node/files/place node/files/rate node/files/tree store store/blob store/event store/shelf",
	"node/files/rate":     "",
	"node/files/intake":   "node/files/picture node/files/place node/files/space node/files/tree node/files/voice store store/blob store/event store/shelf",
	"node/files/naming":   "store/blob",
	"node/files/tree":     "node/files/naming store/blob",
	"node/files/exchange": "crypto/canon node/notify store/blob store/event",
	"node/files/give":     "crypto node/budget node/fair node/files/exchange node/notify store/blob",

	"node/files/picture": "",
	"node/files/voice":   "",

	"node/link/memnet": "",

	"discovery": "",

	"store":         "crypto crypto/canon store/blob store/book store/changes store/desk store/directory store/disk store/engine store/event store/fold store/ids store/layout store/search store/shelf store/tx",
	"store/blob":    "crypto crypto/canon",
	"store/book":    "crypto crypto/canon store/disk store/event store/tx",
	"store/changes": "store/disk store/event store/tx",
	"store/crash":   "store/disk",
	"store/desk":    "crypto crypto/canon store/disk store/event store/tx",
	"store/fold":    "",
	"store/ids":     "store/event store/tx",
	"store/layout":  "crypto store/disk store/event",
	"store/search":  "",
	"store/slow":    "store/disk",
	"store/shelf":   "crypto crypto/canon store/blob store/disk store/tx",
	"store/tx":      "store/disk store/engine",

	"store/directory": "crypto store/disk store/engine store/journal",
	"store/engine":    "store/disk store/journal store/memtable",
	"store/journal":   "store/disk",
	"store/memtable":  "",
	"store/disk":      "",

	"store/event": "crypto crypto/canon crypto/names store/blob",

	"crypto":       "crypto/canon",
	"crypto/canon": "",
	"crypto/names": "",
}

// outsiders lists who may import libraries that belong to one part of the house, by the beginning
// of their paths.
var outsiders = map[string]string{
	"go.etcd.io/bbolt":                     "store/engine cmd/bench/floor",
	"github.com/tidwall/btree":             "store/memtable",
	"github.com/libp2p/go-libp2p-pubsub":   "node/gossip cmd/bench/floor",
	"github.com/libp2p/go-libp2p/p2p":      "node/link node/gossip cmd/hostile cmd/hostile/rogue",
	"github.com/libp2p/":                   "discovery node node/beacon node/dial node/doctor node/gossip node/link node/link/memnet node/mesh node/people node/session cmd/bench/floor cmd/hostile cmd/hostile/rogue node/mdns node/sightings",
	"github.com/grandcat/zeroconf":         "node/mdns",
	"github.com/miekg/dns":                 "node/mdns cmd/hostile",
	"connectrpc.com/":                      "node/localapi node/localapi/server node/localapi/v1 cmd/earshot/problem cmd/earshot/reading cmd/earshot/sending cmd/earshot/web",
	"github.com/spf13/":                    "cmd/earshot cmd/earshot/browsing cmd/earshot/circle cmd/earshot/command cmd/earshot/handing cmd/earshot/running cmd/earshot/suggest cmd/earshot/talk",
	"golang.org/x/crypto/chacha20poly1305": "crypto node/gossip",
	"github.com/charmbracelet/":            "cmd/earshot/tui cmd/picture cmd/window",
	"github.com/vbauerster/":               "cmd/earshot/transfer",
	"github.com/creack/pty":                "cmd/window",
	"github.com/rivo/uniseg":               "cmd/earshot/compose cmd/earshot/frame",
	"github.com/vishvananda/netlink":       "cmd/earshot/web cmd/isolate",
	"github.com/godbus/":                   "cmd/earshot/desktop cmd/earshot/lock",
	"github.com/chromedp/":                 "cmd/bench/screens",
	"golang.org/x/image/":                  "node/files/picture",
}

// pure lists the packages that touch no file, socket or log, so that a simulation can drive them.
var pure = []string{"crypto/canon", "crypto/names", "store/blob", "store/event", "store/fold", "node/authority", "node/checks", "node/dial", "node/fair", "node/files/fetch", "node/files/naming", "node/files/picture", "node/files/queue", "node/files/rate", "node/files/voice", "node/quiet", "node/sync", "node/wire"}

// stories are the floors of the house, the lowest first. A test may import what is on its own floor
// or below.
var stories = []string{"crypto", "store", "discovery", "node", "cmd"}

func storyOf(path string) int {
	top, _, _ := strings.Cut(path, "/")
	return slices.Index(stories, top)
}

// seen is what the command line may import of the rest: the client of the local API, and the pure
// rules about characters. Only the package that runs a node, and the one that examines the directory of
// a node that is stopped, may import more.
var seen = []string{"node/localapi", "node/localapi/v1", "crypto/names"}

// opensDirectory are the packages that work without a running node.
var opensDirectory = []string{"up", "doctor", "passphrase"}

// compiled is what the go command says of one package.
type compiled struct {
	ImportPath                         string
	Imports, TestImports, XTestImports []string
}

// compiledPackages lists the packages of the project, by their paths in it.
func compiledPackages(t *testing.T) map[string]compiled {
	t.Helper()
	list := exec.Command("go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", "./...")
	list.Dir = "../.."
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]compiled)
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p compiled
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimPrefix(p.ImportPath, module)] = p
	}
}

// TestImports holds the lists of imports.
func TestImports(t *testing.T) {
	packages := compiledPackages(t)
	for name := range imports {
		if _, there := packages[name]; !there {
			t.Errorf("%s is listed and is not there", name)
		}
	}
	for name, p := range packages {
		listed, ok := imports[name]
		if !ok {
			t.Errorf("%s is not listed", name)
			continue
		}
		want, have := strings.Fields(listed), []string{}
		for _, path := range p.Imports {
			if to, own := strings.CutPrefix(path, module); own {
				have = append(have, to)
				continue
			}
			for library, users := range outsiders {
				if strings.HasPrefix(path, library) && !slices.Contains(strings.Fields(users), name) {
					t.Errorf("%s imports %s", name, path)
				}
			}
			if slices.Contains(pure, name) && slices.Contains([]string{"net", "os", "log/slog", "context", "syscall"}, path) {
				t.Errorf("%s imports %s, and is to be pure", name, path)
			}
		}
		for _, to := range have {
			if !slices.Contains(want, to) {
				t.Errorf("%s imports %s", name, to)
			}
		}
		for _, to := range want {
			if !slices.Contains(have, to) {
				t.Errorf("%s does not import %s, as is listed", name, to)
			}
		}
		for _, path := range slices.Concat(p.TestImports, p.XTestImports) {
			if to, own := strings.CutPrefix(path, module); own && storyOf(to) > storyOf(name) {
				t.Errorf("a test of %s imports %s", name, to)
			}
		}
	}
}

// TestListedImportsPointDown: the list itself must not let anything point up, or one feature import
// another.
func TestListedImportsPointDown(t *testing.T) {
	features := []string{"node/chat", "node/files", "node/membership", "node/doctor"}
	above := []string{"node", "node/conversations", "node/journal", "node/attention"}
	for from, listed := range imports {
		for _, to := range strings.Fields(listed) {
			switch {
			case strings.HasPrefix(from, "node/localapi/") && (to == "node" || to == "node/localapi"): // these stand above what they serve
			case storyOf(to) > storyOf(from), strings.HasPrefix(from, to+"/"):
				t.Errorf("%s imports %s, which is above it", from, to)
			case slices.Contains(features, from) && slices.Contains(features, to):
				t.Errorf("%s imports %s: both are features", from, to)
			case slices.Contains(features, to) && !slices.Contains(above, from) && !strings.HasPrefix(from, "node/localapi/"):
				t.Errorf("%s imports the feature %s", from, to)
			}
		}
	}
}

func TestCommandsSeeTheClient(t *testing.T) {
	here, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	below, err := filepath.Glob("*/*.go")
	if err != nil || len(here) == 0 || len(below) == 0 {
		t.Fatalf("%d and %d files: %v", len(here), len(below), err)
	}
	for _, name := range slices.Concat(here, below) {
		name = filepath.ToSlash(name)
		if strings.HasSuffix(name, "_test.go") || slices.Contains(opensDirectory, path.Dir(name)) {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range f.Imports {
			path, _ := strconv.Unquote(spec.Path.Value)
			to, own := strings.CutPrefix(path, module)
			if own && !strings.HasPrefix(to, "cmd/") && !slices.Contains(seen, to) {
				t.Errorf("%s imports %s", name, to)
			}
		}
	}
}

func TestTopLevel(t *testing.T) {
	allowed := []string{"cmd", "node", "discovery", "crypto", "store", "go.mod", "go.sum", "Makefile", "README.md", "LICENSE"}
	entries, err := os.ReadDir("../..")
	if err != nil {
		t.Fatal(err)
	}
	ignored, err := os.ReadFile("../../.gitignore") // what is built doesn't belong to the project
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(ignored)) {
		allowed = append(allowed, strings.Trim(strings.TrimSpace(line), "/"))
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(allowed, e.Name()) {
			t.Errorf("%s does not belong to the top level", e.Name())
		}
	}
}
