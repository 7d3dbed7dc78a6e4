# Santral: what can be done here. `make` alone explains itself.
.DEFAULT_GOAL := help
SHELL := /bin/bash
GO ?= go
export CGO_ENABLED = 0
export GOFLAGS = -trimpath # what was built in one folder needs not be built again in another

.PHONY: help
help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

EARS := ./media/listen ./media/level
TABLES := TestProof|TestEverySearch|TestArchives|TestPostgresIsAwayUnderLoad

.PHONY: build
build: ## the program, bin/santral
	@$(GO) build -o bin/santral ./cmd/santral

.PHONY: deb
deb: build ## Debian's package of it, in bin
	@bash deploy/deb/build.sh bin/santral $$(git describe --tags --always 2>/dev/null | sed 's/^[^0-9]/0~&/') $$(dpkg --print-architecture) bin

.PHONY: run
run: build ## the whole exchange on loopback, with a sample tenant and accounts to call between
	@exec bin/santral local --data data/local $(ARGS)

.PHONY: peers
peers: ## install the phones, servers and tools that the tests talk to (Debian packages)
	@bash test/peers.sh

.PHONY: test
test: peers build ## everything: unit, virtual network, databases, strangers' phones (20 to 25 minutes)
	@$(GO) vet ./...
	@SANTRAL_TEST_PEERS=require SANTRAL_TEST_POSTGRES=require SANTRAL_TEST_S3=require CGO_ENABLED=1 $(GO) test -race -timeout 15m -skip '^($(TABLES))$$' $(TESTFLAGS) $$($(GO) list ./... | grep -v -e /test/e2e $(EARS:./%=-e /%))
	@SANTRAL_TEST_PEERS=require $(GO) test -timeout 10m $(TESTFLAGS) $(EARS) # arithmetic on one goroutine, of which the race detector makes minutes
	@SANTRAL_TEST_POSTGRES=require $(GO) test -timeout 10m -run '^($(TABLES))$$' $(TESTFLAGS) ./service/cdr # SQLite in Go is twenty times slower under the race detector
	@$(GO) test -run 'Alloc|TestMemory$$|TestTable$$' $(TESTFLAGS) ./media/rtp ./media/srtp ./media/jitter ./media/codec # what the race detector makes piles of
	@SANTRAL_TEST_PEERS=require $(GO) test -timeout 20m -parallel 4 $(TESTFLAGS) ./test/e2e

.PHONY: quick
quick: ## the tests that need nothing beside Go
	@$(GO) vet ./...
	@$(GO) test -timeout 10m ./...

.PHONY: lint
lint: ## gofmt, go vet, the house rules and golangci-lint
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "not gofmt-ed:"; gofmt -l $$(git ls-files '*.go'); exit 1; }
	@$(GO) vet ./...
	@$(GO) test -count=1 ./test/lint
	@$(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0 run ./...

.PHONY: bench
bench: build peers ## the figures of docs/performance.md, next to Kamailio and rtpengine where they are installed
	@$(GO) test -run '^$$' -bench . -benchmem ./sip/... ./media/... ./call/... ./store/... ./access/... ./route/... | grep -v -e '^PASS' -e '^ok' -e 'no test files'
	@$(GO) run ./bench

.PHONY: soak
soak: build peers ## an hour of calls and faults, two of clocks that differ, a day of a room, and ten of speech that is no key
	@SANTRAL_SOAK=1h $(GO) test -timeout 10m -count=1 -run 'Skew|NoFalseAlarms|BadNetwork' -v ./media/jitter ./media/session
	@SANTRAL_SOAK=24h $(GO) test -timeout 20m -count=1 -run 'TestChurn' -v ./media/mixer
	@SANTRAL_SOAK=1h $(GO) test -timeout 30m -count=1 -run 'RoomChurn' -v ./media/session
	@SANTRAL_TALKOFF=10h $(GO) test -timeout 10m -count=1 -run TalkOff -v ./media/dtmf
	@SANTRAL_SOAK=1h $(GO) test -timeout 2h -count=1 -run Soak -v ./test/e2e

.PHONY: prompts
prompts: peers ## the clips of media/prompt, spoken anew where their texts have changed (flite, espeak-ng)
	@$(GO) run ./test/voices

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME each (10 minutes when unsaid)
	@bash test/fuzz.sh $(or $(FUZZTIME),10m)
