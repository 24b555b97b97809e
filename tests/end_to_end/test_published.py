"""The packs in docs/reproduction: whole, rebuilt to the published numbers without data or training, and quoted rightly."""

import csv
import io
import re
import zipfile

import pytest
from snakemake_runs import ROOT, snakemake

from kdml.common.files import sha256_of
from kdml.experiment.config_files import merged
from kdml.learning.provenance import code_hash
from kdml.packs.configuration import packed
from kdml.packs.reading import read_pack

FOLDER = ROOT / "docs/reproduction"
PACKS = sorted(FOLDER.glob("*.zip"))
TEXT = (FOLDER / "README.md").read_text()
NUMBER = re.compile(r"-?\d+(\.\d+(e-\d+)?)?|nan")
NUMBERS = {
    "hcd_on_a_gpu": ("results/claims.csv", "results/tables/table_03.csv", "results/tables/contrasts.csv"),
    "leakage_on_two_cores": (
        "results/claims.csv",
        "results/tables/between_protocols.csv",
        "results/tables/table_02.csv",
    ),
}


def table_of(pack, name):
    with zipfile.ZipFile(pack) as file:
        return list(csv.DictReader(io.StringIO(file.read(name).decode())))


def as_numbers(row):
    """Cells of a row, numbers as such: their last digit is another on another kind of processor."""
    return {name: float(cell) if NUMBER.fullmatch(cell) else cell for name, cell in row.items()}


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.stem)
def test_published_numbers_are_rebuilt(pack, tmp_path):
    done = snakemake(tmp_path, "--cores", "2", *NUMBERS[pack.stem], "--config", f"results_from={pack}")
    assert done.returncode == 0, done.stdout + done.stderr
    (folder,) = (tmp_path / "rebuilt").iterdir()
    for name in NUMBERS[pack.stem]:
        published, again = table_of(pack, name), list(csv.DictReader((folder / name).open(newline="")))
        assert len(published) == len(again), name
        for row, other in zip(published, again, strict=True):
            assert as_numbers(other) == pytest.approx(as_numbers(row), rel=1e-9, abs=1e-12, nan_ok=True), name


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.stem)
def test_a_published_pack_is_the_one_that_the_page_names(pack):
    assert f"| [{pack.stem}]({pack.name}) |" in TEXT and sha256_of(pack) in TEXT


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.stem)
def test_the_file_beside_a_pack_gives_its_configuration(pack):
    """A file that was changed after its trainings would have readers compute another experiment; later versions may have more keys."""
    files = [ROOT / "config.yaml", ROOT / "profiles/reduced/experiment.yaml", pack.with_suffix(".yaml")]
    ours, published = packed(merged(files))[0], read_pack(pack).about["configuration"]
    assert {key: ours.get(key) for key in published} == published


def test_the_page_names_the_training_code_of_every_pack():
    """And says of that of this version that it is, so that nobody needs an earlier one."""
    of_packs = {code for pack in PACKS for code in read_pack(pack).record("environment.json")["training_code"]}
    assert all(f"`{code}`" in TEXT for code in of_packs)
    assert re.findall(r"has the hash `(\w+)`, that of this version", TEXT) == [code_hash()]


def test_validation_scores_on_the_page_are_those_of_the_pack():
    """Of KD (on) with V3, whose S1 is told of."""
    runs = [f"results/reduced/paper/hcd/resnet50-resnet18/kd_on_v3/seed-{seed}/history.csv" for seed in (0, 1, 2)]
    of_seeds = [table_of(FOLDER / "hcd_on_a_gpu.zip", run) for run in runs]

    def percent(network, epoch):
        scores = [100 * float(history[epoch][f"validation.{network}.score"]) for history in of_seeds]
        return f"{min(scores):.0f} to {max(scores):.0f} %"

    student = [[float(row["validation.s1.score"]) for row in history] for history in of_seeds]
    assert all(scores == sorted(scores, reverse=True) for scores in student)
    said = " ".join(TEXT.split())
    assert f"fell with every epoch in all three seeds, to {percent('s1', -1)}" in said
    assert f"at {percent('teacher', 0)} after the first epoch and at {percent('teacher', -1)} after the last" in said


def test_scores_on_the_page_are_those_of_the_pack():
    rows = table_of(FOLDER / "hcd_on_a_gpu.zip", "results/tables/table_03.csv")
    of_ensembles = {(row["block"], row["column"]): row for row in rows if row["network"] == "ensemble"}
    titles = {"ML": "ml", "KD (off)": "kd_off", "KD (on)": "kd_on", "KD + ML": "kd_ml"}
    quoted = re.findall(r"^\| (ML|KD \(off\)|KD \(on\)|KD \+ ML) \| (.+) \|$", TEXT, flags=re.M)
    assert [title for title, _ in quoted] == list(titles)
    for title, cells in quoted:
        for column, cell in zip(("v1", "v2", "v3"), cells.split(" | "), strict=True):
            row = of_ensembles[titles[title], column]
            ours, paper = f"{float(row['mean']):.1f} ± {float(row['std']):.1f}", f"{float(row['paper_mean']):.1f}"
            assert cell == f"{ours} ({paper})", (title, column)


def test_verdicts_on_the_page_are_those_of_the_pack():
    rows = table_of(FOLDER / "hcd_on_a_gpu.zip", "results/claims.csv")
    said = {row["claim"]: row["verdict"].replace("_", " ") for row in rows}
    quoted = re.findall(r"^\| (\d+)\. [^|]+ \| ([a-z ]+) \|", TEXT, flags=re.M)
    assert len(quoted) == len(said) and dict(quoted) == said


def test_what_leakage_is_worth_on_the_page_is_that_of_the_pack():
    rows = table_of(FOLDER / "leakage_on_two_cores.zip", "results/tables/between_protocols.csv")
    quoted = dict(re.findall(r"^\| (LGG, IoU|HAM10000, accuracy) \| (.+) \|$", TEXT, flags=re.M))
    for title, task in (("LGG, IoU", "lgg"), ("HAM10000, accuracy", "ham10000_classification")):
        row = next(row for row in rows if row["Task"] == task)
        sides = [f"{float(row[side]):.1f} ± {float(row[f'{side} sd']):.1f}" for side in ("By image", "By group")]
        estimate, low, high = (f"{float(row[f'Difference{end}']):.1f}" for end in ("", " low", " high"))
        assert quoted[title].split(" | ") == [*sides, f"{estimate} [{low}, {high}]"], title
