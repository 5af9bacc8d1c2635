# make help lists what there is to type. Everything runs in .venv, which the first command builds.

MODEL ?= codae_mask_encoder
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
READY := $(VENV)/.ready
BIN := $(VENV)/bin

STAGES := data train quantize export csim rtl emulator
OPTIONS := $(if $(PRESET),--preset "$(PRESET)") $(if $(DATA),--data "$(DATA)") \
	$(if $(filter 1,$(FROM_SCRATCH)),--from-scratch) $(if $(WORKERS),--workers "$(WORKERS)")

# published event images, where they lie beside the checkout
EVENT_IMAGES := $(if $(filter codae,$(MODEL)),$(wildcard ../shared/data/codae_events))

.DEFAULT_GOAL := help
.PHONY: help hls $(STAGES) physics test test-slow bench lint report compare review clean

help:
	@echo "make hls MODEL=$(MODEL)    from nothing to a verdict"
	@echo "make $(STAGES)    one stage, after the ones before it"
	@echo "    DATA=folder        judge on these events instead of the shipped ones"
	@echo "    PRESET=smoke|demo|paper    seconds, minutes (default), the paper's schedule"
	@echo "    FROM_SCRATCH=1     train instead of using released weights"
	@echo "    BUDGET=l1          of make rtl, instead of the recipe's"
	@echo "    WORKERS=n          processes for generation and C-simulation"
	@echo "make physics MODEL=codae|nae|nae_svj   scores of whole autoencoders beside the papers', as a page"
	@echo "                       (nae_reverse and nae_encoder: the page of nae)"
	@echo "    NETWORKS=\"a b\"     released names or paths of weights (default: the last of each)"
	@echo "    EVENTS=n           background events or jets of each sample (default 4000)"
	@echo "make report MODEL=$(MODEL)   its page in build/report, from the last report (no MODEL: all)"
	@echo "make compare           cost of physics: all reports, in build/compare (MODELS=\"a b\": these)"
	@echo "make review            what moved since the committed reports, after make hls"
	@echo "    ACCEPT=1           take the fresh reports over, with a line in the changelog"
	@echo "    BASE=commit        compare with this one (default: the last)"
	@echo "    MARKDOWN=file      write a summary for a pull request; JUNIT=file"
	@echo "make test | test-slow | lint | clean"
	@echo "make bench             emulator against C-simulation and the ONNX reference; lowering; generation"

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 11) <= v < (3, 13) else \
	"trigforge needs Python 3.11 or 3.12, found %d.%d: set PYTHON=/path/to/python3.11" % v[:2])'
	@echo "building the environment in $(VENV) (minutes, once)"
	@started=$$(date +%s); $(PYTHON) -m venv $(VENV) && \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --editable '.[generate,rtl,dev]' && \
	echo $$(( $$(date +%s) - started )) > $@

hls $(STAGES): $(READY)
	@$(BIN)/trigforge $@ "$(MODEL)" $(OPTIONS) $(if $(and $(filter rtl,$@),$(BUDGET)),--budget "$(BUDGET)")

physics: $(READY)
	@$(BIN)/trigforge physics "$(MODEL)" $(foreach name,$(NETWORKS),--network "$(name)") \
		$(if $(or $(DATA),$(EVENT_IMAGES)),--data "$(or $(DATA),$(EVENT_IMAGES))") \
		$(if $(EVENTS),--events "$(EVENTS)")

test: $(READY)
	@$(BIN)/python -m pytest -q -m "not slow"

bench: $(READY)
	@$(BIN)/trigforge export "$(MODEL)" $(OPTIONS)
	@$(BIN)/python benchmarks/lowering.py build/$(MODEL)/$(or $(PRESET),demo)/export/model.onnx
	@$(BIN)/python benchmarks/emulator.py build/$(MODEL)/$(or $(PRESET),demo)/export/model.onnx
	@$(BIN)/python benchmarks/generation.py
	@$(BIN)/python benchmarks/langevin.py
	@$(BIN)/python benchmarks/jet_images.py
	@$(BIN)/python benchmarks/teacher.py

test-slow: $(READY)
	@$(BIN)/python -m pytest -q -m slow

lint: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

# all models unless MODEL is given
report: $(READY)
	@$(BIN)/trigforge page $(if $(filter command,$(origin MODEL)),"$(MODEL)")

# all recipes as they are written unless MODELS are given
compare: $(READY)
	@$(BIN)/trigforge compare $(foreach name,$(MODELS),"$(name)")

review: $(READY)
	@$(BIN)/trigforge review $(if $(filter command,$(origin MODEL)),"$(MODEL)") \
		$(if $(BASE),--base "$(BASE)") $(if $(filter 1,$(ACCEPT)),--accept) \
		$(if $(MARKDOWN),--markdown "$(MARKDOWN)") $(if $(JUNIT),--junit "$(JUNIT)")

clean:
	rm -rf build firmware_projects/*/
