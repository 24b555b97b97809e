"""What a configuration trains: the paper's 297 runs and no more, teachers shared, tables filled."""

import copy
from collections import Counter

import pytest
import yaml

from kdml.common.errors import UserError
from kdml.experiment.config import validated
from kdml.experiment.plan import Plan, Run
from kdml.paper import numbers
from kdml.runs.graph import VARIANTS, TeacherMode
from kdml.runs.settings import RunSettings


@pytest.fixture(scope="module")
def paper_config(root):
    return yaml.safe_load((root / "config.yaml").read_text())


def planned(config, **run):
    config = copy.deepcopy(config)
    config["run"] |= run
    return Plan(validated(config))


def test_paper_plan_has_297_trainings(paper_config):
    plan = planned(paper_config)
    kinds = Counter(
        "variant" if run.run in VARIANTS else "method" if plan.is_method(run) else run.run for run in plan.runs
    )
    assert kinds == {"variant": 216, "method": 42, "baseline": 30, "teacher": 9}
    assert len(set(plan.runs)) == 297


def test_methods_are_those_of_table_10(paper_config):
    """Seven per task with three seeds, all with ResNet18, taught by the ResNet50 that was trained alone, without the extra block."""
    plan = planned(paper_config)
    methods = [run for run in plan.runs if plan.is_method(run)]
    names = {task: {run.run for run in methods if run.task == task} for task in ("hcd", "lgg")}
    assert names == {
        "hcd": {"fitnet", "at", "sp", "srrl", "vid", "simkd", "semckd"},
        "lgg": {"fitnet", "at", "skd", "ifvd", "cwd", "dsd", "emkd"},
    }
    for run in methods:
        assert run.pair == "resnet50-resnet18" and plan.student_of(run) == numbers.METHODS_STUDENT
        assert plan.teacher_of(run) == Run("paper", run.task, "resnet50", "baseline", run.seed)
        settings = plan.settings(run)
        assert set(settings.networks) == {"teacher", "s1"} and settings.networks["teacher"].block_like is None
        assert settings.graph.edges == () and settings.method.name == run.run
    weights = {
        run.run: (settings.supervised, settings.kd) for run in methods if (settings := plan.settings(run).method)
    }
    unusual = {name: pair for name, pair in weights.items() if pair != (1.0, 0.0)}
    assert unusual == {"simkd": (0.0, 0.0), "semckd": (1.0, 1.0)}


def test_method_under_another_name_with_options(paper_config, tmp_path):
    (tmp_path / "mine.py").write_text("class Mine: pass\n")
    config = copy.deepcopy(paper_config)
    config["methods"] = {
        "sp_published": {"method": "sp", "title": "SP (3000)", "options": {"weight_similarity": 3000}, "kd": 0.5},
        "mine": {"method": f"{tmp_path / 'mine.py'}:Mine"},
    }
    plan = planned(config, methods=["sp_published", "mine"], tasks=["hcd", "lgg"], seeds=[0])
    found = {(run.task, run.run): plan.settings(run).method for run in plan.runs if plan.is_method(run)}
    assert set(found) == {("hcd", "sp_published"), ("hcd", "mine"), ("lgg", "mine")}  # SP is for classification alone
    published = found["hcd", "sp_published"]
    assert (published.name, published.kd, published.options) == ("sp", 0.5, {"weight_similarity": 3000})
    assert plan.method_titles() == {"mine": "mine", "sp_published": "SP (3000)"}
    before = found["hcd", "mine"].sha256
    (tmp_path / "mine.py").write_text("class Mine: pass  # changed\n")
    changed = planned(config, methods=["mine"], tasks=["hcd"], seeds=[0])
    run = next(run for run in changed.runs if run.run == "mine")
    assert changed.settings(run).method.sha256 != before  # what decides a run's numbers is in its settings


def test_offline_teachers(paper_config):
    """Segmentation shares the ResNet50 baseline over all pairs; classification has one per pair, with its block."""
    plan = planned(paper_config)
    lgg = {
        plan.teacher_of(Run("paper", "lgg", pair, "kd_off_v2", 1))
        for pair in ("resnet50-resnet18", "resnet50-mobilenet")
    }
    assert lgg == {Run("paper", "lgg", "resnet50", "baseline", 1)}
    for pair in ("resnet50-resnet18", "resnet50-mobilenet"):
        teacher = plan.teacher_of(Run("paper", "hcd", pair, "kd_off_v1", 2))
        assert teacher == Run("paper", "hcd", pair, "teacher", 2)
        assert plan.settings(teacher).networks["teacher"].block_like is not None
    assert plan.teacher_of(Run("paper", "hcd", "resnet50-resnet18", "kd_on_v1", 2)) is None
    assert plan.settings(Run("paper", "hcd", "resnet50", "baseline", 0)).networks["baseline"].block_like is None


