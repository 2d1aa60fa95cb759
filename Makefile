# Nothing but Go and make is needed; `make race` wants a C compiler too.

GOLANGCI_VERSION := v2.15.0
GOLANGCI := bin/golangci-lint-$(GOLANGCI_VERSION)
GOVULNCHECK_VERSION := v1.8.0
REDOCLY_VERSION := 2.77.0
SPECTRAL_VERSION := 6.16.3
GOVULNCHECK := bin/govulncheck-$(GOVULNCHECK_VERSION)

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

# More flags for go test, such as TESTFLAGS='-v -run Store'.
TESTFLAGS ?=
# The tests that say they are parallel wait more than they work. Those of the server take
# longest, so they begin first: two packages are tested at a time.
ALL := ./server ./...
GOTEST := go test -timeout 15m -parallel 6 $(TESTFLAGS)

# The version comes from above: stamping by Go fails where the checkout belongs
# to somebody else or git is absent.
export GOFLAGS := $(GOFLAGS) -buildvcs=false

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: build
build: ## Build the static program bin/scimbridge
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/ ./cmd/scimbridge

.PHONY: demo
demo: ## Play Okta and Entra against a fresh server and leave it running
	go run ./cmd/scimbridge demo

.PHONY: test
test: ## Test with SQLite and PostgreSQL, which is found or fetched
	SCIMBRIDGE_TEST_ENGINES=sqlite,postgres go run ./db/dbtest/withpostgres -- $(GOTEST) $(ALL)

.PHONY: test-sqlite
test-sqlite: ## Test with the embedded SQLite only
	SCIMBRIDGE_TEST_ENGINES=sqlite $(GOTEST) $(ALL)

.PHONY: race
race: ## The same as test, under the race detector
	SCIMBRIDGE_TEST_ENGINES=sqlite,postgres go run ./db/dbtest/withpostgres -- env CGO_ENABLED=1 $(GOTEST) -race $(ALL)

# What requests share: limits, budgets, caches, queues, the engine below. A browser's minutes, the
# recorded conversations and the walk through every page of the console share nothing more.
RACE_PACKAGES := ./auth ./server ./outbound ./db/engine ./db/sqlite ./db/requests
# Of db, what several callers share; the whole of it takes six minutes.
RACE_DB := 'Shared|Judged|Close|Fault|RequestLog'

.PHONY: race-shared
race-shared: ## Test what requests share under the race detector, on SQLite
	.ci/race -skip 'InABrowser|EveryTokenKeepsTheRules|ConsoleWalk' $(RACE_PACKAGES)
	.ci/race -run $(RACE_DB) ./db

# Flags for the benchmark, such as BENCHFLAGS='--json now.json --compare then.json'.
BENCHFLAGS ?=
BENCH := go run ./db/dbtest/withpostgres --durable -- bin/bench --program bin/scimbridge

.PHONY: bench
bench: build bin/bench ## Measure both engines, in under ten minutes
	$(BENCH) $(BENCHFLAGS)

.PHONY: bench-short
bench-short: build bin/bench ## See in under a minute that the benchmark runs
	$(BENCH) --short $(BENCHFLAGS)

.PHONY: bench-neighbours
bench-neighbours: build bin/bench ## Measure a quiet tenant beside one that attacks
	$(BENCH) --neighbours $(BENCHFLAGS)

.PHONY: bench-growth
bench-growth: build bin/bench ## Measure requests in a small and in a large tenant
	$(BENCH) --growth $(BENCHFLAGS)

.PHONY: bin/bench
bin/bench:
	go build -o bin/bench ./bench

.PHONY: vet
vet: ## Run go vet
	go vet ./...

.PHONY: lint
lint: $(GOLANGCI) ## Run the linters chosen in .golangci.yml
	$(GOLANGCI) run ./...

$(GOLANGCI):
	GOBIN=$(CURDIR)/bin go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	mv bin/golangci-lint $@

.PHONY: vuln
vuln: $(GOVULNCHECK) ## Look for known vulnerabilities that the program reaches
	.ci/vuln $(GOVULNCHECK)

$(GOVULNCHECK):
	GOBIN=$(CURDIR)/bin go install golang.org/x/vuln/cmd/govulncheck@$(GOVULNCHECK_VERSION)
	mv bin/govulncheck $@

.PHONY: openapi-lint
openapi-lint: ## Hold openapi.yaml to the rules of redocly and spectral (needs Node)
	.ci/openapi $(REDOCLY_VERSION) $(SPECTRAL_VERSION)

.PHONY: fmt
fmt: $(GOLANGCI) ## Format the code
	$(GOLANGCI) fmt ./...

.PHONY: tidy-check
tidy-check: ## Fail if go.mod or go.sum is not tidy
	go mod tidy -diff

.PHONY: verify
verify: ## All that has to hold before a change goes in (what CI runs)
	.ci/run

CYCLONEDX_VERSION := v1.10.0
HELM_VERSION := v3.22.0
GORELEASER_VERSION := v2.15.1

# When the last commit was made: what is built says no other time.
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
export SOURCE_DATE_EPOCH

.PHONY: screenshots
screenshots: ## Take the pictures of docs/console.md anew (needs Node and Chromium)
	.ci/screenshots

.PHONY: manual
manual: ## Write manual pages and shell completions into bin/manual
	rm -rf bin/manual
	go run -ldflags '-X main.version=$(VERSION)' ./cmd/scimbridge manual bin/manual

.PHONY: release-check
release-check: ## Check what a release has beside the program (more than a minute)
	.ci/release-check $(CYCLONEDX_VERSION) $(HELM_VERSION) $(GORELEASER_VERSION)

.PHONY: release-stores
release-stores: ## Make the stores of the release VERSION, which tests of later ones open
	SCIMBRIDGE_TEST_MAKE_RELEASE=$(VERSION) SCIMBRIDGE_TEST_ENGINES=sqlite,postgres \
		go run ./db/dbtest/withpostgres -- go test -count=1 ./cmd/scimbridge -run TestMakeStoresOfARelease

.PHONY: release
release: ## Publish the tag that is checked out (needs GITHUB_TOKEN, goreleaser and cyclonedx-gomod in bin)
	PATH="$(CURDIR)/bin:$$PATH" goreleaser release --clean

.PHONY: clean
clean: ## Remove what make has built
	rm -rf bin
