"""A training tells how far it has come, in a file that is whole or not there."""

import json
import logging

import pytest

from kdml.runs.progress import NAME, Position, ProgressFile, duration, read


def test_what_was_said_is_read(tmp_path):
    file = ProgressFile(tmp_path, continues=False)
    assert read(tmp_path) is None
    file.tell(epoch=2, epochs=9, scores={"s1": 0.5}, seconds_left=70.0)
    file.tell(step=25, steps=90, seconds_left=65.5)
    assert read(tmp_path) == Position(2, 9, {"s1": 0.5}, 25, 90, 65.5)
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
    file.remove()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("continues", [True, False])
def test_only_a_training_that_continues_keeps_what_an_earlier_try_said(tmp_path, continues):
    ProgressFile(tmp_path, continues=False).tell(epoch=3, epochs=9)
    file = ProgressFile(tmp_path, continues=continues)
    assert (read(tmp_path) is not None) == continues
    file.tell(step=1)
    assert read(tmp_path).epoch == (3 if continues else 0)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "3", '{"epoch": "two"}', '{"other": 1}', '{"scores": [1]}', '{"scores": {"s1": "x"}}', '{"seconds_left": "soon"}', "\x00"],
)  # fmt: skip
def test_a_file_that_says_nothing_is_none(tmp_path, text):
    (tmp_path / NAME).write_text(text)
    assert read(tmp_path) is None


def test_a_training_goes_on_where_the_file_cannot_be_written(tmp_path, monkeypatch, caplog):
    def refuse(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("kdml.runs.progress.write_json", refuse)
    file = ProgressFile(tmp_path, continues=False)
    with caplog.at_level(logging.WARNING):
        file.tell(epoch=1)
        file.tell(epoch=2)
    assert caplog.text.count("No space left on device") == 1 and read(tmp_path) is None


def test_it_holds_nothing_but_json(tmp_path):
    ProgressFile(tmp_path, continues=False).tell(epoch=1, scores={"teacher": 0.25})
    assert json.loads((tmp_path / NAME).read_text()) == {
        "epoch": 1, "epochs": 0, "scores": {"teacher": 0.25}, "step": 0, "steps": 0, "seconds_left": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("seconds", "text"), [(12.4, "12 s"), (240, "4 min"), (4980, "1 h 23 min"), (360000, "100 h 00 min")]
)
def test_durations_in_words(seconds, text):
    assert duration(seconds) == text