def test_every_teacher_is_planned_before_its_students(paper_config):
    plan = planned(paper_config, baselines=False)
    place = {run: number for number, run in enumerate(plan.runs)}
    needed = {plan.teacher_of(run) for run in plan.runs} - {None}
    assert needed and all(
        place[plan.teacher_of(run)] < place[run] for run in plan.runs if plan.teacher_of(run) is not None
    )
    assert {run for run in plan.runs if run.run in ("baseline", "teacher")} == needed


def test_adaptor_outside_makes_the_baseline_the_teacher(paper_config):
    config = copy.deepcopy(paper_config)
    config["sharing"]["teacher_block"] = "none"
    plan = Plan(validated(config))
    assert not [run for run in plan.runs if run.run == "teacher"]
    teacher = plan.teacher_of(Run("paper", "hcd", "resnet50-resnet18", "kd_off_v1", 0))
    assert teacher == Run("paper", "hcd", "resnet50", "baseline", 0)


def test_loss_weights_are_the_papers(paper_config):
    plan = planned(paper_config)
    settings = plan.settings(Run("paper", "hcd", "resnet50-resnet18", "kd_ml_v3", 0))
    assert settings.supervised == {"teacher": 1.0, "s1": 0.2, "s2": 0.4}
    edges = {(edge.source, edge.learner): (edge.knowledge, edge.weight) for edge in settings.edges}
    assert edges == {
        ("teacher", "s1"): ("features", 0.4),
        ("s2", "s1"): ("predictions", 0.4),
        ("teacher", "s2"): ("predictions", 0.3),
        ("s1", "s2"): ("features", 0.3),
    }
    assert settings.teacher is TeacherMode.ONLINE


def test_runs_by_place(paper_config):
    """Twelve variants with three seeds at every place of the paper, and the networks that are trained alone on each task."""
    plan = planned(paper_config)
    variants = Counter((run.task, plan.student_of(run)) for run in plan.runs if run.run in VARIANTS)
    assert variants == dict.fromkeys(numbers.TABLES, 36)
    baselines = {task: len(plan.baselines_of(task)) for task in numbers.BASELINE_TABLES}
    assert baselines == {"hcd": 9, "lgg": 9, "ham10000_classification": 6, "ham10000_segmentation": 6}
    assert sum(plan.is_method(run) for run in plan.runs) == 42


def test_baselines_that_only_teach_are_not_asked_for(paper_config):
    plan = planned(paper_config, baselines=False)
    assert any(run.run == "baseline" for run in plan.runs)
    assert not any(plan.baselines_of(task) for task in numbers.BASELINE_TABLES)


def test_lists_choose_what_runs(paper_config):
    plan = planned(
        paper_config, tasks=["lgg"], techniques=["kd_ml"], strategies=["v3"], seeds=[5], pairs=["resnet50-mobilenet"]
    )  # methods run at other places
    assert [run.folder for run in plan.runs] == [
        "paper/lgg/mobilenet/baseline/seed-5",
        "paper/lgg/resnet50/baseline/seed-5",
        "paper/lgg/resnet50-mobilenet/kd_ml_v3/seed-5",
    ]
    narrowed = planned(
        paper_config, variants_for={"hcd": ["ml_v1"], "hcd/resnet50-mobilenet": ["ml_v2"]}, tasks=["hcd"], seeds=[0]
    )
    assert {(run.pair, run.run) for run in narrowed.runs if run.run in VARIANTS} == {
        ("resnet50-resnet18", "ml_v1"),
        ("resnet50-mobilenet", "ml_v2"),
    }
    assert {run.protocol for run in planned(paper_config, protocols=["paper", "grouped"]).runs} == {"paper", "grouped"}


