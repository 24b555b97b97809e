"""Records of runs: what somebody edited, or another program wrote, is named before a table takes it."""

import json

import pytest
from fabricated import record_of
from small import settings_of

from kdml.common.errors import UserError
from kdml.runs.graph import single
from kdml.runs.records import read_record
from kdml.runs.settings import RunSettings

RECORD = record_of(settings_of(single("s1")))


def of_settings(**changes):
    return RECORD | {"settings": RECORD["settings"] | changes}


EDITED = {
    "no JSON": ("{", "is not valid JSON"),
    "a key twice": ('{"seed": 0, "seed": 1}', "the key 'seed' stands there twice"),
    "a list": ([RECORD], "is no record of a run"),
    "nothing": ("null", "is no record of a run"),
    "no settings": ({key: value for key, value in RECORD.items() if key != "settings"}, "has no 'settings'"),
    "no hash of the code": (RECORD | {"code_hash": None}, "has no 'code_hash'"),
    "epochs as text": (RECORD | {"epochs": "3"}, "has no 'epochs'"),
    "epochs that are true": (RECORD | {"epochs": True}, "has no 'epochs'"),
    "time that is no number": (json.dumps(RECORD).replace('"seconds": 1.0', '"seconds": NaN'), "NaN is no number"),
    "best without a score": (RECORD | {"best": {"s1": {"epoch": 1}}}, "has no best epoch and score of 's1'"),
    "best as a number": (RECORD | {"best": {"s1": 0.5}}, "has no best epoch and score of 's1'"),
    "another seed": (RECORD | {"seed": 7}, "it was edited"),
    "another seed in the settings": (of_settings(seed=7), "it was edited"),
    "another rate": (of_settings(training=RECORD["settings"]["training"] | {"learning_rate": 1}), "it was edited"),
    "another task": (of_settings(task="other"), "it was edited"),
    "another hash": (RECORD | {"settings_hash": "0" * 16}, "it was edited"),
}


@pytest.mark.bad_input
@pytest.mark.parametrize(("record", "words"), EDITED.values(), ids=EDITED)
def test_edited_records_are_named(tmp_path, record, words):
    (tmp_path / "run.json").write_text(record if isinstance(record, str) else json.dumps(record))
    with pytest.raises(UserError) as caught:
        read_record(tmp_path)
    assert words in caught.value.problem and str(tmp_path / "run.json") in caught.value.problem


def test_a_record_is_read_as_it_was_written(tmp_path):
    (tmp_path / "run.json").write_text(json.dumps(RECORD))
    assert read_record(tmp_path) == RECORD


SETTINGS = RECORD["settings"]
NO_SETTINGS = {
    "a record that contradicts its hash": (of_settings(seed=7), "it was edited"),
    "a record without a hash": ({"settings": SETTINGS}, "it was edited"),
    "a list as settings": (RECORD | {"settings": [1]}, "not the settings of a run"),
    "unknown key": (SETTINGS | {"sed": 1}, "sed: Extra inputs"),
    "no networks": ({key: value for key, value in SETTINGS.items() if key != "networks"}, "networks: Field required"),
    "rate that is true": (
        SETTINGS | {"training": {"learning_rate": True}},
        "training.learning_rate: input should be a number",
    ),
    "negative seed": (SETTINGS | {"seed": -1}, "seed: Input should be greater"),
    "seed beyond torch": (SETTINGS | {"seed": 2**64}, "seed: Input should be less"),
    "weight below 0": (SETTINGS | {"supervised": {"s1": -1}}, "supervised.s1: Input should be greater"),
    "edge to nowhere": (
        SETTINGS | {"edges": [{"source": "s1", "learner": "s9", "knowledge": "features", "weight": 1}]},
        "the sharing graph of these settings is none (an edge names the network 's9'",
    ),
    "network that is not described": (SETTINGS | {"supervised": {"s1": 1, "s2": 1}}, "say nothing of the network 's2'"),
    "backbone of a hub": (
        SETTINGS | {"networks": {"s1": SETTINGS["networks"]["s1"] | {"backbone": {"timm": "hf-hub:a/b"}}}},
        "networks.s1.backbone.timm: Value error, 'hf-hub:a/b' is no name of timm's own",
    ),
}


@pytest.mark.bad_input
@pytest.mark.parametrize(("settings", "words"), NO_SETTINGS.values(), ids=NO_SETTINGS)
def test_a_training_refuses_them_by_their_key(call, settings, words):
    rest = "--data {in_} --split {in_}/split.csv --out {out}/run"
    code, message, written = call("train", rest, "--settings", json.dumps(settings))
    assert code == 2 and words in message and "--settings" in message and "What to do" in message, message
    assert written == []


def test_settings_come_back(tmp_path):
    (tmp_path / "run.json").write_text(json.dumps(RECORD))
    for given in (json.dumps(SETTINGS), str(tmp_path / "run.json")):
        assert RunSettings.from_argument(given).to_json() == settings_of(single("s1")).to_json()
