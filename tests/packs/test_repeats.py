"""Packs of two repeats of one experiment: compared by the script, refused where they are of different ones."""

import csv
import json

import fabricated
import pytest
from small import settings_of, variant_graph

from kdml.common.errors import UserError
from kdml.packs import crate
from kdml.packs.reading import read_pack
from kdml.packs.rebuilding import Rebuilding, both
from kdml.packs.repeats import check_one_experiment

FACTS = "paper,hcd,small,kd_ml_v3"
OF_RUN = dict(zip(("protocol", "task", "pair", "run"), FACTS.split(","), strict=True))


def pack_of(path, values, seeds=(0, 1, 2), code="12", without=(), images=None, **settings):
    """A pack of one run, with a value for each seed; keys of the settings may be missing, as in packs of earlier versions."""
    lines = [f"{FACTS},{seed},ensemble,label,accuracy,{value}" for seed, value in zip(seeds, values, strict=True)]
    table = "protocol,task,pair,run,seed,network,truth,metric,value\n" + "\n".join(lines) + "\n"
    files = {"results/mine/metrics.csv": table.encode()}
    for seed in seeds:
        trained = settings_of(variant_graph("kd_ml_v3")).model_dump(mode="json") | OF_RUN | {"seed": seed, **settings}
        record = {"settings": {key: value for key, value in trained.items() if key not in without}, "images": images}
        files[f"results/mine/{FACTS.replace(',', '/')}/seed-{seed}/run.json"] = crate.as_json(record)
    files["environment.json"] = crate.as_json({"training_code": [code], "trained_with": [{"device": "cpu"}]})
    about = {
        "title": "", "description": "", "published": "2026-01-02", "licence": "", "experiment": "mine",
        "configuration": {"run": {"seeds": list(seeds)}}, "given": [], "again": [], "left_out": {}, "drawn": {},
    }  # fmt: skip
    crate.write(path, about, files)
    return path


def compared(folder, first, second):
    """The only row, and the table in words."""
    said = (
        "--title",
        "T",
        "--caption",
        "C",
        "--rows",
        folder / "rows.csv",
        "--table",
        folder / "t.html",
        folder / "t.md",
    )
    code, text = fabricated.call("compare_packs", "--packs", first, second, *said)
    assert code == 0, text
    (row,) = csv.DictReader((folder / "rows.csv").open())
    return row, (folder / "t.md").read_text()


def test_two_repeats_are_compared(tmp_path):
    first = pack_of(tmp_path / "first.zip", [90, 91, 92.5])
    second = pack_of(tmp_path / "second.zip", [80, 81, 82], seeds=(3, 4, 5), code="34")
    row, text = compared(tmp_path, first, second)
    assert (row["answer"], float(row["estimate"])) == ("more than seeds explain", pytest.approx(81 - 273.5 / 3))
    assert "more than seeds explain" in text and "training\\_code" in text and "run.seeds" in text


def test_same_packs_are_equal(tmp_path):
    pack = pack_of(tmp_path / "first.zip", [90, 91, 92.5])
    row, text = compared(tmp_path, pack, pack)
    assert row["answer"] == "equal" and "Configuration, training code, packages and devices are the same" in text


@pytest.mark.bad_input
def test_different_experiments_are_refused(tmp_path):
    first = read_pack(pack_of(tmp_path / "first.zip", [90, 91, 92.5], training={"epochs": 1}))
    other = read_pack(pack_of(tmp_path / "other.zip", [90, 91, 92.5], training={"epochs": 2}))
    with pytest.raises(UserError, match="another `training`"):
        check_one_experiment(first, other)
    larger = read_pack(pack_of(tmp_path / "larger.zip", [90, 91, 92.5], images={"size": 96, "total": 9, "train": 5}))
    smaller = read_pack(pack_of(tmp_path / "smaller.zip", [90, 91, 92.5], images={"size": 64, "total": 9, "train": 5}))
    with pytest.raises(UserError, match="another `images`"):
        check_one_experiment(larger, smaller)
    # A version that did not have the key `balance` did what `balance: none` says.
    earlier = read_pack(pack_of(tmp_path / "earlier.zip", [90, 91, 92.5], without=["balance"], training={"epochs": 1}))
    check_one_experiment(first, earlier)
    later = read_pack(pack_of(tmp_path / "later.zip", [90, 91, 92.5], training={"epochs": 1}, unheard_of=1))
    with pytest.raises(UserError, match=r"later.zip.*unheard_of"):
        check_one_experiment(first, later)
    mixed = read_pack(pack_of(tmp_path / "mixed.zip", [90, 91, 92.5], run="kd_ml_v2", training={"epochs": 1}))
    with pytest.raises(UserError, match=r"mixed.zip is mixed: .*seed-0/run.json is of another run"):
        check_one_experiment(first, mixed)
    none = read_pack(pack_of(tmp_path / "none.zip", [], seeds=()))
    with pytest.raises(UserError, match="no run in common"):
        check_one_experiment(first, none)


@pytest.mark.bad_input
def test_a_comparison_needs_two_packs(tmp_path):
    pack = read_pack(pack_of(tmp_path / "first.zip", [90, 91, 92.5]))
    for asked in (None, Rebuilding(pack, tmp_path, {})):
        with pytest.raises(UserError, match="Two packs are needed"):
            both(asked)
    assert both(Rebuilding(pack, tmp_path, {}, pack)) == (pack, pack)
    assert json.loads(pack.read("environment.json"))["training_code"] == ["12"]
