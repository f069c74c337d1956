# Every target makes what it needs from nothing but Python 3.11 and make.
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
TRITON := $(VENV)/tritonclient/.installed
# A file of tests is run by one process: its fixtures train a model once. tests/conftest.py says in which order.
PARALLEL := --numprocesses 2 --dist loadfile --no-loadscope-reorder
# Folders where every test starts processes or needs TensorFlow, so that test-fast need not even read them.
ALL_SLOW := deploy e2e faults fuzz serving/embedded

.PHONY: help demo serve test test-fast prove bench figures check fix proto manifests lock clean

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

demo: $(INSTALLED)  ## train on real photographs, export, serve, and answer one over HTTP
	$(BIN)/miwake demo

serve: $(INSTALLED)  ## the same model, left running
	test -d models/hand-signs || $(BIN)/miwake demo --train-only
	$(BIN)/miwake serve models

test: $(INSTALLED) $(TRITON)  ## everything but the long proofs at full length
	$(BIN)/pytest $(PARALLEL)

test-fast: $(INSTALLED)  ## what needs neither TensorFlow nor whole processes
	$(BIN)/pytest $(PARALLEL) -m "not tensorflow and not slow" $(addprefix --ignore=tests/,$(ALL_SLOW))

prove: $(INSTALLED) $(TRITON)  ## the long proofs at full length; the result goes to docs/proof/
	mkdir -p docs/proof
	$(BIN)/pytest $(PARALLEL) --prove --quiet --no-header --durations=20 | tee docs/proof/$$(date -u +%Y-%m-%d).txt

bench: $(INSTALLED)  ## ratios within one run, see benchmarks/
	for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

figures: $(INSTALLED)  ## the recipes' figures on your FLOWERS, MNIST, VGG16, DENSENET121: hours
	$(BIN)/python benchmarks/figures/recipes.py $(if $(FLOWERS),--flowers $(FLOWERS)) $(if $(MNIST),--mnist $(MNIST)) \
		$(if $(VGG16),--vgg16 $(VGG16)) $(if $(DENSENET121),--densenet121 $(DENSENET121))

check: $(INSTALLED)  ## formatting, lint, types, and who may import whom
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fix: $(INSTALLED)  ## what can be mended without thinking
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

proto: $(INSTALLED)  ## the message classes from proto/
	$(BIN)/python -m grpc_tools.protoc -I proto --python_out=. --pyi_out=. $$(find proto -name '*.proto')

RULES := deploy/prometheus/rules.yaml
OPERATOR_RULES := deploy/components/prometheus-operator/rules.yaml

manifests: $(INSTALLED) $(OPERATOR_RULES)  ## deploy/overlays rendered into build/manifests/
	mkdir -p build/manifests
	for overlay in deploy/overlays/*; do \
		$(BIN)/kubectl kustomize $$overlay > build/manifests/$$(basename $$overlay).yaml || exit 1; done

# The same rules as the Prometheus Operator wants them.
$(OPERATOR_RULES): $(RULES)
	printf '%s\n' '# Written by `make manifests` from $(RULES).' 'apiVersion: monitoring.coreos.com/v1' \
		'kind: PrometheusRule' 'metadata:' '  name: miwake' 'spec:' > $@
	grep -v '^#' $< | sed 's/^./  &/' >> $@

LOCK := $(VENV)/lock/bin/uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-annotate --custom-compile-command "make lock"

lock:  ## requirements/*.txt anew from pyproject.toml
	$(PYTHON) -m venv $(VENV)/lock
	$(VENV)/lock/bin/pip install --quiet uv
	$(LOCK) pyproject.toml --all-extras --group dev --output-file requirements/dev.txt
	$(LOCK) pyproject.toml --extra serving --constraint requirements/dev.txt --output-file requirements/serving.txt
	$(LOCK) pyproject.toml --extra serving --extra otel --extra heic --constraint requirements/dev.txt \
		--output-file requirements/serving-full.txt
	$(LOCK) pyproject.toml --extra serving --extra scoring --constraint requirements/dev.txt \
		--output-file requirements/serving-scoring.txt
	$(LOCK) pyproject.toml --extra training --constraint requirements/dev.txt --output-file requirements/training.txt
	echo "tensorflow[and-cuda]; sys_platform == 'linux'" | $(LOCK) pyproject.toml - --extra training --constraint requirements/dev.txt \
		--output-file requirements/training-gpu.txt
	printf 'cyclonedx-bom>=7.5\nhatchling>=1.27' | $(LOCK) - --output-file requirements/image.txt
	echo 'tritonclient[http,grpc]>=2.73' | $(LOCK) - --output-file requirements/tritonclient.txt

clean:  ## all that make made here
	rm -rf $(VENV) models photographs runs figures .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

$(INSTALLED): requirements/dev.txt pyproject.toml
	$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), "miwake needs Python 3.11 or newer"'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

# Triton's client wants an older protobuf than the model server's messages: an environment of its own.
$(TRITON): requirements/tritonclient.txt
	$(PYTHON) -m venv $(VENV)/tritonclient
	$(VENV)/tritonclient/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	touch $@
