"""Shows where every training of an experiment stands, read off its files alone, and what the rest will cost.

uv run python src/status.py                                  the experiment of config.yaml
uv run python src/status.py --profile profiles/demo --live   that of a profile, again and again until all is done
uv run python src/status.py --forecast                       and hours, disk, and what shorter lists would save
uv run python src/status.py --calibrate                      after measuring some steps on this machine
uv run python src/status.py --finished part.yaml             what to lay over the configuration to publish what is finished
"""

import argparse
import json
import logging
import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console, Group
from rich.live import Live

from kdml.common.errors import UserError, run_script
from kdml.common.files import write_text
from kdml.common.project import ROOT
from kdml.experiment import status_table
from kdml.experiment.config import validated
from kdml.experiment.config_files import Call
from kdml.experiment.finished import finished_part
from kdml.experiment.forecast import Forecast, pictures_of
from kdml.experiment.paths import Paths
from kdml.experiment.plan import Plan
from kdml.experiment.states import Standing, State, Training, other_failures, standing_of, trainings_of, trials_of
from kdml.runs import step_times

LONGEST = 24 * 3600  # seconds between two looks
WIDTH = 160  # of what is no terminal
IN_DETAIL = (State.FAILED, State.RUNNING, State.INTERRUPTED, State.STALE)
LISTED = 20  # of a state, unless all are asked for


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given = parser.add_argument_group("the experiment: what you give to Snakemake")
    given.add_argument("--configfile", nargs="+", type=Path, default=[], metavar="FILE", help="laid over config.yaml")
    given.add_argument("--directory", type=Path, metavar="DIR", help="where the workflow works")
    given.add_argument("--config", nargs="*", default=[], metavar="KEY=VALUE", help="laid over the files")
    given.add_argument("--profile", metavar="PROFILE", help="that names the configuration")
    parser.add_argument("--all", action="store_true", help="list waiting and finished trainings, too")
    parser.add_argument(
        "--forecast", action="store_true", help="what the rest will cost; shown anyway before the start"
    )
    parser.add_argument("--calibrate", action="store_true", help="measure some steps of every kind of training first")
    parser.add_argument(
        "--finished", type=Path, metavar="FILE", help="write the largest finished part as a configuration, show nothing"
    )
    parser.add_argument("--json", action="store_true", help="everything, for machines")
    parser.add_argument(
        "--live", "--watch", nargs="?", type=float, const=5.0, metavar="SECONDS", help="again and again (5 seconds)"
    )
    return parser.parse_args()


class View:
    """What is shown of an experiment.

    Args:
        plan: of the experiment.
        base: working directory of the workflow.
        arguments: what to show.
    """

    def __init__(self, plan: Plan, base: Path, arguments: argparse.Namespace):
        self.plan, self.base, self.arguments = plan, base, arguments
        self.name = plan.experiment.experiment
        self.paths = Paths(self.name)
        self.trainings: list[Training] = trainings_of(plan, self.paths)
        if (base / self.paths.results / "grid_search").is_dir():
            self.trainings += trials_of(plan, self.paths)

    def look(self) -> list[Standing]:
        """Where all trainings stand now."""
        return [standing_of(training, self.base) for training in self.trainings]

    def forecast(self, standings: Sequence[Standing]) -> Forecast:
        """What is left to do."""
        experiment = self.plan.experiment
        tasks = dict.fromkeys(training.run.task for training in self.trainings)
        pictures = {task: pictures_of(experiment, self.paths, task, self.base) for task in tasks}
        return Forecast(self.plan, standings, pictures, step_times.read(self.base / self.paths.calibration()))

    def _wants_forecast(self, standings: Sequence[Standing]) -> bool:
        begun = any(one.state is not State.WAITING for one in standings)
        return self.arguments.forecast or self.arguments.calibrate or not begun

    def _free(self) -> int:
        return shutil.disk_usage(self.base).free

    def text(self, standings: Sequence[Standing]) -> Group:
        """Tables and lines for a terminal."""
        states, listed = (tuple(State), None) if self.arguments.all else (IN_DETAIL, LISTED)
        parts = [status_table.overview(self.name, standings), status_table.by_place(standings)]
        parts += status_table.details(standings, states, listed)
        parts += status_table.failures(other_failures(self.paths, self.trainings, self.base))
        if not self.plan.experiment.allow_mixed_code:
            parts += status_table.mixture(standings)
        if self._wants_forecast(standings):
            parts.append(status_table.forecast(self.forecast(standings), self._free()))
        return Group(*parts)

    def content(self, standings: Sequence[Standing]) -> dict[str, Any]:
        """Everything, for machines."""
        others = other_failures(self.paths, self.trainings, self.base)
        forecast = self.forecast(standings).as_rows() if self._wants_forecast(standings) else None
        return {
            "experiment": self.name,
            "counts": status_table.counts(standings),
            "trainings": [one.as_row() for one in standings],
            "other_failures": [{"log": log, "reason": one.problem, "remedy": one.remedy} for log, one in others],
            "forecast": forecast and forecast | {"disk_free": self._free()},
        }


