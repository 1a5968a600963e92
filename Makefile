# Hunar. `make help` lists what there is. Needs make, a Python (local/find-python says which) and a pip that reaches
# its package index; everything else is installed from hashed requirements into .tools/ and .venv/.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
SHELL := /bin/sh

ARGS ?=
NIGHT_EXAMPLES ?= 100000
SEEDS ?= 5000
NIGHT_SEEDS ?= 1000000
ARCH ?= arm64

uv := .tools/uv/bin/uv
sam := .tools/sam/bin/sam
dev := .venv/bin/python
lock := $(uv) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header
locks := layers/common/requirements functions/make_statement/requirements requirements/dev requirements/ministack requirements/night requirements/sam requirements/uv

# Bytecode that is written once saves seconds at each start of a tool; no tool may go and fetch an interpreter.
unexport PYTHONDONTWRITEBYTECODE PYTHONHOME PYTHONPATH VIRTUAL_ENV
export UV_PYTHON_DOWNLOADS := never
# As pip does: the certificates that this machine trusts.
export UV_SYSTEM_CERTS ?= true
export SAM_CLI_TELEMETRY := 0
# The interpreter of the Lambda runtime must be on the PATH of `sam build`, and the layer's Makefile wants to know these.
for_sam := PATH="$(CURDIR)/.tools/bin:$$PATH" HUNAR_UV="$(CURDIR)/$(uv)" HUNAR_PYTHON="$$(cat .tools/python)"
runtime = $$(basename "$$(ls .tools/bin/python3.* | head -n 1)")

.PHONY: help run test check bench simulate night mutate build lock clean pytest ruff-check ruff-format mypy validate contract built race storm crowd FORCE

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

run: .venv/ready .tools/sam/ready .tools/ministack/ready ## the local stack at http://127.0.0.1:8080 (HUNAR_PORT); ARGS=--check plays the story and ends
	@exec $(dev) -m local.run $(ARGS)

test: .venv/ready ## unit, contract, flow, property and template tests; no network, no SAM, no emulator
	@$(MAKE) pytest

check: .venv/ready .tools/sam/ready .tools/ministack/ready ## all that CI does; what each step prints is in .local/check too
	@$(dev) -m local.steps "$(MAKE)"

bench: .venv/ready .tools/sam/ready .tools/ministack/ready ## reference programs and measures
	@$(dev) -m bench $(ARGS)

simulate: .venv/ready ## SEEDS schedules: workers that meet and crash, queues that repeat and delay; every promise is checked
	@$(dev) -m tests.simulation --seeds $(SEEDS) $(ARGS)

night: .venv/ready .tools/night/ready ## NIGHT_SEEDS schedules, mutants searched anew, NIGHT_EXAMPLES histories, mutation testing (hours)
	@$(dev) -m tests.simulation --seeds $(NIGHT_SEEDS) --first $$(date +%s)000000
	@$(dev) -m tests.simulation.mutants.search
	@HUNAR_NIGHT_EXAMPLES=$(NIGHT_EXAMPLES) $(dev) -m pytest --hypothesis-profile=night -q tests/property
	@$(MAKE) mutate

mutate: .venv/ready .tools/night/ready ## every small change of the domain must fail a test; ARGS="stock --sample 10", ARGS=--again
	@.tools/night/bin/python -m tests.mutation $(ARGS)

build: .tools/sam/ready ## what `sam deploy --config-env dev|staging|prod` uploads (ARCH=arm64, or x86_64)
	@$(for_sam) HUNAR_ARCH=$(ARCH) HUNAR_RUNTIME=$(runtime) $(sam) build \
	    --parameter-overrides Runtime=$(runtime) Architecture=$(ARCH)
	@[ "$(runtime) $(ARCH)" = "python3.13 arm64" ] || \
	    echo "built for $(runtime) on $(ARCH): give sam deploy the same Runtime and Architecture, they are not the default" >&2

lock: .tools/uv/ready ## write the hashed requirements again from the .in files
	@for file in $(locks); do echo "$$file.txt"; $(lock) "$$file.in" --output-file "$$file.txt" || exit 1; done

clean: ## remove environments, tools, builds and caches
	@rm -rf .venv .tools .local .aws-sam .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +

# The steps of check, one by one; local/steps.py says which run beside each other.
# On all processors. To look at one test: make pytest ARGS="-n 0 -x tests/unit/test_x.py" (with -n 0 --pdb and -s work).
pytest: .venv/ready
	@$(dev) -m pytest -q -n auto --dist worksteal $(ARGS)

# The contract suite once more, against MiniStack, and there with real threads. It starts and stops its own.
contract: .venv/ready .tools/ministack/ready
	@HUNAR_CONTRACT=ministack $(dev) -m pytest -q tests/contract -k ministack

ruff-check: .venv/ready
	@.venv/bin/ruff check .

ruff-format: .venv/ready
	@.venv/bin/ruff format --check .

mypy: .venv/ready
	@.venv/bin/mypy layers/common/hunar functions local bench

validate: .tools/sam/ready
	@$(sam) validate --lint

# What `run` built, in interpreters that see only the layer, boto3 and the standard library.
built: .venv/ready
	@$(dev) -m pytest -q tests/built/built_layer.py

race: .venv/ready .tools/sam/ready .tools/ministack/ready
	@$(dev) -m bench race doors

storm: .venv/ready .tools/sam/ready .tools/ministack/ready
	@$(dev) -m bench storm

# Both, on one deployed stack.
crowd: .venv/ready .tools/sam/ready .tools/ministack/ready
	@$(dev) -m bench race doors storm

# Which Python. Looked for each time, written only if the answer is another: then all that hangs on it is made anew.
.tools/python: FORCE
	@mkdir -p .tools/bin; found=$$(local/find-python) || exit 1; \
	if [ "$$found" != "$$(cat $@ 2>/dev/null)" ]; then \
	    rm -f .tools/bin/python3.*; \
	    ln -s "$$found" .tools/bin/"$$("$$found" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')" && \
	    printf '%s\n' "$$found" > $@; \
	fi

# Each environment is guarded by a file that is newer than what it was made from.
.tools/uv/ready: requirements/uv.txt .tools/python
	@echo "setting up uv"
	@rm -rf .tools/uv && "$$(cat .tools/python)" -m venv .tools/uv
	@.tools/uv/bin/python -m pip install --quiet --quiet --disable-pip-version-check --only-binary :all: --require-hashes -r $<
	@touch $@

.venv/ready: requirements/dev.txt pyproject.toml .tools/uv/ready
	@echo "setting up .venv"
	@$(uv) venv --quiet --clear --python "$$(cat .tools/python)" .venv
	@VIRTUAL_ENV=.venv $(uv) pip sync --quiet --compile-bytecode --require-hashes $<
	@VIRTUAL_ENV=.venv $(uv) pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.tools/sam/ready .tools/ministack/ready .tools/night/ready: .tools/%/ready: requirements/%.txt .tools/uv/ready
	@echo "setting up $*"
	@$(uv) venv --quiet --clear --python "$$(cat .tools/python)" .tools/$*
	@VIRTUAL_ENV=.tools/$* $(uv) pip sync --quiet --compile-bytecode --require-hashes $<
	@touch $@
