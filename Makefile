# earshot: see README.md. Every target runs from a fresh clone with Go installed.
# The comment line directly above a target is what `make help` says about it.

GO          ?= go
PREFIX      ?= /usr/local
VERSION     ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
STATICCHECK ?= honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME    ?= 5s
TESTFLAGS   ?=
BENCHFLAGS  ?=
PEERS       ?= $(wildcard ../shared/bench/run.sh)
BIN         := bin/earshot
HOSTILE     := bin/hostile
INLAB       := EARSHOT_BIN=$(CURDIR)/$(BIN) EARSHOT_HOSTILE_BIN=$(CURDIR)/$(HOSTILE) EARSHOT_HOSTILE_TABLE=$(CURDIR)/$(HOSTILE).txt EARSHOT_DOCTOR_TABLE=$(CURDIR)/bin/doctor.txt
BUILD       := CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w -X main.version=$(VERSION)'
ASROOT      := $(if $(filter-out 0,$(shell id -u)),-exec "sudo env PATH=$(PATH)")

.PHONY: build help install uninstall dist dist-test demo test check bench pictures fuzz lab crowd hostile generate

# build bin/earshot (this is what a bare make does)
build:
	$(BUILD) -o $(BIN) ./cmd/earshot

# list the targets
help:
	@awk '/^# /{about=substr($$0,3);next} /^[a-z-]+:/{if(about){sub(/:.*/,"");printf "  make %-9s %s\n",$$0,about}} {about=""}' $(firstword $(MAKEFILE_LIST))
	@echo
	@echo 'Variables: PREFIX and DESTDIR for install, VERSION for build, TESTFLAGS for test and lab, FUZZTIME for fuzz, PEERS, CHART and BENCHFLAGS for bench.'

# put the program into PREFIX/bin, /usr/local/bin unless set
install: build
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 755 $(BIN) $(DESTDIR)$(PREFIX)/bin/earshot

# take the program away again; messages, keys and settings stay
uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/earshot
	@echo 'Messages and keys stay where they are, in .local/share/earshot in the home of each user (on macOS in Library/Application Support/earshot).'
	@echo 'A node that was not ended before, by `earshot service remove` or `earshot down`, goes on until its user logs out or the machine is restarted.'

# make packages, archives and their checksums in dist/; the same source gives the same bytes
dist:
	cd .dist && $(GO) run . -version '$(VERSION)'

# install, update and remove the packages of dist on Debians in containers; needs Debian, root, and what .ci/run installs
dist-test: dist
	cd .dist && $(GO) test $(ASROOT) -tags root -count 1 -timeout 20m $(TESTFLAGS) ./...

# show three real nodes on this machine finding each other and talking
demo: build
	$(GO) run ./cmd/demo $(BIN)

# The commands and the page are tested in many processes: beside each other, on two slow processors, they may take longer
# than the ten minutes after which go test takes a package for stuck.
# run the tests; they stay on loopback or in memory
test:
	$(GO) test -timeout 20m $(TESTFLAGS) ./...

# The race detector makes tests take up to ten times as long. So with -short, what a test does many times
# over in one goroutine it does fewer times, and of the scripts only those run that are about what happens at
# once; and packages in which nothing runs at once are left out. make test does all of it.
# BUBBLES have one processor: with two, Go 1.26 crashes where the race detector and synctest meet timers that are
# due already, since all goroutines of a bubble run those in one context of the detector. What is a race is seen
# by what comes before what, not by running at the same time.
# Vet and staticcheck are told of the tag lab, by which no file is left out. Only the race detector needs cgo.
BUBBLES = $$(grep -rl --include='*_test.go' '"testing/synctest"' cmd node discovery crypto store | xargs -n 1 dirname | sort -u | paste -sd '|')
ALONE = crypto/(canon|names)|store/(event|layout)|node/(authority|checks|dial|fair|quiet|sync|wire|files/(fetch|queue|naming|voice))|cmd/earshot/(object|label|advice|panes|compose|frame|words|room)
# check format, vet, staticcheck and go.mod, and run the tests with the race detector
check:
	@out=$$(gofmt -l cmd node discovery crypto store .dist); [ -z "$$out" ] || { echo "not formatted:"; echo "$$out"; exit 1; }
	$(GO) vet -tags lab ./...
	$(GO) run $(STATICCHECK) -tags lab ./...
	$(GO) mod tidy -diff
	cd .dist && $(GO) vet -tags root ./... && $(GO) run $(STATICCHECK) -tags root ./... && $(GO) mod tidy -diff
	cd cmd/earshot/web/page/.vendor && $(GO) vet ./... && $(GO) run $(STATICCHECK) ./... && $(GO) mod tidy -diff && $(GO) test -count 1 ./...
	CGO_ENABLED=1 $(GO) test -race -short -vet off -timeout 20m $$($(GO) list ./... | grep -vE "earshot/($(ALONE)|$(BUBBLES))\$$")
	CGO_ENABLED=1 $(GO) test -race -short -vet off -timeout 20m -cpu 1 $$($(GO) list ./... | grep -E "earshot/($(BUBBLES))\$$" | grep -vE 'earshot/($(ALONE))$$')

