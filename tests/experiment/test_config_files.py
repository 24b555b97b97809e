"""Files of a configuration are laid over each other as Snakemake does, and its command line says which."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kdml.common.errors import UserError
from kdml.experiment.config_files import Call, merged


def test_mappings_merge_and_lists_are_replaced(tmp_path):
    first, second = tmp_path / "first.yaml", tmp_path / "second.json"
    first.write_text("run: {tasks: [hcd, lgg], seeds: [0, 1]}\nexperiment: one")
    second.write_text('{"run": {"tasks": ["lgg"]}}')
    assert merged([first, second], {"experiment": "two", "run": {"pairs": ["own"]}}) == {
        "run": {"tasks": ["lgg"], "seeds": [0, 1], "pairs": ["own"]}, "experiment": "two",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "No such file"), (b"", "keys at top level"), (b"- a", "no mapping of keys"), (b"a: [", "line 1 is not valid YAML"), (b"\xff\xfe", "")],
)  # fmt: skip
def test_a_file_that_is_none_is_told(tmp_path, content, words):
    path = tmp_path / "mine.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"mine.yaml") as told:
        merged([path])
    assert words in told.value.problem


@pytest.fixture
def profile(tmp_path, monkeypatch):
    """A profile that names a configuration beside it, and the folder that it is called from."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "profiles" / "mine"
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(
        "cores: all\nconfigfile: mine.yaml\ndirectory: away\nconfig: {seed: 3, name: x}\n"
    )
    (folder / "mine.yaml").write_text("experiment: mine\n")
    return folder


@pytest.mark.parametrize("name", ["profiles/mine", "profiles/mine/config.yaml"])
def test_a_profile_says_what_the_command_line_does_not(profile, name):
    assert Call().over(name) == Call([Path("profiles/mine/mine.yaml")], ["seed=3", "name=x"], Path("away"))
    own = Call([Path("other.yaml")], ["seed=4"], Path("here"))
    assert own.over(name) == own


def test_profiles_lie_where_snakemake_looks_for_them(profile, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home/.config").mkdir(parents=True)
    profile.parent.rename(tmp_path / "home/.config/snakemake")
    assert Call().over("mine").directory == Path("away")


@pytest.mark.parametrize(
    ("content", "words"), [(None, "There is no profile"), ("- a", "cannot be read"), ("a: [", "cannot be read")]
)
def test_a_profile_that_is_none_is_told(profile, content, words):
    (profile / "config.yaml").unlink()
    if content is not None:
        (profile / "config.yaml").write_text(content)
    with pytest.raises(UserError, match=words):
        Call().over("profiles/mine")


@pytest.mark.parametrize(
    ("text", "value"),
    [("3", 3), ("0.5", 0.5), ("True", True), ("true", "true"), ("", None), ("a", "a"), ("{seeds: [0, 1], b: True}", {"seeds": ["0", "1"], "b": "True"}), ("[", "["), ("a=b", "a=b")],
)  # fmt: skip
def test_values_are_those_of_snakemake(tmp_path, text, value):
    (tmp_path / "config.yaml").write_text("key: {}\n")
    assert Call(values=[f"key={text}"]).config(tmp_path / "config.yaml") == {"key": value}


@pytest.mark.parametrize("entry", ["experiment", "=3"])
def test_a_value_without_a_key_is_told(tmp_path, entry):
    (tmp_path / "config.yaml").write_text("key: {}\n")
    with pytest.raises(UserError, match="is not KEY=VALUE"):
        Call(values=[entry]).config(tmp_path / "config.yaml")


@pytest.mark.slow
def test_snakemake_reads_the_same(profile):
    """In a process of its own, because loading its command line takes seconds."""
    values = ["a=3", "bb=0.5", "cc=True", "dd=true", "ee=", "ff={seeds: [0, 1]}", "gg=x=y"]
    code = (
        "import sys, json\nfrom snakemake.cli import parse_args, parse_config\n"
        "_, found = parse_args(sys.argv[1:])\n"
        "print(json.dumps([list(map(str, found.configfile)), found.directory and str(found.directory), found.config, parse_config(sys.argv[4:])]))"
    )
    command = [sys.executable, "-c", code, "--profile", "profiles/mine", "--config", *values[1:]]
    files, directory, config, parsed = json.loads(
        subprocess.run(command, capture_output=True, text=True, check=True).stdout
    )
    mine = Call().over("profiles/mine")
    assert (files, directory) == (list(map(str, mine.files)), str(mine.directory)) and config == values[1:]
    Path("empty.yaml").write_text("z: 1\n")
    assert Call(values=values[1:]).config(Path("empty.yaml")) == {"z": 1, **parsed}
