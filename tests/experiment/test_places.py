"""Where variants and methods are run, and which runs of the plan are at each place."""

import pytest
from experiments import CIRCLE, KINDS_OF_EXPERIMENT, OWN_STUDENT, OWN_TASK, TWO_PAIRS, places_of

from kdml.paper import numbers


@pytest.fixture(scope="module")
def full():
    return places_of()


def named(run):
    return run.pair, run.run, run.seed


def test_places_of_the_paper(full):
    assert [place.folder for place in full.all] == [
        "paper/hcd/resnet50-resnet18", "paper/hcd/resnet50-mobilenet", "paper/lgg/resnet50-resnet18",
        "paper/lgg/resnet50-mobilenet", "paper/ham10000_classification/resnet50-resnet18",
        "paper/ham10000_segmentation/resnet50-resnet18",
    ]  # fmt: skip
    assert {(place.task, place.student) for place in full.all} == set(numbers.TABLES)
    assert full.by_folder["paper/lgg/resnet50-mobilenet"].name == "lgg/mobilenet"
    assert {place.kind for place in full.all if place.task == "lgg"} == {"segmentation"}


def test_every_run_is_at_a_place(full):
    """Those of networks alone at every place whose pair has the network."""
    seen = set()
    for place in full.all:
        seen |= {*full.variants_at(place), *full.methods_at(place), *(run for _, run in full.alone_at(place))}
        seen |= {*full.own_teachers_at(place)}
    assert seen == set(full.plan.runs)
    assert full.of(full.plan.runs) == list(full.all)
    assert full.of(full.methods_at(full.all[0])) == [full.all[0]] and full.of([]) == []


def test_methods_stand_in_the_papers_order_after_the_proposed_variant(full):
    place = full.by_folder["paper/hcd/resnet50-resnet18"]
    order = list(dict.fromkeys(run.run for run in full.compared_at(place)))
    assert order == ["kd_ml_v3", "fitnet", "at", "sp", "srrl", "vid", "simkd", "semckd"]
    assert [run.seed for run in full.methods_at(place)][:3] == [0, 1, 2]
    assert full.compared_at(full.by_folder["paper/hcd/resnet50-mobilenet"]) == ()  # no methods, nothing to compare


def test_networks_alone_by_the_name_that_they_are_compared_by(full):
    place = full.by_folder["paper/hcd/resnet50-resnet18"]
    alone = [(name, named(run)) for name, run in full.alone_at(place) if run.seed == 1]
    assert alone == [
        ("baseline_teacher", ("resnet50", "baseline", 1)), ("baseline_student", ("resnet18", "baseline", 1)),
    ]  # fmt: skip
    assert {run.run for run in full.teachers_at(place)} == {"teacher"}  # which carries the extra block
    assert {named(run)[:2] for run in full.teachers_at(full.by_folder["paper/lgg/resnet50-resnet18"])} == {
        ("resnet50", "baseline")
    }


def test_a_run_without_a_teacher_is_compared_with_one_trained_alone(full):
    runs = {run.run: run for run in full.variants_at(full.all[0]) if run.seed == 1}
    assert full.reference_of(runs["ml_v1"]).run == "teacher" and full.reference_of(runs["ml_v1"]).seed == 1
    assert full.reference_of(runs["kd_off_v1"]) == full.plan.teacher_of(runs["kd_off_v1"])
    assert full.reference_of(runs["kd_ml_v1"]) is None
    assert all(full.has_teacher(run) for run in runs.values())


def test_without_any_teacher_there_is_nothing_to_compare_with():
    places = places_of({"tasks": ["hcd"], "techniques": ["ml"], "methods": [], "baselines": False, "seeds": [0]})
    (place, *_) = places.all
    assert not any(places.has_teacher(run) for run in places.variants_at(place))
    assert places.alone_at(place) == [] and places.teachers_at(place) == () and places.taught_at(place) == ()


def test_students_with_a_teacher_are_those_of_the_papers_variants():
    circle = CIRCLE | {
        "teacher": "online",
        "edges": [{"source": "teacher", "learner": "s1", "knowledge": "features", "weight": 1}],
    }
    places = places_of({"tasks": ["lgg"], "own_variants": ["taught"], "seeds": [0]}, variants={"taught": circle})
    place = places.all[0]
    assert "taught" in {run.run for run in places.variants_at(place)}
    assert {run.run.rpartition("_")[0] for run in places.taught_at(place)} == {"kd_off", "kd_on", "kd_ml"}
    assert not any(places.is_taught(run) for run in places.methods_at(place))


