"""`src/status.py`, as people call it."""

import json
import subprocess
import sys

import pytest
from fabricated import call
from miniature import MINIATURE

from kdml.common.source_code import SOURCE


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text(MINIATURE)
    (tmp_path / "work").mkdir()
    return tmp_path


def asked(capsys, *words):
    code, said = call("status", *words)
    assert code == 0, said
    return capsys.readouterr().out


def test_an_experiment_before_its_start(folder, capsys):
    text = asked(capsys, "--configfile", "mine.yaml")
    assert "miniature: 15 trainings   15 waiting" in text and "Left to train: 15 trainings, time not known yet" in text
    assert not list((folder / "work").iterdir())


def test_everything_for_machines(folder, capsys):
    found = json.loads(asked(capsys, "--configfile", "mine.yaml", "--directory", "work", "--json"))
    assert found["experiment"] == "miniature" and found["counts"] | {"waiting": 15} == found["counts"]
    assert len(found["trainings"]) == 15 and found["trainings"][0]["state"] == "waiting"
    assert found["forecast"]["trainings"] == 15 and found["other_failures"] == []


def test_once_something_was_done_the_forecast_is_asked_for(folder, capsys):
    log = folder / "work/logs/miniature/train/paper/hcd/small/sp/seed-0.log"
    log.parent.mkdir(parents=True)
    log.write_text("Error: it broke.\n  What to do: mend it\n")
    words = ("--configfile", "mine.yaml", "--directory", "work")
    text = asked(capsys, *words)
    assert "1 failed" in text and "it broke." in text and "Left to train" not in text and "circle" not in text
    assert "Left to train: 15" in asked(capsys, *words, "--forecast")
    assert "paper/hcd/small/circle/seed-0" in asked(capsys, *words, "--all")


def test_trials_are_seen_where_there_is_a_search(folder, capsys):
    (folder / "results/miniature/grid_search").mkdir(parents=True)
    found = json.loads(asked(capsys, "--configfile", "mine.yaml", "--json"))
    trials = [one for one in found["trainings"] if one["trial"]]
    assert len(found["trainings"]) == 15 + len(trials) > 15


def test_snakemakes_values_are_laid_over_its_files(folder, capsys):
    text = asked(capsys, "--configfile", "mine.yaml", "--config", "experiment=other")
    assert "other: 15 trainings" in text


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--configfile", "none.yaml"), "none.yaml cannot be read"),
        (("--configfile", "mine.yaml", "--directory", "nowhere"), "nowhere is no folder"),
        (("--configfile", "bad.yaml"), "did you mean 'seeds'?"),
        (("--configfile", "mine.yaml", "--live", "0"), "--live 0"),
    ],
)
def test_mistakes_are_told(folder, words, problem):
    (folder / "bad.yaml").write_text("run: {seds: [0]}")
    code, said = call("status", *words)
    assert code == 2 and problem in said and "What to do:" in said


def test_it_loads_neither_torch_nor_matplotlib(folder):
    code = (
        f"import runpy, sys\nsys.argv = ['status.py', '--configfile', 'mine.yaml', '--json']\n"
        f"runpy.run_path({str(SOURCE / 'status.py')!r}, run_name='__main__')\n"
        "print({'torch', 'matplotlib', 'pandas'} & sys.modules.keys(), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "set()\n"


@pytest.mark.slow
def test_a_calibration_is_kept(folder, capsys):
    """Networks alone, the teacher's and the student's, in a variant, and in a method."""
    (folder / "less.yaml").write_text("run: {tasks: [lgg], methods: [cwd], methods_at: [lgg/small], own_variants: []}")
    words = ("--configfile", "mine.yaml", "less.yaml")
    text = asked(capsys, *words, "--calibrate")
    assert "4 measured by a calibration" in text and "?" not in text
    kept = json.loads((folder / "results/miniature/calibration.json").read_text())
    assert len(kept) == 4 and all(one["step"] > 0 and not one["problem"] for one in kept.values())
    assert "4 measured by a calibration" in asked(capsys, *words)
