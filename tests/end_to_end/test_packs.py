"""A pack of the miniature: written to the same bytes again, rebuilt elsewhere without data or training, identical to what was published."""

import csv
import json
import shutil
import subprocess
import sys
import zipfile
from collections import Counter

import pytest
from miniature import copy_run, run
from snakemake_runs import ROOT, job_counts, snakemake

from kdml.packs.reading import read_pack
from kdml.packs.rebuilt import LEFT_OUT, SAME

# What makes pictures, networks or predictions, or opens them.
OPENING = {
    "draw_demo", "fetch", "prepare", "prepare_masks", "split", "weights", "train", "evaluate", "evaluate_teacher", "evaluate_run", "fidelity",
    "similarity", "networks", "slices",
}  # fmt: skip


@pytest.fixture(scope="module")
def published(chain, tmp_path_factory):
    """A finished run with its pack."""
    copy = copy_run(chain, tmp_path_factory.mktemp("published"))
    done = run(copy, "publish", "--quiet", "all")
    assert done.returncode == 0, done.stdout + done.stderr
    return copy


@pytest.fixture(scope="module")
def pack(published):
    return published / "results/miniature.zip"


@pytest.fixture(scope="module")
def rebuilt(published, pack, tmp_path_factory):
    """Folder of what was rebuilt from the pack, where there is nothing else, and what Snakemake said."""
    folder = tmp_path_factory.mktemp("elsewhere")
    done = rebuild(published, folder, pack)
    assert done.returncode == 0, done.stdout + done.stderr
    (there,) = (folder / "rebuilt").iterdir()
    return there, done.stdout + done.stderr


def rebuild(published, folder, pack, *arguments):
    root = published.with_name("project")
    return snakemake(folder, "--cores", "2", *arguments, "--config", f"results_from={pack}", root=root)


def test_a_pack_holds_numbers_and_neither_pictures_nor_networks(pack):
    with zipfile.ZipFile(pack) as file:
        names = set(file.namelist())
        text = b"".join(file.read(name) for name in names)
    kinds = Counter(name.rpartition(".")[2] for name in names)
    assert kinds.keys() <= {"csv", "json", "parquet", "html", "md", "tex", "pdf", "py"}
    run_folder = "results/miniature/paper/hcd/small/kd_off_v3/seed-0"
    assert {
        f"{run_folder}/run.json", f"{run_folder}/history.csv", "results/miniature/paper/lgg/small/variants/cases.parquet",
        "results/miniature/paper/lgg/small/variants/regions.parquet", "results/miniature/paper/hcd/split-0.csv", "results/miniature/leakage.csv",
        "results/tables/table_03.csv", "results/figures/claims.pdf", "results/claims.csv", "environment.json", "licences.json",
        "configuration/rkd/rkd.py",
    } <= names  # fmt: skip
    assert not any("/data/" in name or ("figure_04" in name and name.endswith("pdf")) for name in names)
    assert str(pack.parents[1]).encode() not in text, "nothing says where it was made"


