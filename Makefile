# The two commands that matter, and the ones for people who work on it. `make help` lists them.
BUILD ?= build
PYTHON ?= python3

.PHONY: help demo demo-s3 demo-azure check stress lint threads memory matrix python-sanitize faults notebooks bench fuzz format clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## install what is missing, build, and do the main job on real data
	@scripts/install_packages.sh build
	@$(PYTHON) scripts/demo.py --build $(BUILD)

demo-s3: ## the same on an S3 server, Ceph's, which is installed, started and stopped
	@scripts/install_packages.sh build
	@$(PYTHON) scripts/demo.py --build $(BUILD) --store s3

demo-azure: ## the same on an Azure Blob server, Azurite, which is installed, started and stopped
	@scripts/install_packages.sh build
	@$(PYTHON) scripts/demo.py --build $(BUILD) --store azure

check: ## install what is missing, build with gcc and clang, and run every test
	@scripts/install_packages.sh build check
	@$(PYTHON) scripts/check.py --build $(BUILD)

stress: ## the long forms of the tests of commits (STRESS="--seconds 600 --seed 7 --only T6")
	@scripts/install_packages.sh build check
	@$(PYTHON) scripts/stress.py --build $(BUILD) $(STRESS)

lint: ## formatter, clang-tidy and cppcheck alone
	@scripts/install_packages.sh build check
	@$(PYTHON) scripts/check.py --build $(BUILD) --only lint

threads: ## the tests of what runs in parallel under the thread sanitizer
	@scripts/install_packages.sh build check
	@$(PYTHON) scripts/check.py --build $(BUILD) --only threads

memory: ## the tests under the memory sanitizer, which sees reads of what was never written
	@scripts/install_packages.sh build check
	@$(PYTHON) scripts/check.py --build $(BUILD) --only memory

matrix: ## the tests of the Python package with pandas 1.3 to 3, with and without pyarrow, Python 3.9 to 3.13, Dask old and new
	@scripts/install_packages.sh build check
	@$(PYTHON) scripts/check.py --build $(BUILD) --only matrix

python-sanitize: ## tests of the Python package with the extension under the address sanitizer
	@scripts/install_packages.sh build check
	@$(PYTHON) scripts/check.py --build $(BUILD) --only python-sanitize

faults: ## each request of each operation failing in each way, on an S3 and an Azure Blob server
	@scripts/install_packages.sh build check
	@$(PYTHON) scripts/check.py --build $(BUILD) --only faults

notebooks: ## run the notebooks of docs/ and keep what they give
	@scripts/install_packages.sh build
	@$(PYTHON) scripts/notebooks.py --build $(BUILD)

bench: ## measure against the peers (needs ../shared/bench; see docs/performance.md)
	@scripts/install_packages.sh build
	@$(PYTHON) scripts/bench.py --build $(BUILD)

fuzz: ## fuzz every decoder for FUZZ_SECONDS (60) each
	@scripts/install_packages.sh build check
	@$(PYTHON) scripts/fuzz.py --build $(BUILD) --seconds $${FUZZ_SECONDS:-60}

format: ## format all C sources in place
	@scripts/install_packages.sh check
	@git ls-files '*.c' '*.h' | xargs clang-format-19 -i

clean: ## remove the build folder
	rm -rf $(BUILD)
