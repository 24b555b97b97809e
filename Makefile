# Tasks of the project, each a line: `make demo`. uv makes the environment at the first of them (pip install uv).
.PHONY: demo test test-quick check schema backbones lock bench page

demo: # the whole workflow on drawn images
	uv run snakemake --profile profiles/demo

test: # everything; what CI runs
	uv run pytest

test-quick: # what needs neither a training nor Snakemake
	uv run pytest -m quick

check: # formatting, linting, types
	uv run ruff format . && uv run ruff check --fix . && uv run snakefmt Snakefile workflow && uv run mypy

schema: # the schema of the configuration, docs/reference/{configuration,metrics}.md: written from the code
	uv run python -m kdml.experiment.config > workflow/schemas/config.schema.json
	uv run python docs/write_reference.py

backbones: # workflow/resources/backbones.csv: what can be built of timm's networks; after another pin of timm
	uv run python -m kdml.inspection.backbones --out workflow/resources/backbones.csv

lock: # requirements.lock and what pyproject.toml fixes, from the pins in pyproject.toml
	uv lock && uv export --quiet --no-emit-project --no-header --format requirements-txt --output-file requirements.lock

bench: # speed, memory, planning; results/benchmarks/
	for script in engine methods cka planning; do uv run python benchmarks/$$script.py; done

page: # docs/page.png, a picture of the page of the first published pack (needs Chromium; some minutes)
	uv run snakemake --cores all --config results_from=docs/reproduction/hcd_on_a_gpu.zip
	uv run python docs/draw_page.py --page rebuilt/reduced-*/results/index.html