# Other messengers are measured beside it where there is a script that does so, PEERS, as far as it has installed them.
# CHART=1 also draws the picture of README.md; BENCHFLAGS are flags and workloads, such as `-n 3 W1 W2`.
# measure earshot beside the least that the same promise takes, and others; prints PEER WORKLOAD METRIC VALUE
bench: build
	$(GO) run ./cmd/bench -earshot $(BIN) -peers '$(PEERS)' $(if $(CHART),-chart .github/bench.svg) $(BENCHFLAGS)

# make the pictures of README.md again: of the page, where Chromium is here, and of the terminal screen
pictures:
	PAGE_PICTURES=$(CURDIR)/.github $(GO) test -count 1 -run '^TestPictures$$' ./cmd/earshot/web/page
	$(GO) run ./cmd/picture < cmd/earshot/panes/testdata/readme-100.ansi > .github/screen.svg

# The program of a package is built once for all its targets; go test would link it for each.
# run every fuzz target for FUZZTIME each: a time, or a number of inputs such as 1000x
fuzz:
	@mkdir -p bin; grep -rlE --include='*_test.go' '^func Fuzz\w+' * | xargs dirname | sort -u | while read -r package; do \
		$(GO) test -c -fuzz . -o bin/fuzz.test ./$$package || exit 1; \
		for target in $$(grep -ohE '^func Fuzz\w+' $$package/*_test.go | cut -d ' ' -f 2); do \
			echo "fuzz ./$$package $$target"; \
			(cd $$package && $(CURDIR)/bin/fuzz.test -test.run '^$$' -test.fuzz "^$$target\$$" -test.fuzztime $(FUZZTIME) \
				-test.fuzzminimizetime 1x -test.fuzzcachedir $(CURDIR)/bin/fuzz) || exit 1; \
		done; \
	done

# The second package measures most closely when the first has long ended. The tests that don't measure mostly
# wait, so more of them run at once than there are processors.
# run the tests between network namespaces; needs Linux, iproute2, util-linux, nftables, iptables, ufw, and root or user namespaces
lab: build
	$(GO) build -o $(HOSTILE) ./cmd/hostile
	$(INLAB) $(GO) test -tags lab -count 1 -timeout 25m -p 2 -parallel 8 $(TESTFLAGS) ./node/mdns ./cmd/lab

# have 50 nodes find each other on one network, and print what that takes; takes ten minutes
crowd: build
	$(INLAB) EARSHOT_CROWD=$(CURDIR)/bin/crowd.txt $(GO) test -tags lab -count 1 -timeout 1h $(TESTFLAGS) -run '^TestCrowd$$' ./cmd/lab
	@cat bin/crowd.txt

# attack a node in every way, each for longer than lab does, and flood it for an hour; takes two hours
hostile: build
	$(GO) build -o $(HOSTILE) ./cmd/hostile
	$(INLAB) EARSHOT_HOSTILE_FULL=1 $(GO) test -tags lab -count 1 -timeout 4h $(TESTFLAGS) -run '^TestHostile$$' ./cmd/lab

# make the code again that is generated from .proto files
generate:
	$(GO) generate ./...
