# Every target is one line of what you would type yourself. `make help` lists them.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
# What stands before the names of images; empty: nothing.
REGISTRY ?=
LDFLAGS := -s -w -X main.version=$(VERSION)

# Programs of the modules under tools/, run in this directory.
CONTROLLER_GEN := go tool -modfile=tools/go.mod controller-gen
GOLANGCI_LINT := go tool -modfile=tools/lint/go.mod golangci-lint
REGAL := go tool -modfile=tools/regal/go.mod regal
ACTIONLINT := go tool -modfile=tools/actionlint/go.mod actionlint
GOVULNCHECK := go tool -modfile=tools/vulncheck/go.mod govulncheck

# The packages whose tests start no server.
UNIT ?= ./pkg/api/... ./pkg/secret ./pkg/secretfile ./pkg/inject ./pkg/policy ./pkg/review ./manifests ./hack/layout ./hack/benchtable

# The end-to-end tests to run, each on a node of its own.
E2E ?= .

# The packages of the everyday loop.
QUICK ?= ./pkg/... ./hack/layout ./hack/crash

# Where `generate` writes, and what it writes there.
OUT ?= .
GENERATED := manifests/crd manifests/rbac manifests/chart/templates manifests/monitoring/dashboard.json manifests/monitoring/prometheusrule.yaml pkg/api/v1alpha1/zz_generated.deepcopy.go docs/reference

##@ Build

.PHONY: build
build: ## Build bin/kubectl-dbtether and bin/webhook
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/ ./cmd/...

.PHONY: install
install: ## Install kubectl-dbtether where go install puts programs; kubectl finds it on the PATH
	CGO_ENABLED=0 go install -trimpath -ldflags '$(LDFLAGS)' ./cmd/kubectl-dbtether

.PHONY: release
release: ## All files of a release, in dist; VERSION=v0.1.0, which CHANGELOG.md must know, REGISTRY=host/path
	rm -rf dist
	go run ./hack/release --version '$(VERSION)' --registry '$(REGISTRY)' --out dist

.PHONY: release-notes
release-notes: ## What CHANGELOG.md says of a version that is to be released; VERSION=v0.1.0
	@go run ./hack/release --version '$(VERSION)' --notes

.PHONY: dist
dist: ## Of a release only the plugin's archives and krew's manifest, in dist; VERSION=v0.1.0
	rm -rf dist
	go run ./hack/release --version '$(VERSION)' --registry '$(REGISTRY)' --parts plugin --out dist

.PHONY: images
images: ## The images alone, of any VERSION, in dist/images; REGISTRY=host/path
	go run ./hack/image --version '$(VERSION)' --registry '$(REGISTRY)' --out dist/images

.PHONY: clean
clean: ## Remove what was built; the cached servers in .cache stay
	rm -rf bin dist .cache/generated

##@ Try

.PHONY: demo
demo: ## Show it working, on servers of its own
	go run ./hack/demo

.PHONY: cast
cast: ## Record the demo to docs/demo.cast; asciinema plays it
	go run ./hack/demo --cast docs/demo.cast

.PHONY: env
env: ## A shell with a Kubernetes API server and PostgreSQL, gone when you leave it
	go run ./hack/env run -- $${SHELL:-sh}

##@ Test

.PHONY: test
test: ## All tests but those of versions (make skew), on one set of real servers
	go run ./hack/env run -- go test -timeout 40m $$(go list ./... | grep -v /hack/skew)

.PHONY: quick
quick: ## The same without the matrix of privileges, and with fewer kills: the everyday loop
	go run ./hack/env run -- env DBTETHER_CRASH_POINTS=few go test -timeout 20m $(QUICK)

.PHONY: skew
skew: ## The oldest Kubernetes and the newest, and the version before beside this one; the first run builds the oldest
	go test -count 1 -v -timeout 60m ./hack/skew

.PHONY: race
race: ## What works at the same time in one process, under the race detector; needs a C compiler
	go test -race -count 1 -run 'TestReviewsWhileSetsChange|TestEvaluate|TestDeadline' ./pkg/admission ./pkg/policy

