"""Prints the settings of one run of a configuration as JSON: what src/train.py takes as --settings."""

import argparse
from pathlib import Path

from kdml.common.errors import UserError, run_script
from kdml.common.yaml_files import read_yaml
from kdml.experiment.config import validated
from kdml.experiment.plan import Plan, Run


def merged(paths: list[Path]) -> dict:
    """Configuration files laid over each other as Snakemake does: mappings merge deeply, everything else is replaced."""
    from snakemake.utils import update_config

    config: dict = {}
    for path in paths:
        update_config(config, read_yaml(path))
    return config


def main() -> None:
    """Find the run in the plan and print its settings."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--config", type=Path, nargs="+", default=[Path("config.yaml")], help="files, later ones laid over earlier ones"
    )
    parser.add_argument("--protocol", default="paper")
    parser.add_argument("--task", required=True)
    parser.add_argument("--pair", required=True, help="a pair, or a network for a baseline")
    parser.add_argument("--run", required=True, help="a variant, method, baseline or teacher")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    plan = Plan(validated(merged(arguments.config)))
    run = Run(arguments.protocol, arguments.task, arguments.pair, arguments.run, arguments.seed)
    if run not in plan.runs:
        raise UserError(
            f"{run.folder} is not among the runs of {', '.join(map(str, arguments.config))}.", "choose it under `run:`"
        )
    print(plan.settings(run).to_json())


if __name__ == "__main__":
    run_script(main)
