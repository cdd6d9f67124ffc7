# make help says what there is.
#
# Building needs Rust, the server's headers and libclang; cargo-pgrx is not needed. PG_CONFIG chooses the Postgres:
#   make && sudo make install PG_CONFIG=/usr/lib/postgresql/15/bin/pg_config [DESTDIR=…]

# Looked up each time it is used: `make setup` may be what installs it.
PG_CONFIG ?= $(or $(shell command -v pg_config),/usr/lib/postgresql/15/bin/pg_config)
PG_MAJOR = $(shell $(PG_CONFIG) --version | sed -E 's/^PostgreSQL ([0-9]+).*/\1/')

TARGET = $(or $(CARGO_TARGET_DIR),target)
CARGO = cargo
FEATURES = --no-default-features --features credits_ledger/pg$(PG_MAJOR)

VERSION := $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" credits_ledger.control)
LIBRARY = $(TARGET)/pg$(PG_MAJOR)/credits_ledger.so
SCRIPT = $(TARGET)/credits_ledger--$(VERSION).sql
SQL_PARTS = $(addprefix sql/,types.sql tables.sql functions.sql views.sql privileges.sql table_comments.sql \
             comments.sql)
UPGRADES = $(wildcard sql/credits_ledger--*--*.sql)

# Each test works on a database of its own; the server that they share has room for a few at a time.
RUST_TEST_THREADS ?= 4

# Said before anything is built, which takes minutes the first time.
ifneq ($(TRACE),)
ifneq ($(shell test -r "$(TRACE)" && echo readable),readable)
$(error TRACE=$(TRACE): there is no such file, or it cannot be read)
endif
endif

# What the programs started below need to know. RUST_BACKTRACE would reach servers and put backtraces into errors.
run = env -u RUST_BACKTRACE PG_CONFIG="$(PG_CONFIG)" PGRX_PG_CONFIG_PATH="$(PG_CONFIG)"
again = $(MAKE) --no-print-directory

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.PHONY: all build install uninstall installed setup demo demo-stop test bench lint clean help

all: build ## build the extension (the default)

build: $(SCRIPT)
	$(run) $(CARGO) build --release --locked --package credits_ledger $(FEATURES)
	@install -D $(TARGET)/release/libcredits_ledger.so $(LIBRARY)

$(SCRIPT): $(SQL_PARTS) credits_ledger.control
	@mkdir -p $(@D)
	@{ printf '%s\n' '\echo Use "CREATE EXTENSION credits_ledger" to load this file. \quit'; \
	   for part in $(SQL_PARTS); do echo; cat "$$part"; done; } > $@

# Does not build what is there already: `sudo make install` must not need root to have Rust.
install: ## copy library, control file and SQL to where Postgres looks for them
	@test -e $(LIBRARY) && test -e $(SCRIPT) || $(again) build
	install -d "$(DESTDIR)$(shell $(PG_CONFIG) --pkglibdir)" "$(DESTDIR)$(shell $(PG_CONFIG) --sharedir)/extension"
	install -m 755 $(LIBRARY) "$(DESTDIR)$(shell $(PG_CONFIG) --pkglibdir)/credits_ledger.so"
	install -m 644 credits_ledger.control $(SCRIPT) $(UPGRADES) "$(DESTDIR)$(shell $(PG_CONFIG) --sharedir)/extension/"

uninstall: ## remove these files
	rm -f "$(DESTDIR)$(shell $(PG_CONFIG) --pkglibdir)/credits_ledger.so"
	rm -f "$(DESTDIR)$(shell $(PG_CONFIG) --sharedir)"/extension/credits_ledger.control \
	      "$(DESTDIR)$(shell $(PG_CONFIG) --sharedir)"/extension/credits_ledger--*.sql

setup: ## install what building and testing need (Debian and Ubuntu), where it is missing
	@PG_CONFIG="$(PG_CONFIG)" scripts/setup $(TARGET)

# Built now and installed into the Postgres that demo, tests and benchmark use.
installed: setup
	@$(again) build
	@$(run) scripts/install-built $(MAKE)

demo: installed ## play a company's month, then replay a usage trace as load: make demo [TRACE=file.csv] [RATE=credits per token]
	@$(run) $(CARGO) build --profile tools --locked --package credits_ledger_demo
	@$(run) scripts/demo $(TARGET)/tools/credits_ledger_demo $(if $(TRACE),"$(TRACE)")

demo-stop: ## stop the demo's server and remove its data
	@PG_CONFIG="$(PG_CONFIG)" scripts/demo-server stop

test: installed ## run all tests against private servers
	@scripts/python-env $(TARGET)/python >/dev/null || echo "The test of examples/recharge_worker will fail" >&2
	@scripts/setup-python $(TARGET)
	@scripts/setup-clients $(TARGET)/clients || echo "The test of examples/clients will fail" >&2
	@scripts/setup-dashboard $(TARGET) || echo "The test of examples/dashboard will fail" >&2
	@$(run) RUST_TEST_THREADS=$(RUST_TEST_THREADS) \
	    $(CARGO) test --workspace --exclude credits_ledger --locked --no-fail-fast

bench: installed ## measure against hand-written SQL: make bench [BENCH="--quick --only debit"]
	@$(run) $(CARGO) run --release --locked --package credits_ledger_bench -- $(BENCH)

lint: setup ## check formatting and let clippy read everything
	$(CARGO) fmt --all --check
	for client in examples/clients/rust-*; do $(CARGO) fmt --check --manifest-path $$client/Cargo.toml || exit 1; done
	$(run) $(CARGO) clippy --workspace --all-targets --locked $(FEATURES) -- -D warnings

clean: demo-stop ## remove everything that was built
	$(CARGO) clean

help: ## this list
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  make \1\t\2/p' Makefile | expand -t 20