def test_equal_results_give_an_equal_pack(published, pack, tmp_path):
    listed = published / "results/miniature/pack.json"
    again = tmp_path / "again.zip"
    words = [sys.executable, published.with_name("project") / "src/publish.py", "--listed", listed, "--out", again]
    done = subprocess.run(words, cwd=published, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert again.read_bytes() == pack.read_bytes()


def test_everything_but_pictures_is_rebuilt_to_the_byte(rebuilt, pack):
    folder, said = rebuilt
    rows = list(csv.DictReader((folder / "results/rebuilt.csv").open()))
    states = {row["file"]: row["state"] for row in rows}
    assert set(states.values()) == {SAME, LEFT_OUT}
    same = {file for file, state in states.items() if state == SAME}
    assert {
        "results/claims.csv",
        "results/claims.html",
        "results/figures/claims.png",
        "results/tables/table_03.html",
    } <= same
    sheets = ("hcd/small/alone", "hcd/small/fidelity", "lgg/small/variants", "hcd/small/teacher", "lgg/small/methods")
    assert {f"results/miniature/paper/{sheet}/values.csv" for sheet in sheets} <= same  # and not from the pack
    assert {"results/miniature/paper/hcd/small/contrasts.csv", "results/figures/beside_table_03.pdf"} <= same
    drawn = {file for file, state in states.items() if state == LEFT_OUT and file.startswith("results/figures/")}
    assert drawn and all(row["needs"].endswith(".npz") for row in rows if row["file"] in drawn)
    assert all(f"Left out: {file.split('/')[-1].partition('.')[0]}, which needs" in said for file in drawn)
    assert f"Open {folder}/results/index.html in a browser; {folder}/results/rebuilt.csv says" in said
    # Not by the word of the workflow alone.
    with zipfile.ZipFile(pack) as file:
        for name in sorted(same & set(file.namelist())):
            assert (folder / name).read_bytes() == file.read(name), name
    page = (folder / "results/index.html").read_text()
    assert "table_03" in page and not any(file.rpartition("/")[2] in page for file in drawn)


def test_a_pack_that_is_renewed_by_the_same_program_holds_the_same(published, rebuilt, pack):
    folder, _ = rebuilt
    done = rebuild(published, folder.parents[1], pack, "publish")
    assert done.returncode == 0, done.stdout + done.stderr
    old, new = read_pack(pack), read_pack(folder / "results/miniature.zip")
    assert new.about["renewed_from"] == old.sha256 and "renewed_from" not in old.about
    assert {name for name in {*old.members, *new.members} if old.members.get(name) != new.members.get(name)} == {
        "pack.json"
    }
    same = ("experiment", "configuration", "given", "again", "drawn", "published", "licence")
    assert {key: new.about[key] for key in same} == {key: old.about[key] for key in same}
    assert new.about["left_out"].keys() == old.about["left_out"].keys()


def test_nothing_is_trained_or_evaluated(published, rebuilt, pack, tmp_path):
    counts = job_counts(rebuild(published, tmp_path, pack, "-n"))
    assert counts.keys() & OPENING == set() and counts["contrasts"] >= 3 and counts["claims"] == 1
    folder, _ = rebuilt
    assert (
        not list(folder.rglob("*.npz"))
        and not list(folder.rglob("*.safetensors"))
        and not (folder / "resources").exists()
    )


def test_a_changed_statistic_reaches_the_verdicts(published, rebuilt, pack, tmp_path):
    """Another confidence makes result tables, contrasts and claims anew, from the numbers of the pack alone."""
    shutil.copytree(published.with_name("project"), tmp_path / "project")
    shutil.copytree(rebuilt[0].parents[1], tmp_path / "there", symlinks=True)
    statistics = tmp_path / "project/src/kdml/analysis/statistics.py"
    statistics.write_text(statistics.read_text().replace("CONFIDENCE = 0.95", "CONFIDENCE = 0.5"))
    changed = ("results/claims.csv", "results/tables/table_03.csv")
    done = snakemake(
        tmp_path / "there",
        *changed,
        "--cores",
        "2",
        "--config",
        f"results_from={pack}",
        root=tmp_path / "project",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (folder,) = (tmp_path / "there/rebuilt").iterdir()
    for name in changed:
        before, after = ((one / name).read_text() for one in (rebuilt[0], folder))
        assert before != after and before.count("\n") == after.count("\n"), name


def test_two_packs_are_compared(published, pack, tmp_path):
    config = (f"results_from={pack}", f"compare_with={pack}")
    root = published.with_name("project")
    done = snakemake(tmp_path, "compare_packs", "--cores", "1", "--config", *config, root=root)
    assert done.returncode == 0, done.stdout + done.stderr
    (folder,) = (tmp_path / "rebuilt").iterdir()
    rows = list(csv.DictReader((folder / "results/packs_compared.csv").open()))
    assert rows and {row["answer"] for row in rows} == {"equal"}


def with_run(members):
    """Another experiment's run in place of one."""
    name = next(name for name in members if name.endswith("kd_off_v3/seed-0/run.json"))
    record = json.loads(members[name])
    record["settings"]["training"]["epochs"] = 77
    members[name] = json.dumps(record).encode()


@pytest.mark.bad_input
def test_a_mixed_pack_is_refused_before_anything_is_planned(published, pack, tmp_path):
    from kdml.packs import crate

    opened = read_pack(pack)
    members = {name: opened.read(name) for name in opened.members if name != crate.ABOUT}
    with_run(members)
    crate.write(tmp_path / "mixed.zip", opened.about, members)
    done = rebuild(published, tmp_path, tmp_path / "mixed.zip", "-n")
    assert done.returncode != 0 and "is mixed: results/miniature/" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr and not list(tmp_path.rglob("results"))


@pytest.mark.bad_input
def test_a_part_of_a_pack_is_refused_at_planning(pack, tmp_path):
    (tmp_path / "part.zip").write_bytes(pack.read_bytes()[:5000])
    done = snakemake(tmp_path, "-n", "--config", f"results_from={tmp_path / 'part.zip'}", root=ROOT)
    assert done.returncode != 0 and "part.zip is no zip file, or only a part of one" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr and not (tmp_path / "rebuilt").exists()
