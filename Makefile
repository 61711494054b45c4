# Each target makes itself ready; `make setup` does only that.
.PHONY: demo demo-clean languages pictures mutants test test-dates test-fleet test-deb deb check fmt docs setup setup-package setup-tests
.DEFAULT_GOAL := test

PYTHON := .venv/bin/python
# libvirtd, and the image's root file system, need root.
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
# What root runs must not leave its files in a user's checkout: no compiled ones in the demonstration, and those of the
# tests' tools in a folder of root.
NO_CACHES := env PYTHONDONTWRITEBYTECODE=1
CACHES := /var/tmp/mailbot-test-caches
ELSEWHERE := $(if $(SUDO),env PYTHONPYCACHEPREFIX=$(CACHES)/pyc MYPY_CACHE_DIR=$(CACHES)/mypy RUFF_CACHE_DIR=$(CACHES)/ruff \
	HYPOTHESIS_STORAGE_DIRECTORY=$(CACHES)/hypothesis)

setup:
	@contrib/setup.sh

setup-tests:
	@contrib/setup.sh tests

setup-package:
	@contrib/setup.sh package

# A request mail becomes a machine that one can log in to; then the rest of its life, with time running fast.
# With ARGS=--stay it ends with the login, and machine and daemon go on running until demo-clean.
demo: setup
	@$(SUDO) $(NO_CACHES) $(PYTHON) -m contrib.demo.play $(ARGS)

demo-clean: setup
	@$(SUDO) $(NO_CACHES) $(PYTHON) -m contrib.demo.play --down

# Everything that proves the program: style, types, imports, documents, and all tests.  ARGS go to pytest.
test: setup-tests
	@$(SUDO) $(ELSEWHERE) $(PYTHON) -m pytest -n 2 --dist loadfile --no-loadscope-reorder \
		$(if $(SUDO),-o cache_dir=$(CACHES)/pytest) $(ARGS)

# The parts without servers with all cases, as if it were a leap day, half a year later, and both nights of a clock change.
test-dates: setup-tests
	@MAILBOT_ALL_DATES=1 $(PYTHON) -m pytest -q -n 2 tests/test_other_dates.py

# dist/mailbot_VERSION~debNN_ARCH.deb, for the Debian that this runs on.
deb:
	@contrib/deb.sh

# The package on a bare Debian, and on one that boots: installed, a mail answered, upgraded, removed, purged. Takes some minutes.
test-deb: setup-package
	@$(SUDO) $(ELSEWHERE) env MAILBOT_TEST_DEB=build $(PYTHON) -m pytest -n 0 tests/package $(ARGS)

# Changes one thing in the core at a time and looks whether a test notices (docs/mutants.md); ARGS="--sample 20 --seed 1", or --all.
mutants: setup-tests
	@$(PYTHON) -m contrib.mutants $(ARGS)

# Two libvirt hosts, the second in namespaces of its own, machines that move between them, and guests on a bridge.
test-fleet: setup-tests
	@$(SUDO) $(ELSEWHERE) env MAILBOT_TEST_FLEET=all $(PYTHON) -m pytest -n 0 tests/fleet $(ARGS)

# The quick part: style, types, import directions, sizes, generated documents.
check: setup-tests
	@$(PYTHON) -m pytest -q -n 0 tests/test_house_rules.py

fmt: setup-tests
	@.venv/bin/ruff check --fix --quiet .
	@.venv/bin/ruff format .

# Brings the catalogues of letters up to date and lists what each language lacks; ARGS=de begins one.
languages: setup-tests
	@$(PYTHON) -m contrib.languages $(ARGS)

# Pictures of every letter into FOLDER, outside the repository; ONLY=warning limits them to letters that begin so.
pictures: setup-tests
	@$(PYTHON) -m tests.pictures $(FOLDER) $(ONLY)

# Writes every generated document again.
docs: setup-tests
	@$(PYTHON) -m contrib.docs
