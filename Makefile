SWIFT ?= swift
DEBUG := .build/debug
# Both without the symbols that nobody links to; the agent for size, since it has a budget (see bench/).
# Neither names the folder that it was built in. What nobody will debug is written without the information for it, which
# makes the compiler lay out stacks now one way, now another.
RELEASE_FLAGS := -c release --static-swift-stdlib -debug-info-format none -Xlinker -s -Xlinker --icf=all \
	-Xlinker --version-script=$(CURDIR)/scripts/exports.map \
	-Xcc -ffile-prefix-map=$(CURDIR)=. -Xswiftc -file-prefix-map -Xswiftc $(CURDIR)=.
# The compiler orders some of what it writes by where things lie in its memory, which the kernel makes random.
FIXED := $(shell setarch -R true 2>/dev/null && echo setarch -R)
# Libraries that the agent takes into itself.
STATIC := $(CURDIR)/.build-release-agent/static

# One process after the other: sockets and engines have deadlines that a busy neighbour would break.
TESTS := SharedTests AgentTests SupportTests VerdictTests PropertyTests TransferTests InventoryTests RegistryTests \
	GateTests ReportsTests EvidenceTests LedgerTests OperationsTests DrillTests FleetTests CommandsTests ServiceTests CrashTests \
	AgentEndToEndTests EngineTests EndToEndTests PromotionTests

PACKED := --agent .build-release-agent/release/buildinfo-agent --collector .build-release/release/buildinfo-collector
# Debug binaries will do, on a system that is given their runtime.
SYSTEM_ARGS := --agent $(DEBUG)/buildinfo-agent --collector $(DEBUG)/buildinfo-collector

.PHONY: help deps demo demo-promotion demo-service test system-test guards browser pictures lint build release dist dist-check images release-notes bench format clean

help: ## Say what there is to make.
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

deps: ## Install the Debian packages that building and testing need, and print the command first.
	scripts/deps.sh build test system

demo: ## Build, and watch a fleet of five hosts converge, all but one. DOCKER=1 does it with a real engine.
	scripts/deps.sh build
	$(SWIFT) build --product buildinfo-agent
	$(SWIFT) build --product buildinfo-collector
	DOCKER=$(DOCKER) scripts/demo.sh $(DEBUG)

demo-promotion: ## Build, and watch a promotion with a real registry and engine: gate, proof, kill switch, way back. As root.
	scripts/deps.sh build promotion
	$(SWIFT) build --product buildinfo-agent
	$(SWIFT) build --product buildinfo-collector
	scripts/demo-promotion.sh $(DEBUG)

demo-service: ## Build, and open the collector as a service on this machine, with 60 made-up hosts, until Ctrl-C.
	scripts/deps.sh build demo
	$(SWIFT) build --product buildinfo-fleet
	$(SWIFT) build --product buildinfo-collector
	@scripts/demo-service.sh $(DEBUG)

test: ## Run every test: unit, property, end to end with a real engine and registry, and packages under systemd.
	scripts/deps.sh build test system
	$(SWIFT) build --build-tests
	@if $(SWIFT) test list --skip-build --disable-xctest | grep -vE "^($$(echo $(TESTS) | tr ' ' '|'))\."; then \
		echo 'make test: add the targets of the tests above to TESTS' >&2; exit 1; fi
	@for target in $(TESTS); do \
		echo "== $$target"; $(SWIFT) test --skip-build --disable-xctest --filter "^$$target\." || exit 1; done
	@echo "== Packages, on a booted system"; Tests/System/run.py $(SYSTEM_ARGS)
	@echo "== Ansible, cloud-init and install.sh, on a booted system"; Tests/System/hosts.py $(SYSTEM_ARGS)
	@echo "== Release notes"; Tests/Release/run.py
	@echo "== install.sh"; packaging/check-install.py
	@echo "== Actions and pipelines"; Tests/Actions/run.py --collector $(DEBUG)/buildinfo-collector --fleet $(DEBUG)/buildinfo-fleet
	@echo "== Next.js"; Tests/NextJS/run.py $(SYSTEM_ARGS)
	@echo "== API description"; /usr/bin/python3 Tests/API/run.py
	@echo "== Alerts and dashboard"; /usr/bin/python3 Tests/Monitoring/run.py

system-test: ## Install the packages on a booted Debian with systemd and an engine, and kill, hang, upgrade and purge them.
	scripts/deps.sh build system
	$(SWIFT) build --product buildinfo-agent
	$(SWIFT) build --product buildinfo-collector
	Tests/System/run.py $(SYSTEM_ARGS)
	Tests/System/hosts.py $(SYSTEM_ARGS)

guards: ## Remove every guard of the promises once, in a copy, and see a test go red. ARGS='--only nonce*' for some.
	scripts/deps.sh build test
	Tests/Guards/run.py $(ARGS)

browser: ## Open sample reports and a service's pages in Chromium: contrast, axe, scrolling, content policy, updates, SIGSTOP, sign-in. Takes minutes.
	scripts/deps.sh build test browser
	$(SWIFT) build --build-tests
	rm -rf .build/pages && mkdir -p .build/pages && BUILDINFO_HTML_SAMPLES=$(CURDIR)/.build/pages \
		$(SWIFT) test --skip-build --disable-xctest --filter '^ReportsTests\.HTML'
	/usr/bin/python3 Tests/Browser/check.py .build/pages .build/pictures
	/usr/bin/python3 Tests/Browser/service.py $(DEBUG) .build/pictures
	/usr/bin/python3 Tests/Browser/login.py $(DEBUG)/buildinfo-collector .build/pictures