SP_ON_LGG = {"method": "sp", "tasks": ["lgg"]}  # SP is for classification alone
IN_VAIN = {
    "no variant, no baseline": (
        {"techniques": [], "baselines": False, "methods": []},
        {},
        ["run: nothing to train: no variant, no baseline", "baselines: true"],
    ),
    "pair that is not for the task": (
        {"pairs": ["resnet50-mobilenet"], "tasks": ["ham10000_classification"]},
        {},
        ["run: nothing to train: no pair of run.pairs", "resnet50-mobilenet: hcd, lgg"],
    ),
    "published method on another kind of task": (
        {"methods": ["skd"], "methods_at": ["hcd/resnet50-resnet18"]},
        {},
        ["run.methods: 'skd' would run nowhere: it is for lgg, ham10000_segmentation", "names hcd/resnet50-resnet18"],
    ),
    "own entry for a task of another kind": ({"methods": ["sp2", "sp"]}, {"sp2": SP_ON_LGG}, ["'sp2'", "none of the tasks"]),
    "published name for a task of another kind": ({}, {"sp": SP_ON_LGG}, ["'sp' would run nowhere", "none of the tasks"]),
    "own entry at places that are not run": (
        {"methods": ["sp2"], "tasks": ["lgg"]},
        {"sp2": {"method": "sp"}},
        ["'sp2' would run nowhere: it is for hcd, ham10000_classification", "names lgg/resnet50-resnet18"],
    ),
    "places that can never be run": (
        {"methods_at": ["ham10000_segmentation/resnet50-mobilenet"]},
        {},
        ["run.methods_at: ham10000_segmentation/resnet50-mobilenet", "no pair is for its task"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("run", "methods", "words"), IN_VAIN.values(), ids=IN_VAIN)
def test_what_is_asked_for_in_vain_is_refused(paper_config, run, methods, words):
    with pytest.raises(UserError) as caught:
        planned(paper_config | {"methods": methods}, **run)
    for word in words:
        assert word in str(caught.value)


def test_a_temperature_of_no_distillation_is_refused(paper_config):
    for given in ({}, {"kd": 0}):
        paper_config["methods"] = {"sp": {"kd_temperature": 2, **given}}
        with pytest.raises(
            UserError, match=r"(?s)methods\.sp\.kd_temperature: there is no plain distillation .*give `kd`"
        ):
            Plan(validated(paper_config))
    for given in ({"sp": {"kd_temperature": 2, "kd": 1}}, {"semckd": {"kd_temperature": 2}}):
        paper_config["methods"] = given
        Plan(validated(paper_config))


def test_misspelt_options_are_refused_before_anything_is_trained(paper_config):
    """Of the methods that run, each on its kinds of task."""
    misspelt = paper_config | {"methods": {"sp": {"options": {"wieght_similarity": 1}}}}
    with pytest.raises(UserError) as caught:
        planned(misspelt)
    assert "methods.sp.options: sp has no option `wieght_similarity` for classification" in str(caught.value)
    assert caught.value.remedy == "use its known options: weight_similarity, weighting"
    assert planned(misspelt, tasks=["lgg"]).runs
    assert planned(paper_config | {"methods": {"fitnet": {"options": {"stages": 2, "weight_hint": 1}}}}).runs


@pytest.mark.parametrize(
    "run",
    [
        {"tasks": ["lgg"]},
        {"tasks": ["ham10000_segmentation"]},
        {"pairs": ["resnet50-mobilenet"]},
        {"techniques": []},
        {"baselines": False},
        {"methods": []},
    ],
)
def test_narrowed_lists_stay_valid(paper_config, run):
    """Even where none of the methods that config.yaml lists, or no variant, is left."""
    configured = paper_config | {"methods": {"sp": {"options": {"weighting": "published"}}}}
    assert planned(configured, **run).runs


def test_settings_change_only_with_what_decides_the_run(paper_config):
    run = Run("paper", "hcd", "resnet50-resnet18", "ml_v1", 0)
    before = planned(paper_config).settings(run).digest()
    assert planned(paper_config, tasks=["hcd"], seeds=[0]).settings(run).digest() == before
    config = copy.deepcopy(paper_config)
    config["tasks"]["lgg"]["training"] = {"epochs": 1}
    config["loader_workers"] = 3
    assert Plan(validated(config)).settings(run).digest() == before
    config["tasks"]["hcd"]["training"] = {"epochs": 1}
    assert Plan(validated(config)).settings(run).digest() != before


def test_own_variant_with_three_students_is_planned(paper_config):
    config = copy.deepcopy(paper_config)
    config["variants"] = {
        "circle": {
            "teacher": "frozen",
            "supervised": {"s1": 0.5, "s2": 0.5, "s3": 0.5},
            "edges": [
                {"source": "teacher", "learner": "s1", "knowledge": "features", "weight": 0.5},
                {"source": "s1", "learner": "s2", "knowledge": "predictions", "weight": 0.5},
                {"source": "s2", "learner": "s3", "knowledge": "predictions", "weight": 0.5},
            ],
        }
    }
    plan = planned(
        config, own_variants=["circle"], tasks=["hcd"], techniques=["ml"], pairs=["resnet50-resnet18"], seeds=[0]
    )
    run = Run("paper", "hcd", "resnet50-resnet18", "circle", 0)
    assert run in plan.runs and not plan.is_method(run)
    assert plan.teacher_of(run) in plan.runs
    assert set(plan.settings(run).networks) == {"teacher", "s1", "s2", "s3"}


@pytest.mark.parametrize("path", ["profiles/demo/experiment.yaml", "tests/configs/real_small.yaml"])
def test_committed_experiments_are_valid(root, paper_config, path):
    from snakemake.utils import update_config

    config = copy.deepcopy(paper_config)
    update_config(config, yaml.safe_load((root / path).read_text()))
    plan = Plan(validated(config))
    for run in plan.runs:
        settings = plan.settings(run)
        assert RunSettings.from_argument(settings.to_json()) == settings
        assert set(settings.networks) == set(settings.graph.networks)
        teacher = plan.teacher_of(run)
        assert (teacher in plan.runs) == (settings.graph.teacher is TeacherMode.FROZEN)
        assert set(plan.start_weights(run)) <= set(config["weights"])
    assert any(run.run in VARIANTS for run in plan.runs)
