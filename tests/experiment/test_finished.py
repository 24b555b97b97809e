"""The largest finished part of an experiment: what may be published while the rest is trained."""

import time

import pytest
import yaml
from miniature import MINIATURE
from snakemake.utils import update_config

from kdml.experiment.config import validated
from kdml.experiment.config_files import merged
from kdml.experiment.finished import finished_part
from kdml.experiment.plan import Plan


@pytest.fixture(scope="module")
def config(root):
    """The full experiment with one method on HCD."""
    one_method = {"methods": ["sp"], "methods_at": ["hcd/resnet50-resnet18"], "tasks": ["hcd", "lgg"]}
    return merged([root / "config.yaml"], {"run": one_method})


@pytest.fixture(scope="module")
def plan(config):
    return Plan(validated(config))


def part(plan, where):
    found = finished_part(plan, filter(where, plan.runs))
    return found and found["run"]


def test_of_a_finished_experiment_it_is_all_of_it(config, plan):
    found = part(plan, lambda run: True)
    assert found == {name: config["run"][name] for name in ("tasks", "pairs", "seeds", "methods")}


def test_a_pair_that_some_tasks_do_not_have_is_kept(root):
    """The paper's MobileNet is not run on two of its four tasks."""
    config = merged([root / "config.yaml"])
    plan = Plan(validated(config))
    assert {run.task for run in plan.runs if run.pair == "resnet50-mobilenet"} < set(config["run"]["tasks"])
    found = part(plan, lambda run: True)
    assert found == {name: config["run"][name] for name in ("tasks", "pairs", "seeds", "methods")}


def test_many_seeds_take_no_time(config):
    """Sets of seeds are those that tasks have in common, not all that there are."""
    many = merged((), config)
    many["run"] |= {"seeds": [*range(30)], "methods": []}
    plan = Plan(validated(many))
    started = time.process_time()
    found = part(plan, lambda run: (run.seed % 2 == 0) == (run.task == "hcd") or run.seed < 5)
    assert (found["tasks"], found["seeds"]) == (["hcd"], [0, 1, 2, 3, 4, *range(6, 30, 2)])
    assert time.process_time() - started < 20  # half an hour where all subsets are tried


def test_nothing_is_finished_before_a_pair_has_all_its_variants(config, plan):
    assert part(plan, lambda run: False) is None
    assert part(plan, lambda run: run.run != "kd_ml_v3") is None


@pytest.mark.parametrize("missing", ["baseline", "teacher"])
def test_teachers_and_baselines_belong_to_it(config, plan, missing):
    """A baseline is of a network and counts with every pair that has it."""
    assert any(run.run == missing for run in plan.runs)
    found = part(plan, lambda run: (run.run, run.seed) != (missing, 1))
    assert 1 not in found["seeds"]


def test_networks_alone_are_a_part_of_their_own(root):
    alone = {"tasks": ["lgg"], "techniques": [], "methods": [], "protocols": ["paper", "grouped"]}
    config = merged([root / "config.yaml"], {"run": alone})
    plan = Plan(validated(config))
    assert part(plan, lambda run: True) == {
        name: config["run"][name] for name in ("tasks", "pairs", "seeds", "methods")
    }
    assert part(plan, lambda run: run.pair != "mobilenet" or run.seed < 2)["seeds"] in ([0, 1], [0, 1, 2])
    assert part(plan, lambda run: run.pair != "resnet50") is None


def test_networks_alone_stay_beside_methods(root):
    some = {"tasks": ["hcd", "lgg"], "techniques": [], "methods": ["sp"], "methods_at": ["hcd/resnet50-resnet18"]}
    config = merged([root / "config.yaml"], {"run": some})
    assert part(Plan(validated(config)), lambda run: True) == {
        name: config["run"][name] for name in ("tasks", "pairs", "seeds", "methods")
    }