pictures: ## Take the pictures of the HTML report and the service's pages in docs/images: real runs, shown in Chromium.
	scripts/deps.sh build demo browser
	$(SWIFT) build --product buildinfo-agent
	$(SWIFT) build --product buildinfo-collector
	$(SWIFT) build --product buildinfo-fleet
	scripts/report-picture.py $(DEBUG)
	scripts/service-pictures.py $(DEBUG)

lint: ## Check the format of every Swift file, the scripts' syntax, the documentation, and what systemd says of the units.
	scripts/deps.sh lint
	$(SWIFT) format lint --strict --recursive Package.swift Sources Tests
	@for script in scripts/*.sh bench/*.sh bench/*/*.sh bench/*/*/*.sh examples/*.sh systemd/*.sh packaging/*.sh packaging/container/*.sh actions/*.sh .ci/run; do \
		bash -n "$$script" || exit 1; done
	@for script in packaging/*/p*inst packaging/*/p*rm; do sh -n "$$script" || exit 1; done
	@git ls-files '*.py' | /usr/bin/python3 -c 'import ast, sys; [ast.parse(open(p).read(), p) for p in sys.stdin.read().split()]'
	systemd/check.sh
	scripts/check-docs.py
	Tests/Guards/run.py --check
	SWIFT="$(SWIFT)" scripts/check-imports.py --self-test
	@if git grep -nE 'fatalError\(|try!|as!|@unchecked Sendable' -- 'Sources/*.swift'; then \
		echo 'lint: the lines above can crash, or promise what the compiler does not check' >&2; exit 1; fi

build: ## Build both programs for debugging.
	scripts/deps.sh build
	$(SWIFT) build

release: ## Build both programs as they are shipped, into .build-release/release.
	scripts/deps.sh build
	@# A folder with libyaml.a alone leaves the linker no other choice: the agent depends on nothing that hosts may lack.
	mkdir -p $(STATIC)
	@archive=$$($(CC) -print-file-name=libyaml.a); [ -f "$$archive" ] || { \
		echo "release: libyaml.a is missing: install libyaml-dev (Debian) or libyaml-static (Alpine)" >&2; exit 69; }; \
		ln -sf "$$(realpath "$$archive")" $(STATIC)/libyaml.a
	@# What nobody calls of the TLS library, and the tables to unwind C that throws nothing, need not be on every host.
	$(FIXED) $(SWIFT) build $(RELEASE_FLAGS) -Xlinker -L$(STATIC) -Xswiftc -Osize -Xcc -Os -Xcc -ffunction-sections \
		-Xcc -fdata-sections -Xcc -fno-asynchronous-unwind-tables -Xcxx -fno-exceptions -Xcxx -fno-rtti \
		-Xcxx -fno-unwind-tables -Xlinker --gc-sections \
		--scratch-path .build-release-agent --product buildinfo-agent
	@if ldd .build-release-agent/release/buildinfo-agent | grep libyaml; then \
		echo 'release: the agent depends on libyaml, which hosts need not have' >&2; exit 1; fi
	$(FIXED) $(SWIFT) build $(RELEASE_FLAGS) --scratch-path .build-release --product buildinfo-collector
	scripts/stamp.py .build-release-agent/release/buildinfo-agent .build-release/release/buildinfo-collector

dist: release ## Pack the programs: a tarball and two Debian packages, into dist. The same programs make the same bytes.
	scripts/deps.sh dist
	rm -rf dist
	packaging/build.py $(PACKED) --out dist
	packaging/check.sh dist

dist-check: dist ## Pack once more, under other circumstances, and compare. BINARIES=1 builds both programs in another folder, too.
	packaging/reproduce.sh dist $(if $(BINARIES),--build,$(PACKED))

images: release ## Build container images of both programs into .build-images, and prove a container with them on a real engine. As root.
	scripts/deps.sh images
	rm -rf .build-images
	packaging/container/build.py $(PACKED) --out .build-images
	packaging/container/check.sh .build-images $(PACKED)

release-notes: ## Print the changelog's section of the programs' version. TAG=v0.2.0 must be of that version, too.
	@scripts/release-notes.py $(TAG)

bench: release ## Measure beside named peers, and make docs/benchmarks.md. ARGS='--only sweep' for some. Takes half an hour.
	scripts/deps.sh bench
	@# The programs that are not shipped: they play fleets, or drive parts of the collector.
	@for product in $$(sed -nE 's/.*executable\(name: "(buildinfo-[a-z-]+)".*/\1/p' Package.swift | \
		grep -vxE 'buildinfo-(agent|collector)'); do \
		$(FIXED) $(SWIFT) build $(RELEASE_FLAGS) --scratch-path .build-release --product "$$product" || exit 1; done
	@# The page is made of what there is, also after a failure.
	/usr/bin/python3 bench/run.py $(ARGS); status=$$?; /usr/bin/python3 bench/render.py && exit $$status

format: ## Format every Swift file in place.
	$(SWIFT) format --in-place --recursive Package.swift Sources Tests

clean: ## Remove what was built.
	rm -rf .build .build-release .build-release-agent .build-guards .build-system .build-bench .build-images dist
