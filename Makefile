# earshot: see README.md. Every target runs from a fresh clone with Go installed.

GO          ?= go
PREFIX      ?= /usr/local
VERSION     ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
STATICCHECK ?= honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME    ?= 5s
TESTFLAGS   ?=
BIN         := bin/earshot
BUILD       := CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w -X main.version=$(VERSION)'

.PHONY: build install demo test check bench fuzz lab generate

build:
	$(BUILD) -o $(BIN) ./cmd/earshot

install: build
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 755 $(BIN) $(DESTDIR)$(PREFIX)/bin/earshot

# Three real nodes on this machine; prints what it shows and fails if any of it fails.
demo: build
	$(GO) run ./cmd/demo $(BIN)

test:
	$(GO) test $(TESTFLAGS) ./...

# Format, vet, staticcheck, module tidiness, import floors (a test), tests with the race detector.
check:
	@out=$$(gofmt -l cmd node discovery crypto store); [ -z "$$out" ] || { echo "not formatted:"; echo "$$out"; exit 1; }
	$(GO) vet ./...
	$(GO) vet -tags lab ./...
	$(GO) run $(STATICCHECK) ./...
	$(GO) mod tidy -diff
	$(GO) test -race ./...

# Prints PEER WORKLOAD METRIC VALUE, floors and earshot from one run.
bench: build
	$(GO) run ./cmd/bench -earshot $(BIN)

# Every fuzz target for FUZZTIME each: a time, or a number of inputs such as 1000x.
fuzz:
	@set -e; for p in $$($(GO) list ./...); do \
		for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz' || true); do \
			echo "fuzz $$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1x $$p; \
		done; \
	done

# Real binaries in network namespaces with real multicast; needs iproute2 and util-linux, and root or user namespaces.
lab: build
	EARSHOT_BIN=$(CURDIR)/$(BIN) $(GO) test -tags lab -count 1 -timeout 15m $(TESTFLAGS) ./discovery ./cmd/lab

generate:
	$(GO) generate ./...
