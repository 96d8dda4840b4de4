# snapferry: `make run` shows the main job, `make test` tests everything.
# Both need only Go and make; the first build compiles the EC2 client and takes
# a few minutes. Every target builds with the same settings, so that it is
# compiled once.

# The processor that the functions are built for: arm64 or amd64.
ARCH      ?= arm64
FUNCTIONS := copy reconcile expire
# The same bytes from any folder and on any machine.
export CGO_ENABLED := 0
export GOFLAGS     := $(strip $(GOFLAGS) -trimpath -buildvcs=false)
BUILD     := go build
FUNCTION  := $(BUILD) -tags lambda.norpc -ldflags "-s -w -buildid="
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
VENV      := .venv

.DEFAULT_GOAL := help
.PHONY: help run test build build-local lint race fuzz validate local sim invoke wire wire-tools clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z][a-zA-Z_-]*:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build-local ## build for this machine and show the whole story on a simulated AWS
	dist/local/snapferry demo

test: ## test everything
	@unformatted=$$(gofmt -l cmd functions internal); if [ -n "$$unformatted" ]; then echo "gofmt would change: $$unformatted"; exit 1; fi
	go vet ./...
	go test ./...

build: ## build the functions for Lambda into dist/<function> (ARCH=arm64 or amd64)
	@case "$(ARCH)" in arm64|amd64) ;; *) echo "ARCH is $(ARCH): use arm64 or amd64, which Lambda runs"; exit 2;; esac
	@for f in $(FUNCTIONS); do \
		echo "build dist/$$f/bootstrap for linux/$(ARCH)"; \
		GOOS=linux GOARCH=$(ARCH) $(FUNCTION) -o dist/$$f/bootstrap ./functions/$$f || exit 1; \
		rm -rf dist/$$f/policies && mkdir -p dist/$$f/policies && find policies -maxdepth 1 -name "*.json" -exec cp {} dist/$$f/policies/ \; || exit 1; \
	done

build-local: ## build the command line and the functions for this machine into dist/local
	@for f in $(FUNCTIONS); do \
		echo "build dist/local/$$f/bootstrap for this machine"; \
		$(FUNCTION) -o dist/local/$$f/bootstrap ./functions/$$f || exit 1; \
	done
	$(BUILD) -o dist/local/snapferry ./cmd/snapferry

lint: ## look for mistakes with go vet and staticcheck
	@unformatted=$$(gofmt -l cmd functions internal); if [ -n "$$unformatted" ]; then echo "gofmt would change: $$unformatted"; exit 1; fi
	go vet ./...
	go run $(STATICCHECK) ./...

race: ## test everything under the race detector (needs a C compiler)
	CGO_ENABLED=1 go test -race ./...

FUZZTIME ?= 30s
fuzz: ## fuzz the readers of events, policies and marks (FUZZTIME=30s each)
	go test -run '^$$' -fuzz FuzzDecode -fuzztime $(FUZZTIME) ./internal/event
	go test -run '^$$' -fuzz FuzzParse -fuzztime $(FUZZTIME) ./internal/policy
	go test -run '^$$' -fuzz FuzzParseMark -fuzztime $(FUZZTIME) ./internal/snapshot

validate: build-local ## check the documents in policies/
	dist/local/snapferry validate policies

local: build-local ## run a whole deployment on this machine until Ctrl-C
	dist/local/snapferry local

sim: build-local ## serve the simulated AWS on 127.0.0.1:4566 until Ctrl-C
	dist/local/snapferry sim

FN    ?= copy
EVENT ?= events/share-snapshot.json
invoke: build-local ## send one event through a real function (FN=copy EVENT=events/share-snapshot.json)
	@dist/local/snapferry invoke --function $(FN) --event $(EVENT)

wire-tools: ## install what `make wire` needs (the aws command line, boto3, pytest) into .venv
	@command -v python3 >/dev/null || { echo "python3 is missing: install Python 3.10 or newer first"; exit 1; }
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install --quiet awscli==1.45.11 boto3==1.43.11 pytest==9.2.0

wire: build-local ## prove the simulated AWS with the aws command line and boto3 (after wire-tools)
	@test -x $(VENV)/bin/pytest || { echo "pytest is missing: run 'make wire-tools' first"; exit 1; }
	PATH="$(CURDIR)/$(VENV)/bin:$$PATH" SNAPFERRY=$(CURDIR)/dist/local/snapferry $(VENV)/bin/pytest -q internal/sim/testdata/wire

clean: ## remove what was built
	rm -rf dist $(VENV)

# What `sam build` calls, one target per function of template.yaml.
build-Copy: FN = copy
build-Reconcile: FN = reconcile
build-Expire: FN = expire
.PHONY: build-Copy build-Reconcile build-Expire
build-Copy build-Reconcile build-Expire:
	GOOS=linux GOARCH=arm64 $(FUNCTION) -o $(ARTIFACTS_DIR)/bootstrap ./functions/$(FN)
	mkdir -p $(ARTIFACTS_DIR)/policies && cp policies/*.json $(ARTIFACTS_DIR)/policies/
