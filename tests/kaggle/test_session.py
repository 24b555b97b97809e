"""What a session does on its own: find what is attached, install, take over, and leave what the next one needs within its room."""

import ast
import json
import os
import re
import sys
import tarfile

import pytest
from snakemake_runs import ROOT

from kdml.kaggle import kernel, session
from kdml.kaggle.session import Refused


def put(path, content="x", time=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    if time is not None:
        os.utime(path, (time, time))
    return path


def test_it_needs_nothing_but_python():
    tree = ast.parse((ROOT / "src/kdml/kaggle/session.py").read_text())
    named = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    named |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert {name.partition(".")[0] for name in named} <= sys.stdlib_module_names


@pytest.mark.parametrize(
    "mount", ["{slug}", "competitions/{slug}", "datasets/owner/{slug}", "datasets/owner/{slug}/{slug}"]
)
def test_archives_are_found_wherever_kaggle_mounts_them(mount, tmp_path):
    place = tmp_path / "input" / mount.format(slug="lgg-mri-segmentation")
    put(place / "kaggle_3m/a/b.tif")
    session.link_archives(
        list(session.folders(tmp_path / "input")), {"lgg-mri-segmentation": "kaggle_3m"}, tmp_path / "links"
    )
    assert (tmp_path / "links/lgg-mri-segmentation").resolve() == place.resolve()


def test_an_archive_that_is_not_attached_is_named(tmp_path):
    with pytest.raises(
        Refused, match="lgg-mri-segmentation is not attached: no folder below /kaggle/input holds kaggle_3m"
    ):
        session.link_archives([tmp_path], {"lgg-mri-segmentation": "kaggle_3m"}, tmp_path / "links")
    with pytest.raises(Refused, match="data set with the project is not attached"):
        session.put_project([tmp_path], tmp_path / "project", "")


def test_folders_of_pictures_are_not_searched(tmp_path, monkeypatch):
    monkeypatch.setattr(session, "MANY", 3)
    for name in "abc":
        put(tmp_path / "train" / name / "x")
    put(tmp_path / "other/a/x")
    assert [path.name for path in session.folders(tmp_path)] == [tmp_path.name, "other", "train", "a"]


@pytest.mark.parametrize("is_unpacked", [False, True])
def test_the_project_arrives_with_its_times(is_unpacked, tmp_path):
    put(tmp_path / "mine/a.txt", "a", time=1000)
    put(tmp_path / "mine/b/c.txt", "c", time=2000)
    sent = tmp_path / "input/datasets/somebody/kdml-project"
    first = kernel.write_project(sent, "somebody/kdml-project", tmp_path / "mine", ["a.txt", "b/c.txt"])
    if is_unpacked:  # as Kaggle may, and times are lost
        with tarfile.open(sent / session.PROJECT) as archive:
            archive.extractall(sent / "kdml-project", filter="data")
        (sent / session.PROJECT).unlink()
        os.utime(sent / "kdml-project/a.txt")
    places = list(session.folders(tmp_path / "input"))
    with pytest.raises(Refused, match="as it was sent before"):
        session.put_project(places, tmp_path / "older", "another")
    session.put_project(places, tmp_path / "project", first)
    found = {name: (tmp_path / "project" / name).stat().st_mtime for name in ("a.txt", "b/c.txt")}
    assert found == {"a.txt": 1000, "b/c.txt": 2000}
    os.utime(tmp_path / "mine/a.txt")
    assert kernel.write_project(sent, "somebody/kdml-project", tmp_path / "mine", ["a.txt", "b/c.txt"]) == first
    put(tmp_path / "mine/a.txt", "other")
    assert kernel.write_project(sent, "somebody/kdml-project", tmp_path / "mine", ["a.txt", "b/c.txt"]) != first


def test_commands_that_install(tmp_path):
    python, pip = (
        str(tmp_path / "env/bin/python"),
        [sys.executable, "-m", "pip", "--python", str(tmp_path / "env/bin/python")],
    )
    made, installed = session.install_commands(tmp_path, tmp_path / "env", None)
    assert made == [sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "env")]
    assert installed == [*pip, "install", "--quiet", "--requirement", str(tmp_path / "requirements.lock")]
    offline = session.install_commands(tmp_path, tmp_path / "env", tmp_path / "wheels")[1]
    source = ["--no-index", "--find-links", str(tmp_path / "wheels"), "--no-deps"]
    assert offline == [*pip, "install", "--quiet", *source, "--requirement", str(tmp_path / "requirements.plain")]
    assert python in offline


