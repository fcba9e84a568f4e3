# make run · make test · make test-all · make newest · make bench · make app   (Python 3.11 or 3.12; the first call also makes .venv)
CHECK := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))
PYTHON ?= $(shell for name in python3.12 python3.11 python3 python; do \
	if $$name -c "$(CHECK)" 2>/dev/null; then echo $$name; break; fi; done)
BIN := .venv/bin
NEWEST := .venv-newest/bin
# Test files side by side; each worker may need 3 GB of memory. One file alone: pytest PATH
WORKERS ?= 2

.PHONY: run test test-all newest bench app clean

run: .venv/ready
	$(BIN)/python run_all.py

test: .venv/ready-for-tests
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

# Also the tests marked slow (real faces end to end, several processes and devices, the real profiles
# on the loopback Kaggle) and the smoke profile under the newest TensorFlow and Keras.
test-all: .venv/ready-for-tests .venv-newest/ready
	UNMASK_SLOW=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

# A second environment: the locked versions but the newest TensorFlow and Keras. With it there,
# `make test` also runs the smoke profile in it.
newest: .venv-newest/ready

bench: .venv/ready
	$(BIN)/python benchmarks/run.py

app: .venv/ready
	$(BIN)/python -m unmask app

.venv/ready: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Unmask needs Python 3.11 or 3.12; none was found. Install one, or: make PYTHON=/path/to/python3.12"; exit 2; }
	@$(PYTHON) -c "$(CHECK)" || { echo "Unmask needs Python 3.11 or 3.12, but $(PYTHON) is another version."; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

.venv/ready-for-tests: .venv/ready requirements-test.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-test.lock
	touch $@

.venv-newest/ready: .venv/ready requirements-newest.lock
	.venv/bin/python -m venv .venv-newest
	$(NEWEST)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(NEWEST)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-newest.lock
	$(NEWEST)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

clean:
	rm -rf .venv .venv-newest build
