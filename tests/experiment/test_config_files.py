"""Files of a configuration are laid over each other as Snakemake does, and its command line says which."""

from pathlib import Path

import pytest

from kdml.common.errors import UserError
from kdml.experiment.config_files import Call, call_of, merged


def test_mappings_merge_and_lists_are_replaced(tmp_path):
    first, second = tmp_path / "first.yaml", tmp_path / "second.json"
    first.write_text("run: {tasks: [hcd, lgg], seeds: [0, 1]}\nexperiment: one")
    second.write_text('{"run": {"tasks": ["lgg"]}}')
    assert merged([first, second], {"experiment": "two", "run": {"pairs": ["own"]}}) == {
        "run": {"tasks": ["lgg"], "seeds": [0, 1], "pairs": ["own"]}, "experiment": "two",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "No such file"), (b"", "keys at top level"), (b"- a", "keys at top level"), (b"a: [", "not valid JSON or YAML"), (b"\xff\xfe", "")],
)  # fmt: skip
def test_a_file_that_is_none_is_told(tmp_path, content, words):
    path = tmp_path / "mine.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"mine.yaml cannot be read") as told:
        merged([path])
    assert words in told.value.problem


def test_snakemakes_own_words_are_understood(tmp_path, monkeypatch):
    """Profiles too: they may name the configuration."""
    monkeypatch.chdir(tmp_path)
    profile = tmp_path / "profiles" / "mine"
    profile.mkdir(parents=True)
    (profile / "config.yaml").write_text("configfile: mine.yaml\ndirectory: away\n")
    (profile / "mine.yaml").write_text("experiment: mine\n")
    found = call_of(["--profile", "profiles/mine", "--config", "experiment=other", "--cores", "2"])
    assert found == Call([Path("profiles/mine/mine.yaml")], {"experiment": "other"}, Path("away"))


def test_words_that_are_none_of_snakemakes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="Snakemake does not take --config experiment"):
        call_of(["--config", "experiment"])


def test_a_profile_that_is_missing_is_told_by_snakemake(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        call_of(["--profile", "profiles/none-such"])
    assert ended.value.code and "profiles/none-such" in capsys.readouterr().err
