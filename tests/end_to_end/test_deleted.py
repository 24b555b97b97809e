"""Declared is what is made: a deleted file is made again, with what depends on it and nothing else."""

import pytest
from miniature import run
from snakemake_runs import Job, Plan

from kdml.common.together import KEPT

RESULTS = "results/miniature"
PLACES = ("paper/hcd/small", "paper/lgg/small", "paper/mine/own")


@pytest.fixture(scope="module")
def whole(chain) -> Plan:
    """All jobs of the experiment, as if nothing were made."""
    return Plan(run(chain, "-n", "-F", "-p"))


def dependents(plan: Plan, job: Job) -> set[Job]:
    """A job, and all that need what it makes."""
    found, ahead = set(), [job]
    while ahead:
        job = ahead.pop()
        if job not in found:
            found.add(job)
            ahead.extend(one for one in plan.jobs if set(one.inputs) & set(job.outputs))
    return found


def planned(chain, deleted: list[str]) -> tuple[Job, ...]:
    """Jobs that are planned while these files are away."""
    away = {chain / path: chain / f"{path}.away" for path in deleted}
    for path, aside in away.items():
        path.rename(aside)
    try:
        done = run(chain, "-n", "-p")
    finally:
        for path, aside in away.items():
            aside.rename(path)
    return tuple(Plan(done).jobs)


def test_every_file_has_a_maker_and_is_asked_for(chain, whole):
    made = {
        path.relative_to(chain).as_posix()
        for path in (chain / "results").rglob("*")
        if path.is_file() and KEPT not in path.parts
    }
    undeclared = {path for path in made if path not in whole.makers}
    assert undeclared == set()
    used = {path for job in whole.jobs for path in job.inputs}
    ends = {path for path in whole.makers if path not in used and path.startswith("results/")}
    assert ends == set(), "nobody would miss these"


# A file of every rule's outputs; several at once where the same jobs depend on them, to be quick.
DELETED = {
    "what readers see": [
        "results/index.html", "results/claims.md", "results/tables/comparison.tex", "results/figures/figure_10.pdf", "results/figures/figure_01.png",
        "results/tables/table_05.md", "results/tables/table_06.md", "results/tables/table_03.csv", "results/figures/curves_table_03.pdf",
        "results/tables/table_12.tex", "results/tables/clinic.md", "results/tables/clinic_teacher.csv",
    ],
    "of all places": [
        f"{RESULTS}/graphs.csv", f"{RESULTS}/contents.json", f"{RESULTS}/metrics.csv", f"{RESULTS}/splits.csv", f"{RESULTS}/leakage.md", f"{RESULTS}/comparison.csv",
        "results/claims.csv", f"{RESULTS}/readings.csv",
    ],
    "analyses": [f"{RESULTS}/{PLACES[0]}/{name}.csv" for name in ("contrasts", "contrasts_methods", "similarity_summary", "compression", "methods/methods")],
    "slices, costs": [f"{RESULTS}/slices/figure_04.npz", f"{RESULTS}/networks/lgg/small/layers.csv", f"{RESULTS}/networks/heads.csv", f"{RESULTS}/networks/mine/own/costs.csv"],
    "CKA, fidelity": [
        f"{RESULTS}/{PLACES[0]}/similarity/kd_off/layers.csv", f"{RESULTS}/{PLACES[1]}/fidelity/teachers.csv",
        f"{RESULTS}/{PLACES[0]}/teacher/by_seed.csv",
    ],
    "evaluations": [f"{RESULTS}/{PLACES[2]}/variants/{name}" for name in ("curves.csv", "regions.parquet")],
    "runs": [f"{RESULTS}/{PLACES[2]}/runs.csv"],
    "training": [f"{RESULTS}/{PLACES[2]}/circle/seed-0/history.csv"],
    "teacher": [f"{RESULTS}/paper/lgg/teacher_small/baseline/seed-0/predictions.npz"],
    "split": [f"{RESULTS}/paper/mine/split-0.csv"],
    "masks": [f"{RESULTS}/data/lgg/masks.npy"],
    "index": [f"{RESULTS}/data/hcd/index.parquet"],
}  # fmt: skip


@pytest.mark.parametrize("deleted", DELETED.values(), ids=DELETED)
def test_what_was_deleted_is_planned_with_what_depends_on_it(own_chain, whole, deleted):
    makers = {whole.makers[path] for path in deleted}
    allowed = {job.outputs for maker in makers for job in dependents(whole, maker)}
    found = {job.outputs for job in planned(own_chain, deleted)}
    assert {job.outputs for job in makers} <= found <= allowed | {()}


def test_the_sample_has_a_file_of_every_rule(whole):
    elsewhere = {
        "train_trial",
        "draw_demo",
        "fetch",
        "all",
    }  # archives are given back, and their records: see test_moved.py
    of = {whole.makers[path].rule for paths in DELETED.values() for path in paths}
    assert {job.rule for job in whole.jobs} - of <= elsewhere | {"weights"}