def test_groups_of_cka(full):
    """By technique, as figures show them; an own variant is alone."""
    place = full.all[0]
    groups = {(run.run, run.seed): full.group_of(run) for run in full.variants_at(place)}
    assert groups["kd_ml_v1", 0] == groups["kd_ml_v3", 0] == "kd_ml" and groups["ml_v1", 0] == "ml"
    assert groups["kd_ml_v1", 2] == "kd_ml"
    runs = full.grouped(place, "kd_ml")
    assert {run.run for run in runs} == {"kd_ml_v1", "kd_ml_v2", "kd_ml_v3"} and {run.seed for run in runs} == {0, 1, 2}
    own = places_of({"tasks": ["lgg"], "own_variants": ["circle"], "seeds": [3, 5]}, variants={"circle": CIRCLE})
    circle = {run.seed: own.group_of(run) for run in own.variants_at(own.all[0]) if run.run == "circle"}
    assert circle == {3: "circle", 5: "circle"}


def test_every_run_is_in_one_group():
    for run, sections in KINDS_OF_EXPERIMENT.values():
        places = places_of(run, **sections)
        for place in places.all:
            variants = places.variants_at(place)
            groups = sorted(set(map(places.group_of, variants)))
            grouped = [one for group in groups for one in places.grouped(place, group)]
            assert sorted(grouped) == sorted(variants)


def test_a_task_and_a_student_of_ones_own_are_places():
    task = places_of({"tasks": ["moles"], "methods": [], "seeds": [0]}, **OWN_TASK)
    assert [(place.folder, place.name) for place in task.all] == [("paper/moles/resnet50-resnet18", "moles/resnet18")]
    student = places_of({"tasks": ["lgg"], "pairs": ["own"], "methods": [], "seeds": [0]}, **OWN_STUDENT)
    assert [(place.folder, place.name) for place in student.all] == [("paper/lgg/own", "lgg/tiny")]
    assert len(student.variants_at(student.all[0])) == 12


def test_pairs_and_protocols_in_the_order_of_the_configuration():
    run = {
        "tasks": ["hcd"],
        "pairs": ["first", "second"],
        "protocols": ["paper", "grouped"],
        "methods": [],
        "seeds": [0],
    }
    places = places_of(run, **TWO_PAIRS)
    assert [place.folder for place in places.all] == [
        "paper/hcd/first", "paper/hcd/second", "grouped/hcd/first", "grouped/hcd/second",
    ]  # fmt: skip
    assert {place.student for place in places.all} == {"resnet18"}
    for place in places.all:
        assert {run.protocol for run in places.variants_at(place)} == {place.protocol}


def test_places_of_methods_or_baselines_alone():
    methods = places_of({"tasks": ["hcd", "lgg"], "techniques": [], "baselines": False, "seeds": [0]})
    found = {place.folder: len(methods.methods_at(place)) for place in methods.all}
    assert found["paper/hcd/resnet50-resnet18"] == found["paper/lgg/resnet50-resnet18"] == 7
    assert {run.run for run in methods.compared_at(methods.all[0])} >= {"sp"}
    assert not any(methods.variants_at(place) for place in methods.all)
    alone = places_of({"tasks": ["hcd"], "techniques": [], "methods": [], "seeds": [0, 1]})
    assert [place.pair for place in alone.all] == ["resnet50-resnet18", "resnet50-mobilenet"]
    assert len(alone.alone_at(alone.all[0])) == 4 and alone.compared_at(alone.all[0]) == ()


def test_protocols_are_compared_where_they_differ():
    places = places_of({"tasks": ["hcd", "lgg"], "protocols": ["grouped", "paper"], "seeds": [0]})
    assert [place.folder for place in places.all if places.leaks_at(place)] == [
        "paper/lgg/resnet50-resnet18", "paper/lgg/resnet50-mobilenet",
    ], "no slides of hcd are known"  # fmt: skip
    place = places.by_folder["paper/lgg/resnet50-resnet18"]
    assert places.without_leakage(place).folder == "grouped/lgg/resnet50-resnet18"
    slides = {"hcd": {"image_size": 96, "slides": "my/slides.csv"}}
    known = places_of({"tasks": ["hcd"], "protocols": ["grouped", "paper"], "seeds": [0]}, datasets=slides)
    assert known.leaks_at(known.by_folder["paper/hcd/resnet50-resnet18"])
    alone = places_of()
    assert not any(map(alone.leaks_at, alone.all)), "one protocol alone"
