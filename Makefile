# The two commands of the README: `make report` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The build finds meson and ninja on the path. An edited kernel is built at its next import, which
# knows no such path, so that the compiler's place is written down.
PIP := PATH="$(CURDIR)/$(BIN):$$PATH" CYTHON="$(CURDIR)/$(BIN)/cython" $(BIN)/python -m pip install --quiet --disable-pip-version-check
REPORT := reports/model_vs_measured.html
# Set, these make every process compile what it imports, and write each piece of its output by itself.
unexport PYTHONDONTWRITEBYTECODE PYTHONUNBUFFERED

.PHONY: help parts report test test-slow test-all soak asan tsan torture torture-short test-rdma bench-rdma sweep-rdma two-hosts lint docs wheel-test lab clean
help:
	@echo "make parts    build what was edited, or can be built since a library came"
	@echo "make report   measure this host and write $(REPORT)"
	@echo "make test     run the tests, in minutes; says what it skipped and why"
	@echo "make test-all    the site, those that take long too, those of an RDMA device, and the soak"
	@echo "make test-slow   those that take long, each with its reason"
	@echo "make soak     a minute of load between two processes: nothing lost, no memory grown"
	@echo "make asan     tests of the native code and what calls it, and a torture, under ASan and UBSan"
	@echo "make tsan     the tests of threads under ThreadSanitizer"
	@echo "make torture  10 minutes of kills, fuzzed inputs and spoiled streams: nothing lost, nobody in"
	@echo "make torture-short   a minute of it, of a fixed number of trials"
	@echo "make test-rdma   run tests/rdma on Soft-RoCE in an emulated guest"
	@echo "make bench-rdma  send paths beside perftest and pyverbs, in the same guest"
	@echo "make sweep-rdma  fit and judge the verbs cost model on a sweep, in the same guest"
	@echo "make two-hosts   delay and rate set by netem, and found by bench fabric over TCP and verbs, in the same guest"
	@echo "make lint     ruff, mypy, import-linter, stripped notebooks"
	@echo "make docs     build the documentation site into build/site"
	@echo "make wheel-test  build a wheel, install it in an empty environment, report from there"
	@echo "make lab      open the notebooks in JupyterLab"
	@echo "make clean    remove the build, the environment and the reports"

$(VENV)/base: pyproject.toml meson.build cython_core/meson.build tools/build_requirements.py
	@$(PYTHON) tools/build_requirements.py
	@echo "[1/2] installing the build tools into $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) "meson-python>=0.18,<1" "meson>=1.6,<2" "ninja>=1.11,<2" "Cython>=3.1,<4" "numpy>=2.0,<3"
	@echo "[2/2] building the kernels and installing aethermodel (about a minute)"
	@$(PIP) --no-build-isolation -e .
	@touch $@

$(VENV)/full: $(VENV)/base | parts
	@echo "installing the test and notebook tools into $(VENV)"
	@$(PIP) --no-build-isolation -e '.[bench,examples,lab,rdma,test]'
	@touch $@

# What was installed since the last build, such as libibverbs-dev, is built in by itself, and what was
# edited before many processes import it.
parts: $(VENV)/base
	@$(BIN)/python tools/refresh_build.py

# The build takes two of the three minutes in a fresh clone; more seconds make intervals narrower.
REPORT_SECONDS ?= 45
report: $(VENV)/base parts
	@$(BIN)/aethermodel report --run --force --seconds $(REPORT_SECONDS) --output $(REPORT)

# One more at a time than there are cores, as tests also wait; no more than four, as many start
# processes of their own.
WORKERS ?= $(shell cores=$$(nproc); echo $$((cores < 4 ? cores + 1 : 4)))
PYTEST := $(BIN)/python -m pytest --dist worksteal --ignore=tests/rdma

test: $(VENV)/full parts
	$(PYTEST) --numprocesses $(WORKERS) -m "not slow"

test-slow: $(VENV)/full parts
	$(PYTEST) --numprocesses $(WORKERS) -m slow

