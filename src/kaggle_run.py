"""Runs an experiment on Kaggle's GPUs, a session of some hours at a time.

uv run python src/kaggle_run.py push 480 --configfile mine.yaml     sends the project and starts the first session
uv run python src/kaggle_run.py status                              where it is
uv run python src/kaggle_run.py pull                                brings what it left into results/
uv run python src/kaggle_run.py continue                            starts the next session, which goes on from there

docs/how-to/kaggle.md says what is needed and what it costs. Exit code 0: done. 75: not now, give the command again. 2: mend it.
"""

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kdml.common.command_line import minutes
from kdml.common.errors import MachineError, UserError, run_script
from kdml.common.files import read_json, write_json
from kdml.common.project import ROOT
from kdml.data.archives import ARCHIVES_OF
from kdml.experiment.archives import datasets_of
from kdml.experiment.config import Experiment, validated
from kdml.experiment.config_files import Call
from kdml.experiment.named_files import files_to_send
from kdml.experiment.plan import Plan
from kdml.kaggle import kernel, output, session
from kdml.kaggle.service import Service

NAME = "kdml"
RECORD = "pushed.json"
UNPACKING = 15.0  # minutes that Kaggle may take to unpack a data set
ENDED, FAILED = "complete", ("error", "cancel_acknowledged")


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked = parser.add_subparsers(dest="what", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--name", default=NAME, help="of data sets and kernels at Kaggle (default %(default)s)")
    common.add_argument("--directory", type=Path, default=Path(), metavar="DIR", help="where the workflow works here")
    sending = argparse.ArgumentParser(add_help=False)
    sending.add_argument(
        "--patience", type=minutes, default=UNPACKING, metavar="MINUTES", help="that Kaggle may take to unpack"
    )
    push = asked.add_parser("push", parents=[common, sending], help="send the project, start the first session")
    push.add_argument(
        "minutes", type=minutes, help="to work in a session; installing, packing and publishing come on top"
    )
    push.add_argument("--profile", default="profiles/kaggle", help="for Snakemake (default %(default)s)")
    push.add_argument("--configfile", nargs="+", type=Path, default=[], metavar="FILE", help="laid over config.yaml")
    push.add_argument("--config", nargs="+", default=[], metavar="KEY=VALUE", help="laid over the files")
    push.add_argument("--target", nargs="+", default=[], help="of Snakemake; everything if none is given")
    push.add_argument(
        "--also",
        nargs="+",
        type=Path,
        default=[],
        help="what is neither committed nor named by the configuration, to send",
    )
    push.add_argument("--wheels", type=Path, metavar="FOLDER", help="all packages, for sessions without internet")
    push.add_argument("--no-gpu", action="store_true", help="work on the CPU, which uses no GPU hours")
    asked.add_parser("status", parents=[common], help="where the last session is, and the GPU hours that are left")
    asked.add_parser("pull", parents=[common], help="bring what the last finished session left into results/")
    go_on = asked.add_parser("continue", parents=[common, sending], help="start the next session from the last output")
    go_on.add_argument("--minutes", type=minutes, help="to work; as before if not given")
    return parser.parse_args()


class Work:
    """What was pushed under a name, and what is kept of it here.

    Args:
        name: of data sets and kernels.
        base: working directory of the workflow here.

    Raises:
        UserError: the name cannot be one.
    """

    def __init__(self, name: str, base: Path):
        if not re.fullmatch(kernel.PATTERN, name) or len(name) > kernel.LONGEST:
            raise UserError(
                f"--name {name} cannot be part of an address at Kaggle.",
                f"take small letters, digits and single hyphens, at most {kernel.LONGEST} signs",
            )
        self.name, self.base = name, base
        self.folder = base / "resources/kaggle_run" / name

    def read(self) -> dict[str, Any]:
        """The record of what was pushed.

        Raises:
            UserError: nothing was.
        """
        if not (self.folder / RECORD).exists():
            raise UserError(
                f"Nothing was pushed under the name {self.name} from here.", "push first, or give its --name"
            )
        return read_json(self.folder / RECORD, "delete it and push again under another name")

    def write(self, record: dict[str, Any]) -> None:
        """Keep a record."""
        write_json(self.folder / RECORD, record)


def experiment_of(call: Call) -> Experiment:
    """The experiment that a call is about."""
    return validated(call.config(ROOT / "config.yaml"))


def job_of(arguments: argparse.Namespace) -> tuple[kernel.Job, list[Path]]:
    """What is asked for, checked as Snakemake would; and the files of the call that it needs, committed or not.

    Raises:
        UserError: the configuration is none, or its images do not lie at Kaggle.
    """
    call = Call(arguments.configfile, arguments.config).over(arguments.profile)
    experiment = experiment_of(call)
    datasets = datasets_of(experiment)
    if own := [name for name in datasets if name not in ARCHIVES_OF]:
        raise UserError(
            f"`datasets.{own[0]}` is your own and not at Kaggle.", "name tasks of the paper's data sets under `run:`"
        )
    Plan(experiment)  # refuses what Snakemake would refuse there
    files = [path.resolve() for path in call.files]
    if outside := [path for path in files if not path.is_relative_to(ROOT)]:
        raise UserError(f"{outside[0]} lies outside the project, which is all that is sent.", f"move it below {ROOT}")
    job = kernel.Job(
        name=arguments.name,
        minutes=arguments.minutes,
        experiment=experiment.experiment,
        profile=arguments.profile,
        configfile=[path.relative_to(ROOT).as_posix() for path in files],
        config=[value for value in call.values if not value.startswith("archives=")],
        targets=arguments.target,
        archives=[name for dataset in datasets for name in ARCHIVES_OF[dataset]],
        internet=arguments.wheels is None,
        gpu=not arguments.no_gpu,
    )
    profile = Path(arguments.profile)
    return job, [*files, *([profile] if (ROOT / profile).exists() else []), *arguments.also]


def check_targets(job: kernel.Job, values: Sequence[str]) -> None:
    """Plan what a session is to make as it will, which costs seconds here and a session's GPU hours there.

    Args:
        job: with the targets.
        values: `--config` of the call.

    Raises:
        UserError: Snakemake does not plan them.
    """
    if not job.targets:
        return
    words = ["-m", "snakemake", "--dry-run", "--quiet", "all", "--profile", job.profile]
    asked = [sys.executable, *words, *session.laid(job.configfile, values), "--", *job.targets]
    done = subprocess.run(asked, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        *_, last = ["", *done.stdout.splitlines()]
        raise UserError(
            f"Snakemake does not plan --target {' '.join(job.targets)}: {last}",
            "name what `uv run snakemake -n` with the same configuration tells, or a rule of `--list-target-rules`",
        )


def start(work: Work, record: dict[str, Any], patience: float) -> None:
    """Send what has changed, wait until it is there, and start a session after the last finished one.

    Args:
        work: that it belongs to.
        record: of it, as kept here.
        patience: minutes that Kaggle may take to unpack.

    Raises:
        UserError: it is to work for no time; a file that the configuration names is missing or does not travel; or Kaggle
            refuses.
        MachineError: Kaggle does not take it now.
    """
    job = kernel.Job(**record["job"])
    if job.minutes == 0:
        raise UserError("A session of 0 minutes would install and make nothing.", "give the minutes that it may work")
    # As the configuration names them now: it may have been edited since.
    named = files_to_send(experiment_of(Call([ROOT / path for path in job.configfile], job.config)), ROOT)
    names = kernel.tracked(ROOT, [*map(Path, record["also"]), *named])
    service = Service()
    datasets = {"project": job.dataset(service.user, "project")}
    digests = {"project": kernel.write_project(work.folder / "project", datasets["project"], ROOT, names)}
    if record["wheels"] is not None:
        datasets["wheels"] = job.dataset(service.user, "wheels")
        digests["wheels"] = kernel.write_wheels(work.folder / "wheels", datasets["wheels"], Path(record["wheels"]))
    if job.gpu and (left := service.gpu_hours_left()) is not None:
        print(f"{left:.1f} GPU hours are left this week.")
    for what, dataset in datasets.items():
        if record["sent"].get(dataset) != digests[what]:
            print(f"Sending {dataset}.")
            service.send(work.folder / what, dataset)
            record["sent"][dataset] = digests[what]
            work.write(record)
        service.wait_for(dataset, patience)
    number = record["finished"] + 1
    last = job.kernel(service.user, number - 1) if number > 1 else None
    name = job.kernel(service.user, number)
    kernel.write_kernel(work.folder / "kernel", name, job, digests["project"], list(datasets.values()), last)
    page = service.start(work.folder / "kernel", name)
    record["started"] = number
    work.write(record)
    print(f"Session {number} has started: {page}")


def push(arguments: argparse.Namespace, work: Work) -> None:
    """Send the project and start the first session."""
    job, also = job_of(arguments)
    if (work.folder / RECORD).exists() and (before := work.read())["started"]:
        raise UserError(
            f"Session {before['started']} of {work.name} was started from here already.",
            "`continue` goes on from it; give another --name to begin anew",
        )
    check_targets(job, arguments.config)
    record = {"job": asdict(job), "also": list(map(str, also)), "sent": {}, "started": 0, "finished": 0}
    record["wheels"] = None if arguments.wheels is None else str(arguments.wheels.resolve())
    if (work.folder / RECORD).exists():  # a push that was refused half-way
        record["sent"] = work.read()["sent"]
    start(work, record, arguments.patience)


def go_on(arguments: argparse.Namespace, work: Work) -> None:
    """Start the next session; after one that failed, the same once more."""
    record = work.read()
    service, number = Service(), record["started"]
    if number > record["finished"]:
        name = kernel.Job(**record["job"]).kernel(service.user, number)
        state, why = service.state(name)
        if state == ENDED:
            record["finished"] = number
        elif state not in FAILED:
            raise MachineError(f"{name} has not ended ({state}).", "wait for it; `status` says when")
        else:
            print(f"{name} failed ({why or state}): it is started once more.")
    if arguments.minutes is not None:
        record["job"]["minutes"] = arguments.minutes
    start(work, record, arguments.patience)


def last_session(work: Work) -> tuple[Service, str, str, str]:
    """(Kaggle, name of the kernel that was started last, its state, why it failed)."""
    record = work.read()
    if not record["started"]:
        raise UserError(f"No session of {work.name} was started yet.", "push again")
    service = Service()
    name = kernel.Job(**record["job"]).kernel(service.user, record["started"])
    return service, name, *service.state(name)


def status(work: Work) -> None:
    """Say where the last session is.

    Raises:
        UserError: it failed.
    """
    service, name, state, why = last_session(work)
    if state in FAILED:
        raise UserError(
            f"{name} failed ({why or state}).",
            f"read its log on https://www.kaggle.com/code/{name}, mend it, and `continue`",
        )
    print(f"{name}: {state}" + (": `pull` brings what it left" if state == ENDED else ""))
    if kernel.Job(**work.read()["job"]).gpu and (left := service.gpu_hours_left()) is not None:
        print(f"{left:.1f} GPU hours are left this week.")


def pull(work: Work) -> None:
    """Bring what the last session left into the results.

    Raises:
        MachineError: it has not ended, or something did not arrive whole.
        UserError: it failed, left nothing, or results of another origin are in the way.
    """
    service, name, state, why = last_session(work)
    if state in FAILED:
        raise UserError(f"{name} failed ({why or state}).", f"read its log on https://www.kaggle.com/code/{name}")
    if state != ENDED:
        raise MachineError(f"{name} has not ended ({state}).", "wait for it; `status` says when")
    folder = work.folder / "output"
    told = output.fetched(lambda file, where: service.fetch(name, file, where), name, folder)
    changed = output.taken(folder, told, work.base, work.folder / "pulled.json")
    record = work.read()
    record["finished"] = record["started"]
    work.write(record)
    print(f"Session {told['number']}: {changed} files are new or other than before.")
    if told["pack"]:
        print(f"The pack of what is finished: {folder / told['pack']['name']}")
    if told["left_out"]:
        print(
            f"{len(told['left_out'])} files had no room among what Kaggle keeps: {json.dumps(told['left_out'][:3])} ..."
        )
    said = {0: "Everything is made.", 75: "Something is left: `continue` goes on."}
    print(said.get(told["exit_code"], f"Snakemake ended with exit code {told['exit_code']}: read {folder}/*.log"))


def main() -> None:
    """Do what is asked."""
    arguments = parse_arguments()
    work = Work(arguments.name, arguments.directory)
    if arguments.what == "push":
        push(arguments, work)
    elif arguments.what == "continue":
        go_on(arguments, work)
    else:
        {"status": status, "pull": pull}[arguments.what](work)


if __name__ == "__main__":
    run_script(main)