.PHONY: soak
soak: ## Three minutes of pod creations while the webhook's certificates are replaced every 20 seconds
	DBTETHER_SOAK=3m go test -count 1 -v -run TestRotationUnderLoad ./pkg/admission

.PHONY: e2e
e2e: ## Installations from images on real nodes; Linux, root. The first run builds a node. E2E=TestChanges for one
	go build -o bin/node ./hack/node
	go run ./hack/env fetch --control-plane=false
	go run ./hack/image --version e2e --registry registry.test --platforms linux/$$(go env GOARCH) --images webhook,plugin,probe --out bin/e2e
	go run ./hack/previous --out bin/e2e
	go run ./hack/postgresimage --out bin/e2e
	go test -c -o bin/e2e.test ./hack/e2e
	cd hack/e2e && for test in $$($(CURDIR)/bin/e2e.test -test.list '$(E2E)'); do \
		$(CURDIR)/bin/node run --images $(CURDIR)/bin/e2e -- $(CURDIR)/bin/e2e.test -test.v -test.timeout 20m -test.run "^$$test$$"; done
	DBTETHER_NODE_TEST=1 go test -count=1 -v -run Outlives ./hack/node

.PHONY: unit
unit: ## The tests that need no server, in seconds once they are built; UNIT=./pkg/x for others
	go test $(UNIT)

.PHONY: bench
bench: ## All benchmarks, each beside its baseline
	go run ./hack/env run -- go test -run '^$$' -bench . -benchmem ./... | go run ./hack/benchtable

.PHONY: krew-check
krew-check: ## Make a release twice, compare all its bytes, look into it, install it with krew and use it
	go run ./hack/krewcheck

.PHONY: lint
lint: ## go vet, golangci-lint, regal for the policies and actionlint for the workflows
	go vet ./...
	$(GOLANGCI_LINT) run
	$(REGAL) lint policies
	$(ACTIONLINT)

.PHONY: vulncheck
vulncheck: ## Known vulnerabilities in code that is called; asks the Go project's database over the network
	$(GOVULNCHECK) ./...

.PHONY: alerts
alerts: ## promtool reads the alerts and runs their tests; the first run builds it
	CGO_ENABLED=0 go build -modfile=tools/prometheus/go.mod -trimpath -tags remove_all_sd -ldflags '-s -w' -o bin/promtool github.com/prometheus/prometheus/cmd/promtool
	bin/promtool check rules manifests/monitoring/rules.yaml
	bin/promtool test rules manifests/monitoring/rules_test.yaml

.PHONY: fmt
fmt: ## Format the code
	$(GOLANGCI_LINT) fmt

##@ Generate

.PHONY: generate
generate: ## Write what is made of markers (CRDs, RBAC, deepcopy), of the manifests (chart), of the alerts (monitoring) and of the program (docs/reference)
	$(CONTROLLER_GEN) object crd paths=./pkg/api/... output:crd:dir=$(OUT)/manifests/crd output:object:dir=$(OUT)/pkg/api/v1alpha1
	$(CONTROLLER_GEN) rbac:roleName=dbtether-runner,fileName=runner_role.yaml paths=./pkg/runner output:rbac:dir=$(OUT)/manifests/rbac
	$(CONTROLLER_GEN) rbac:roleName=dbtether-provisioner,fileName=provisioner_role.yaml paths=./pkg/provision output:rbac:dir=$(OUT)/manifests/rbac
	go run ./hack/chart --out $(OUT)/manifests/chart/templates
	go run ./hack/docs --out $(OUT)/docs/reference
	go run ./hack/dashboard --out $(OUT)/manifests/monitoring

.PHONY: verify-generated
verify-generated: ## Fail if `make generate` would change anything, or if git does not know what it wrote
	rm -rf .cache/generated && $(MAKE) --no-print-directory generate OUT=.cache/generated
	for path in $(GENERATED); do diff -ru --exclude=Kustomization $$path .cache/generated/$$path || exit 1; done
	unknown=$$(git ls-files --others -- $(GENERATED)); if [ -n "$$unknown" ]; then echo "git does not know: $$unknown" >&2; exit 1; fi

##@ Help

.PHONY: help
help: ## This list
	@awk -F ':.*## ' '/^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z0-9-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