# tests/rdma needs a device: the guest brings one where its packages are installed. The site runs
# the notebooks that take long.
test-all: docs
	@$(MAKE) --no-print-directory test
	@$(MAKE) --no-print-directory test-slow
	@$(MAKE) --no-print-directory test-rdma GUEST_FLAGS=--or-skip
	@$(MAKE) --no-print-directory soak

# By time and not by count: a slow host moves less, and is judged by the same. It needs no test tools,
# but with `make --jobs` their installation would build the kernels anew under its feet.
SOAK_SECONDS ?= 60
soak: $(VENV)/full parts
	$(BIN)/aethermodel bench soak --seconds $(SOAK_SECONDS) --load 0.8

# Both build the extensions a second time, under .build, and leave the environment as it is.
asan tsan: $(VENV)/full
	$(BIN)/python tools/sanitizer_build.py $@

# TORTURE=--record ends at the goals of a record run, which takes longer: with it, or by hand, more
# than 600 seconds. Only then come the sanitizers, which build the extensions twice more.
TORTURE_SECONDS ?= 600
torture: $(VENV)/full
	@mkdir -p reports
	$(BIN)/python tools/torture --seconds $(TORTURE_SECONDS) --json reports/torture.json $(TORTURE)
	$(BIN)/python tools/guest/run.py --or-skip --timeout 1200 --out reports -- sh -c 'exec python tools/torture --only verbs-kills --seconds 120 --json "$$AETHER_OUT/torture-rdma.json"'
	@if [ $(TORTURE_SECONDS) -gt 600 ]; then $(MAKE) --no-print-directory asan tsan; fi

torture-short: $(VENV)/full
	$(BIN)/python tools/torture --short --lanes 1 --seconds 900 $(TORTURE)

GUEST_SECONDS ?= 900
test-rdma: $(VENV)/full parts
	$(BIN)/python tools/guest/run.py --timeout $(GUEST_SECONDS) $(GUEST_FLAGS) -- pytest -p no:cacheprovider tests/rdma

# First by a clock that counts instructions, which no neighbour disturbs; then by the host's.
bench-rdma: $(VENV)/full parts
	$(BIN)/python tools/guest/run.py --timeout $(GUEST_SECONDS) --count-instructions --out reports -- python tools/guest/bench.py --peers perftest
	$(BIN)/python tools/guest/run.py --timeout 1800 --out reports -- python tools/guest/bench.py

# What is set by netem in two namespaces, and what is found; the laws are fitted on the host.
two-hosts: $(VENV)/full parts
	$(BIN)/python tools/guest/run.py --timeout 3600 --count-instructions --skip-idle --out reports -- python tools/guest/two_hosts.py --loss 0,1 --seconds 0.3
	$(BIN)/python tools/guest/two_hosts.py --judge reports/two_hosts.json
	$(BIN)/python tools/guest/run.py --timeout 3600 --count-instructions --skip-idle --out reports -- python tools/guest/two_hosts.py --fabric verbs --loss 0,1 --seconds 0.3
	$(BIN)/python tools/guest/two_hosts.py --judge reports/two_hosts_verbs.json

# SWEEP="--settings 24 --processes 2" makes it short.
sweep-rdma: $(VENV)/full parts
	$(BIN)/python tools/guest/run.py --timeout 3600 --out reports -- sh -c 'exec aethermodel bench rdma $(SWEEP) --json "$$AETHER_OUT/rdma_sweep.json"'

lint: $(VENV)/full
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python tools/lint_imports.py
	$(BIN)/nbstripout --verify notebooks/*.ipynb examples/*/*.ipynb

# Warnings are errors. Notebooks run with small parameters; nothing is fetched.
docs: $(VENV)/full parts
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going -b html docs build/site
	$(BIN)/python tools/site/check_links.py build/site

wheel-test: $(VENV)/full
	$(BIN)/python tools/wheel_test.py

lab: $(VENV)/full parts
	@$(BIN)/aethermodel lab

clean:
	rm -rf $(VENV) build reports .build