def calibrate(view: View, console: Console) -> None:
    """Measure a training of every class of cost that is not finished, and keep what was measured."""
    from kdml.inspection.calibration import step_time  # loads torch

    logging.getLogger("kdml.learning").setLevel(logging.WARNING)  # its epochs are nobody's
    path, found = view.base / view.paths.calibration(), view.forecast(view.look())
    classes, measured = found.classes(), dict(found.step_times)
    for number, (key, standing) in enumerate(classes.items(), start=1):
        training = standing.training
        size, workers = found.pictures[training.run.task].size, view.plan.experiment.loader_workers
        measured[key] = step_time(training.settings, size, workers, training.name)
        said = measured[key].problem or f"{measured[key].step:.3f} s a step on {measured[key].device}"
        console.print(f"{number} of {len(classes)}: {training.name}: {said}", markup=False, highlight=False)
        step_times.write(path, measured)


def show(view: View, seconds: float, console: Console) -> None:
    """Show the experiment again and again until all is done, or somebody has seen enough."""
    standings = view.look()
    try:
        with Live(view.text(standings), console=console, auto_refresh=False) as live:
            while any(one.state is not State.DONE for one in standings):
                time.sleep(seconds)
                standings = view.look()
                live.update(view.text(standings), refresh=True)
    except KeyboardInterrupt:
        pass


def write_finished(plan: Plan, standings: Sequence[Standing], path: Path) -> None:
    """Write the largest finished part of an experiment as a configuration to lay over its own.

    Raises:
        UserError: there is none.
    """
    part = finished_part(
        plan, (one.training.run for one in standings if one.state is State.DONE and not one.training.trial)
    )
    if part is None:
        raise UserError(
            "No task is finished with all variants of a pair and one seed.",
            "go on training, or ask for less under `run:`",
        )
    write_text(path, yaml.safe_dump(part, sort_keys=False))


def main() -> None:
    """Plan, look, show."""
    arguments = parse_arguments()
    call = Call(arguments.configfile, arguments.config, arguments.directory)
    call = call if arguments.profile is None else call.over(arguments.profile)
    plan = Plan(validated(call.config(ROOT / "config.yaml")))
    base = call.directory or Path()
    if not base.is_dir():
        raise UserError(f"{base} is no folder.", "give the `--directory` that Snakemake was given")
    if arguments.live is not None and not 0 < arguments.live < LONGEST:
        raise UserError(
            f"--live {arguments.live:g} is no time between two looks.", "give seconds above 0, a day at most"
        )
    if arguments.live is not None and arguments.json:
        raise UserError("--live is for people, --json for machines.", "leave one of them out")
    view = View(plan, base, arguments)
    console = Console(highlight=False, width=None if os.isatty(1) else WIDTH)
    if arguments.calibrate:
        calibrate(view, Console(stderr=True))
    if arguments.finished is not None:
        write_finished(plan, view.look(), arguments.finished)
    elif arguments.json:
        print(json.dumps(view.content(view.look()), indent=2))
    elif arguments.live is not None:
        show(view, arguments.live, console)
    else:
        console.print(view.text(view.look()))


if __name__ == "__main__":
    run_script(main)
