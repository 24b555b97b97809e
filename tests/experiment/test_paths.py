"""Names of files: each file of an experiment has one, and patterns of rules match the files of runs."""

import inspect
import re

import pytest

from kdml.experiment.paths import ANY_RUN, Paths
from kdml.experiment.places import Place
from kdml.experiment.plan import Run

PATHS = Paths("small")
RUN = Run("paper", "lgg", "tiny", "kd_ml_v3", 2)
PLACE = Place("paper", "lgg", "tiny", "resnet18", "segmentation")
OTHERS = {"of": "_methods", "name": "alpha-0.3-0.3", "group": "kd_ml", "sheet": "variants", "suffix": "md"}


def made(function, at):
    """A name from some values, or from the wildcards of the same names."""
    some = {"run": RUN, "at": RUN} if at is RUN else {"run": ANY_RUN, "at": ANY_RUN}
    words = inspect.signature(function).parameters
    return function(*(some.get(word, OTHERS.get(word, "x") if at is RUN else f"{{{word}}}") for word in words))


METHODS = [name for name, _ in inspect.getmembers(Paths, inspect.isfunction) if not name.startswith("_")]


@pytest.mark.parametrize("name", METHODS)
def test_the_pattern_of_a_rule_matches_the_file_of_a_run(name):
    pattern, path = (made(getattr(PATHS, name), at) for at in (ANY_RUN, RUN))
    regex, seen = "", set()
    for literal, word in re.findall(r"([^{]*)(?:\{(\w+)\})?", pattern):
        regex += re.escape(literal) + ("" if not word else f"(?P={word})" if word in seen else f"(?P<{word}>[^/]*?)")
        seen |= {word} if word else set()
    assert re.fullmatch(regex, path), (pattern, path)
    assert path.split("/")[0] in {"results", "resources", "logs"} and path.split("/")[1].removesuffix(".zip") == "small"


def test_no_two_files_have_the_same_name():
    names = [made(getattr(PATHS, name), RUN) for name in METHODS]
    assert len(set(names)) == len(names)


def test_a_run_and_its_place_name_the_same_files():
    for name in ("values", "by_seed", "cases", "regions", "comparison", "curves", "bands"):
        assert getattr(PATHS, name)(RUN, "methods") == getattr(PATHS, name)(PLACE, "methods")
    assert PATHS.contrasts(RUN, "_methods") == PATHS.contrasts(PLACE, "_methods")
    assert PATHS.runs(RUN) == PATHS.runs(PLACE) == "results/small/paper/lgg/tiny/runs.csv"
    assert PATHS.run(RUN).startswith(f"{PATHS.place(PLACE)}/") and PATHS.scores(RUN) == PATHS.scores(PLACE)
    assert PATHS.record(RUN) == "results/small/paper/lgg/tiny/kd_ml_v3/seed-2/run.json"
    assert (
        PATHS.trial_record(RUN, "alpha-1-0")
        == "results/small/grid_search/paper/lgg/tiny/kd_ml_v3/alpha-1-0/seed-2/run.json"
    )


def test_a_sheet_has_a_folder():
    """What is on the same runs lies together, and no other sheet's files there."""
    files = [PATHS.values(PLACE, "methods"), PATHS.by_seed(PLACE, "methods"), PATHS.methods(PLACE)]
    assert {path.rpartition("/")[0] for path in files} == {f"{PATHS.place(PLACE)}/methods"}
    files = [PATHS.values(PLACE, "fidelity"), PATHS.teachers(PLACE), PATHS.teachers_summary(PLACE)]
    assert {path.rpartition("/")[0] for path in files} == {f"{PATHS.place(PLACE)}/fidelity"}
    assert PATHS.cka(PLACE, "kd_ml", "upper").startswith(PATHS.cka_folder(PLACE))
