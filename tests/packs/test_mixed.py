"""Packs whose runs, splits and measured images do not belong together, though every checksum fits."""

import hashlib
import io

import pandas as pd
import pytest

from kdml.common.errors import UserError
from kdml.packs import crate
from kdml.packs.mixed import check_splits
from kdml.packs.reading import read_pack

HERE = "results/mine/paper/moles"
RUNS = {f"{HERE}/pair/kd_ml_v3/seed-{seed}/run.json": f"{HERE}/split-{seed}.csv" for seed in (0, 1)}
CASES, REGIONS = (f"{HERE}/pair/variants/{name}.parquet" for name in ("cases", "regions"))
SPLITS = {0: "id,part\na,train\nb,test\nc,test\n", 1: "id,part\na,test\nb,train\nc,test\n"}


def table_of(rows):
    """A table of cases from (seed, image, value) of one network."""
    content = io.BytesIO()
    frame = pd.DataFrame(rows, columns=["seed", "id", "value"])
    frame.assign(run="kd_ml_v3", network="s1").to_parquet(content)
    return content.getvalue()


def members():
    """A pack of two seeds, each with a split of its own."""
    found = {f"{HERE}/split-{seed}.csv": text.encode() for seed, text in SPLITS.items()}
    for record, split in RUNS.items():
        found[record] = crate.as_json({"inputs": {"split": hashlib.sha256(found[split]).hexdigest()}})
    found[CASES] = table_of([(0, "b", 1.0), (0, "c", 1.0), (1, "a", 1.0), (1, "c", 1.0)])
    found[REGIONS] = table_of([(1, "a", 1.0)])
    return found


def checked(folder, files):
    about = {
        "title": "", "description": "", "published": "2026-01-02", "licence": "", "experiment": "mine",
        "configuration": {}, "given": [], "again": [], "left_out": {}, "drawn": {},
    }  # fmt: skip
    crate.write(folder / "mine.zip", about, files)
    check_splits(read_pack(folder / "mine.zip"), RUNS)


def test_files_that_belong_together_are_taken(tmp_path):
    checked(tmp_path, members())


MIXED = {
    "another split": ({f"{HERE}/split-1.csv": SPLITS[0].encode()}, r"seed-1/run\.json was trained on another split"),
    "cases of another test set": (
        {CASES: table_of([(0, "b", 1.0), (1, "b", 1.0)])},
        r"cases\.parquet names images that seed 1",
    ),
    "regions of another test set": ({REGIONS: table_of([(0, "a", 1.0)])}, r"regions\.parquet names images that seed 0"),
    "cases of a seed that was not run": ({CASES: table_of([(2, "a", 1.0)])}, r"names images that seed 2"),
    "cases without an image": (
        {CASES: table_of([(0, "b", 1.0), (1, "a", 1.0), (1, "c", 1.0)])},
        r"has not every test image of seed 0 once for s1 of kd_ml_v3",
    ),
    "cases with an image twice": (
        {CASES: table_of([(0, "b", 1.0), (0, "b", 1.0), (1, "a", 1.0), (1, "c", 1.0)])},
        r"has not every test image of seed 0 once for s1 of kd_ml_v3",
    ),
    "cases that are no table": ({CASES: b"PAR1"}, r"is no table of cases"),
    "a run that does not say": ({next(iter(RUNS)): b"{}"}, r"seed-0/run\.json was trained on another split"),
    "half a run": ({next(iter(RUNS)): b'{"inputs": '}, r"seed-0/run\.json is not valid JSON"),
    "a run that is a list": ({next(iter(RUNS)): b"[1]"}, r"seed-0/run\.json holds no mapping"),
}


@pytest.mark.bad_input
@pytest.mark.parametrize(("over", "said"), MIXED.values(), ids=MIXED)
def test_files_that_do_not_are_refused(tmp_path, over, said):
    with pytest.raises(UserError, match=said) as refused:
        checked(tmp_path, members() | over)
    assert "mine.zip" in str(refused.value)
