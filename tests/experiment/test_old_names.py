"""Files of version 0.1 can still be used, and say so."""

import copy

import pytest
import yaml

from kdml.common.errors import UserError
from kdml.experiment.config import validated


@pytest.fixture
def paper_config(root):
    return yaml.safe_load((root / "config.yaml").read_text())


def test_old_names_are_taken_with_a_warning_each(paper_config, capsys):
    expected = validated(paper_config)
    assert capsys.readouterr().err == ""
    old = copy.deepcopy(paper_config)
    old["rivals"] = old.pop("methods")
    for name in ("", "_at"):
        old["run"][f"rivals{name}"] = old["run"].pop(f"methods{name}")
    before = copy.deepcopy(old)
    assert validated(old) == expected and old == before
    assert capsys.readouterr().err.splitlines() == [
        f"{key} is called {key.replace('rivals', 'methods')} since 0.2: please rename it"
        for key in ("run.rivals", "run.rivals_at", "rivals")
    ]


def test_old_file_laid_over_the_configuration_counts(paper_config):
    expected = copy.deepcopy(paper_config)
    expected["run"]["methods"] = ["sp"]
    paper_config["run"]["rivals"] = ["sp"]
    assert validated(paper_config) == validated(expected)


@pytest.mark.parametrize("old", ["run.rivals", "run.rivals_at", "rivals"])
def test_old_name_beside_a_new_one_that_was_chosen_is_refused(paper_config, old):
    *section, key = old.split(".")
    place = paper_config[section[0]] if section else paper_config
    place |= {key: [], key.replace("rivals", "methods"): ["fitnet"]}
    with pytest.raises(UserError) as caught:
        validated(paper_config)
    assert f"{old} is the old name of {old.replace('rivals', 'methods')}" in caught.value.problem
