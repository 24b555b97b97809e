"""Runs of a place as they are read for a comparison with another place."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from kdml.analysis.at_place import refuse_unlike
from kdml.common.errors import UserError


def place(protocol, code="abc", **changed):
    """A table of runs and what was recorded of its single training."""
    settings = {"protocol": protocol, "seed": 0, "epochs": 3} | changed
    table = SimpleNamespace(path=Path(f"results/full/{protocol}/lgg/small/runs.csv"))
    return table, {("ml_v1", 0): {"settings": settings, "code_hash": code}}


def test_protocol_and_seed_are_all_that_may_differ():
    refuse_unlike(place("paper"), place("grouped", seed=1), mixed=False)
    with pytest.raises(
        UserError, match=r"paper/lgg/small: ml_v1, seed 0 and .*grouped/lgg/small: .*different settings"
    ):
        refuse_unlike(place("paper"), place("grouped", epochs=4), mixed=False)


def test_versions_of_the_training_code_meet_only_where_that_is_asked_for():
    with pytest.raises(UserError, match="2 versions of the training code"):
        refuse_unlike(place("paper"), place("grouped", code="def"), mixed=False)
    refuse_unlike(place("paper"), place("grouped", code="def"), mixed=True)