def test_what_installs_runs_those_commands_and_says_which_failed(tmp_path, monkeypatch):
    monkeypatch.delenv(session.PYTHON, raising=False)
    asked, codes = [], [0, 1]
    done = type("Done", (), {})

    def run(command, check):
        asked.append(command)
        answer = done()
        answer.returncode = codes[len(asked) - 1]
        return answer

    monkeypatch.setattr(session.subprocess, "run", run)
    project = put(
        tmp_path / "project/requirements.lock", "a==1 \\\n    --hash=sha256:0\n    # via b\n# c\nb==2 ; x\n"
    ).parent
    with pytest.raises(Refused, match="no data set with wheels"):
        session.install(project, tmp_path, [tmp_path], internet=False)
    put(tmp_path / "wheels/torch-2.13.0-x.whl")
    with pytest.raises(Refused, match=r"exit code 1: .*--no-index"):
        session.install(project, tmp_path, [tmp_path, tmp_path / "wheels"], internet=False)
    assert asked == session.install_commands(project, tmp_path / "environment", tmp_path / "wheels")
    assert (project / "requirements.plain").read_text() == "a==1\nb==2 ; x\n"


def test_the_real_lock_without_checksums_has_every_package():
    lock = (ROOT / "requirements.lock").read_text()
    plain = session.without_checksums(lock).splitlines()
    assert len(plain) == len(re.findall(r"^[\w.-]+==", lock, re.M)) > 100 and all(
        "==" in line and "hash" not in line and "\\" not in line for line in plain
    )


def session_left(folder, work, room=10**6, **changes):
    folder.mkdir(parents=True, exist_ok=True)
    parts, left_out = session.leave_state(work, folder, room)
    facts = {"experiment": "mine", "number": 3, "parts": parts} | changes
    put(folder / session.SESSION, json.dumps(facts))
    return parts, left_out


def test_what_is_left_is_taken_over_with_its_times(tmp_path, monkeypatch):
    monkeypatch.setattr(session, "PART", 4000)
    names = (
        "results/mine/run.json",
        "results/mine/weights.safetensors",
        "results/mine/data/images.npy",
        ".snakemake/metadata/x",
        "logs/a.log",
    )
    for number, name in enumerate(names):
        put(tmp_path / "work" / name, name * 50, time=1000 + number)
    for name in ("results/mine.zip", "results/mine/.lock", ".snakemake/log/x", "finished.yaml"):
        put(tmp_path / "work" / name)
    parts, left_out = session_left(tmp_path / "input/notebooks/somebody/last", tmp_path / "work")
    assert len(parts) > 1 and left_out == []
    assert session.restore(list(session.folders(tmp_path / "input")), tmp_path / "next", "mine") == 3
    found = {
        path.relative_to(tmp_path / "next").as_posix(): path.stat().st_mtime
        for path in (tmp_path / "next").rglob("*")
        if path.is_file()
    }
    assert found == {name: 1000 + number for number, name in enumerate(names)}
    assert session.restore([tmp_path / "next"], tmp_path / "again", "mine") == 0


def test_what_has_no_room_is_what_can_be_made_again(tmp_path):
    for name in ("a.npy", "b.safetensors", "c.json"):
        put(tmp_path / "work/results" / name, "x" * 5000)
    assert session_left(tmp_path / "a", tmp_path / "work", room=13_000)[1] == ["results/a.npy"]
    for name in ("b.safetensors", "c.json"):
        put(tmp_path / "work/results" / name, "x" * 5000)
    assert session_left(tmp_path / "b", tmp_path / "work", room=7_000)[1] == ["results/b.safetensors", "results/a.npy"]


def test_a_damaged_or_foreign_output_is_refused(tmp_path):
    put(tmp_path / "work/results/mine/run.json")
    session_left(tmp_path / "last", tmp_path / "work")
    with pytest.raises(Refused, match="of the experiment mine, not other"):
        session.restore([tmp_path / "last"], tmp_path / "next", "other")
    (tmp_path / "last/state-000.tar").write_bytes(b"short")
    with pytest.raises(Refused, match=r"state-000\.tar is missing or not what the last session wrote"):
        session.restore([tmp_path / "last"], tmp_path / "next", "mine")
    assert not (tmp_path / "next").exists()


def test_a_session_that_cannot_begin_fails_with_its_reason(tmp_path, monkeypatch):
    monkeypatch.setenv(session.TREE, str(tmp_path))
    (tmp_path / "input").mkdir()
    told = kernel.Job("kdml", 1, "mine", "profiles/kaggle").told("")
    with pytest.raises(SystemExit, match="Error: The data set with the project is not attached"):
        session.main(told)


def test_a_gpu_that_torch_does_not_find_ends_it_at_once(tmp_path):
    with pytest.raises(Refused, match="torch finds no GPU"):
        session.check_gpu("/bin/false")
    session.check_gpu("/bin/true")


def test_what_is_laid_over_the_configuration_is_spelled_for_snakemake():
    """As a session and the trial of its targets before it call it; an option without words would take those after it."""
    assert session.laid(["a.yaml", "b.yaml"], ["x=1"]) == ["--configfile", "a.yaml", "b.yaml", "--config", "x=1"]
    assert session.laid([], ["x=1"]) == ["--config", "x=1"]
    assert session.laid(["a.yaml"], []) == ["--configfile", "a.yaml"]
    assert session.laid([], []) == []
