# Brazada. `make help` lists the targets.
PYTHON ?= python3.11
BIN := .venv/bin
READY := .venv/.ready
DEPLOY_TOOLS := .venv/.deploy-tools
CLUSTER_TOOLS := .venv/.cluster-tools
SAMPLE := tests/sample/prices
DEMO ?= warehouse/demo
FASHION := $(wildcard /usr/share/datasets/fashion-mnist)
CHAOS_RUNS ?= 20

.DEFAULT_GOAL := help
.PHONY: help setup demo docs notebook mlflow test test-unit test-cluster lint bench bench-swim bench-train chaos wheel bundle deploy-check clean

help: ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/:/' | awk -F': *' '{printf "  %-10s %s\n", $$1, $$2}'

setup: $(READY) ## Make .venv with the locked packages, Horovod with its stall fix, and Delta's JARs

$(READY): requirements.lock setup.py conf/setup/setup_env.py conf/setup/horovod-stall.patch
	@echo "setting up .venv: under a minute with warm caches, some minutes with empty ones"
	$(PYTHON) conf/setup/setup_env.py
	@echo "ready: try $(BIN)/brazada doctor, or make demo"

demo: $(READY) ## Set up and run the main jobs: shipped prices to forecasts, a simulated swim log to styles, pictures to classes
	$(BIN)/brazada prices run $(SAMPLE) --steps ingest,series,windows,train,backtest,forecast,summary \
		--set prices.networks.global_model.members=1 --warehouse $(DEMO)
	$(BIN)/brazada simulate swim --rows 3e5 --seed 7 $(DEMO)/logs
	$(BIN)/brazada swim run $(DEMO)/logs --steps ingest,sessions,laps,fit,score,summary \
		--method kinematic --method published --truth $(DEMO)/logs/_truth.csv --warehouse $(DEMO)
	$(if $(FASHION),,$(BIN)/brazada simulate fashion $(DEMO)/fashion)
	$(BIN)/brazada images ingest-fashion $(or $(FASHION),$(DEMO)/fashion) --warehouse $(DEMO)
	$(BIN)/brazada train fashion --network cnn --set images.fashion.networks.cnn.epochs=$(if $(FASHION),1,8) --warehouse $(DEMO)
	$(BIN)/brazada evaluate fashion --warehouse $(DEMO)
	$(BIN)/brazada report --out $(DEMO)/report --warehouse $(DEMO)

docs: $(READY) ## Make the site of documents, build/site/index.html
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict
	@echo "look at $(abspath build/site/index.html)"

notebook: $(READY) ## Open the notebooks in JupyterLab, over the demo's tables or those of DEMO=folder
	BRAZADA_WAREHOUSE=$(abspath $(DEMO)) $(BIN)/python -m jupyterlab --notebook-dir notebooks

mlflow: $(READY) ## Open the pages of MLflow over the training runs of the demo, or of DEMO=folder, on port 5000
	@test -f $(DEMO)/mlflow/mlflow.db || { echo "no training runs in $(DEMO): make demo makes some" >&2; exit 1; }
	MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false $(BIN)/python -m mlflow ui --workers 1 --host 127.0.0.1 --port 5000 --backend-store-uri sqlite:///$(abspath $(DEMO))/mlflow/mlflow.db

test-unit: $(DEPLOY_TOOLS) ## Run the tests that need no Spark
	$(BIN)/python -m pytest tests/unit

test: $(DEPLOY_TOOLS) ## Set up and run every test
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --ignore tests/e2e/cluster

test-cluster: $(CLUSTER_TOOLS) ## Set up and run the tests against S3, which moto speaks on this machine
	$(BIN)/python -m pytest tests/e2e/cluster

lint: $(READY) ## Check style, types, and that the documents fit the code
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict

bench: $(READY) ## Measure the price jobs, speed and quality; DATA=folder with odepa-prices/ and kalimati-prices/
	$(BIN)/python tests/bench/run.py $(DATA)

bench-swim: $(READY) ## Measure the swim jobs beside DuckDB; LOG=file, or ROWS=count to simulate (default 18479898); ONLY=...
	$(BIN)/python tests/bench/swim.py $(if $(LOG),--log $(LOG)) $(if $(ROWS),--rows $(ROWS)) $(if $(ONLY),--only $(ONLY))

bench-train: $(READY) ## Measure training: NETWORK of the task fashion (default cnn), in memory, by Petastorm, on 1 and 2 ranks
	$(BIN)/python tests/bench/training.py --network $(or $(NETWORK),cnn) --rows 12000 --batch 100

chaos: $(READY) ## Kill jobs at random moments, CHAOS_RUNS times (default 20)
	BRAZADA_CHAOS_RUNS=$(CHAOS_RUNS) $(BIN)/python -m pytest tests/e2e -k chaos --timeout $$((200 + 100 * $(CHAOS_RUNS)))

wheel: $(READY) ## Build the wheel into dist/
	rm -rf build dist/brazada-*.whl  # else modules since removed would be in it
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation -w dist .

bundle: wheel ## Build what `databricks bundle deploy` takes along into dist/: the wheel, and the list of its packages
	$(BIN)/python conf/deploy/requirements.py

deploy-check: bundle $(DEPLOY_TOOLS) ## Set up and check what is deployed to Databricks and EMR, without either of them
	$(BIN)/python conf/deploy/check.py

$(DEPLOY_TOOLS): $(READY) conf/deploy/requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -r conf/deploy/requirements.lock
	touch $@

$(CLUSTER_TOOLS): $(DEPLOY_TOOLS) conf/setup/cluster_jars.py
	$(BIN)/python conf/setup/cluster_jars.py
	touch $@

clean: ## Remove what was built; the warehouse and the user cache stay
	rm -rf .venv build dist lib/*.egg-info .mypy_cache .ruff_cache
