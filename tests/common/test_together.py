"""Files that belong together: a process killed anywhere leaves the old set, the new one, or one without its seal."""

import os
import shutil
import subprocess
import sys

import pytest

from kdml.common.source_code import SOURCE
from kdml.common.together import KEPT, PARTIAL, brought_back, written_together

NAMES = ("a.txt", "b.txt", "seal.json")


def write(folder, text, keep_as=None):
    with written_together(folder, "seal.json", keep_as) as inside:
        for name in NAMES:
            (inside / name).write_text(text)


def content(folder):
    return {name: (folder / name).read_text() for name in NAMES if (folder / name).exists()}


def whole(text):
    return dict.fromkeys(NAMES, text)


@pytest.mark.parametrize("keep_as", [None, "settings"])
def test_a_new_set_replaces_the_old_one(tmp_path, keep_as):
    write(tmp_path, "old", keep_as)
    write(tmp_path, "new", keep_as)
    assert content(tmp_path) == whole("new")
    assert {path.name for path in tmp_path.iterdir()} == {*NAMES, *([KEPT] if keep_as else [])}


def test_a_failed_block_leaves_the_old_set(tmp_path):
    write(tmp_path, "old")
    with pytest.raises(ZeroDivisionError), written_together(tmp_path, "seal.json") as inside:
        (inside / "a.txt").write_text("half")
        _ = 1 / 0
    assert content(tmp_path) == whole("old") and {path.name for path in tmp_path.iterdir()} == set(NAMES)


# Ends the process before the n-th call that changes a name or removes one.
KILLED_AT = """
import os, signal, sys
from pathlib import Path
left = int(sys.argv[2])

def counted(event, arguments):
    global left
    if event in ("os.rename", "os.link", "os.remove", "os.rmdir", "os.mkdir") and sys.argv[1] in str(arguments[0]):
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

from kdml.common.together import written_together
sys.addaudithook(counted)
with written_together(Path(sys.argv[1]), "seal.json", sys.argv[3] or None) as inside:
    for name in ("a.txt", "b.txt", "seal.json"):
        (inside / name).write_text("new")
print("done")
"""


@pytest.mark.parametrize("keep_as", ["", "settings"])
def test_killed_anywhere_no_mixture_passes_for_a_whole(tmp_path, keep_as):
    """And the next process brings back what was finished, or writes anew over what is left."""
    seen, ended = set(), False
    for step in range(60):
        folder = tmp_path / str(step)
        folder.mkdir()
        write(folder, "old", keep_as and "other settings")
        command = [sys.executable, "-c", KILLED_AT, folder, str(step), keep_as]
        done = subprocess.run(command, cwd=SOURCE, capture_output=True, text=True, check=False)
        found = content(folder)
        if "seal.json" in found:
            assert found in (whole("old"), whole("new")), step
        seen.add(found.get("seal.json"))
        kept = brought_back(folder, "seal.json", "settings")
        if kept:
            assert keep_as and content(folder) == whole("new")
        else:
            write(folder, "new", keep_as or None)
        assert content(folder) == whole("new") and not (folder / PARTIAL).exists()
        if done.returncode == 0:
            ended = True
            break
        assert done.returncode == -9, done.stderr
    assert ended and seen == {"old", "new", None}


def test_what_was_removed_is_brought_back_without_any_room(tmp_path):
    write(tmp_path, "new", "settings")
    inode = (tmp_path / "a.txt").stat().st_ino
    for name in NAMES:
        (tmp_path / name).unlink()
    os.utime(tmp_path / KEPT / "a.txt.kept", (1, 1))
    assert brought_back(tmp_path, "seal.json", "settings")
    assert content(tmp_path) == whole("new") and (tmp_path / "a.txt").stat().st_ino == inode
    assert (tmp_path / "a.txt").stat().st_mtime > 1  # else Snakemake would take it for older than its inputs


SPOILT = {
    "of other settings": lambda kept: None,
    "damaged": lambda kept: (kept / "a.txt.kept").write_text("edited in place"),
    "incomplete": lambda kept: (kept / "b.txt.kept").unlink(),
    "without a list": lambda kept: (kept / "content.json").unlink(),
}


@pytest.mark.parametrize("how", SPOILT)
def test_other_sets_are_not_brought_back(tmp_path, how):
    write(tmp_path, "new", "settings")
    SPOILT[how](tmp_path / KEPT)
    wanted = "other settings" if how == "of other settings" else "settings"
    assert not brought_back(tmp_path, "seal.json", wanted)
    assert not (tmp_path / KEPT).exists()
    assert not brought_back(tmp_path, "seal.json", wanted)


def test_a_file_system_without_second_names_keeps_nothing(tmp_path, monkeypatch):
    def refuse(*arguments):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    write(tmp_path, "new", "settings")
    assert content(tmp_path) == whole("new")
    shutil.rmtree(tmp_path / KEPT)
    assert not brought_back(tmp_path, "seal.json", "settings") and content(tmp_path) == whole("new")


@pytest.mark.parametrize(
    "listed",
    [
        "[1]",
        "null",
        "{",
        '{"made_from": "settings"}',
        '{"made_from": "settings", "sha256": {}}',
        '{"made_from": 1e999}',
    ],
)
def test_kept_files_whose_list_was_edited_are_dropped(tmp_path, listed):
    write(tmp_path, "old", "settings")
    (tmp_path / KEPT / "content.json").write_text(listed)
    assert not brought_back(tmp_path, "seal.json", "settings")
    assert content(tmp_path) == whole("old") and not (tmp_path / KEPT).exists()