def test_it_is_a_block_and_the_largest(config, plan):
    def where(run):
        return (run.task, run.seed) in {("hcd", 0), ("hcd", 1), ("lgg", 2)}

    assert part(plan, where) == {"tasks": ["hcd"], "pairs": config["run"]["pairs"], "seeds": [0, 1], "methods": ["sp"]}
    corner = part(plan, lambda run: where(run) and ("mobilenet" not in run.pair or run.seed != 1))
    assert corner["tasks"] == ["hcd"] and (corner["pairs"], corner["seeds"]) in (
        (["resnet50-resnet18"], [0, 1]),
        (["resnet50-resnet18", "resnet50-mobilenet"], [0]),
    )


def test_methods_are_left_out_if_they_are_what_is_missing(config, plan):
    found = part(plan, lambda run: run.run != "sp" and run.task == "hcd")
    assert found == {"tasks": ["hcd"], "pairs": config["run"]["pairs"], "seeds": [0, 1, 2], "methods": []}


def test_what_it_writes_plans_what_is_finished_and_nothing_else(config, plan):
    done = {run for run in plan.runs if run.task == "hcd" and run.seed != 1}
    laid_over = merged((), config)
    laid_over["run"] |= finished_part(plan, done)["run"]
    assert set(Plan(validated(laid_over)).runs) == done


def test_lists_for_single_places_do_not_stand_in_its_way(root):
    """`variants_for`, `methods_at` and pairs of some tasks alone name places that a part has not."""
    config = merged([root / "config.yaml"], yaml.safe_load(MINIATURE))
    plan = Plan(validated(config))
    for task, pair, methods in (("hcd", "small", ["sp", "rkd"]), ("lgg", "small", ["cwd"]), ("mine", "own", [])):
        found = finished_part(plan, [run for run in plan.runs if run.task == task])
        assert found["run"] == {"tasks": [task], "pairs": [pair], "seeds": [0], "methods": methods}
        narrowed = merged((), config)
        narrowed["run"] |= found["run"]
        assert set(Plan(validated(narrowed)).runs) == {run for run in plan.runs if run.task == task}


def under_both(config, task_protocols=None):
    both = merged((), config)
    both["run"] |= {"protocols": ["paper", "grouped"], "methods": ["sp"]}
    if task_protocols:
        both["tasks"]["lgg"] |= {"protocols": task_protocols}
    return both, Plan(validated(both))


@pytest.mark.parametrize(
    ("where", "tasks", "seeds", "protocols"),
    [
        (lambda run: True, ["hcd", "lgg"], [0, 1, 2], {}),
        (lambda run: run.protocol == "grouped", ["hcd", "lgg"], [0, 1, 2], {"hcd": ["grouped"], "lgg": ["grouped"]}),
        (lambda run: run.protocol == "paper" or run.task == "hcd", ["hcd", "lgg"], [0, 1, 2], {"lgg": ["paper"]}),
        # Three seeds under one protocol are more than one under both.
        (lambda run: run.task == "hcd" and (run.protocol == "paper" or run.seed == 0), ["hcd"], [0, 1, 2], {"hcd": ["paper"]}),
        (lambda run: run.task == "hcd" and (run.protocol == "paper" or run.seed < 2), ["hcd"], [0, 1], {}),
    ],
    ids=["all", "one protocol", "one task lacks one", "more seeds under one", "fewer seeds under both"],
)  # fmt: skip
def test_a_part_may_lack_a_protocol(config, where, tasks, seeds, protocols):
    """It is said by the tasks' own key, and plans what is finished there and nothing else."""
    both, plan = under_both(config)
    found = finished_part(plan, filter(where, plan.runs))
    assert (found["run"]["tasks"], found["run"]["seeds"]) == (tasks, seeds)
    assert found.get("tasks", {}) == {task: {"protocols": names} for task, names in protocols.items()}
    kept = {run for run in plan.runs if where(run) and run.task in tasks and run.seed in seeds}
    kept = {run for run in kept if run.protocol in protocols.get(run.task, ["paper", "grouped"])}
    update_config(both, found)
    assert set(Plan(validated(both)).runs) == kept


def test_a_task_with_a_protocol_of_its_own_keeps_it(config):
    _, plan = under_both(config, ["grouped"])
    assert "tasks" not in finished_part(plan, plan.runs)
