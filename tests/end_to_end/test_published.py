"""The packs in docs/reproduction: whole, rebuilt to the published numbers without data or training, and quoted rightly."""

import csv
import io
import json
import re
import zipfile

import pytest
from snakemake_runs import ROOT, snakemake

from kdml.analysis.statistics import holm
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
    "hcd_on_two_cores": ("results/claims.csv", "results/tables/table_08.csv", "results/tables/contrasts.csv"),
    "lgg_on_a_gpu": ("results/claims.csv", "results/tables/table_09.csv", "results/tables/contrasts.csv"),
    "lgg_resnet18_on_a_gpu": ("results/claims.csv", "results/tables/table_04.csv", "results/tables/table_10.csv"),
    "methods_on_a_gpu": ("results/claims.csv", "results/tables/table_10.csv"),
}
HEADINGS = {  # of the packs with all variants
    "hcd_on_a_gpu": "Metastasis classification (HCD), ResNet50 and ResNet18",
    "hcd_on_two_cores": "Metastasis classification (HCD), ResNet50 and MobileNet",
    "lgg_on_a_gpu": "Glioma segmentation (LGG), ResNet50 and MobileNet",
    "lgg_resnet18_on_a_gpu": "Glioma segmentation (LGG), ResNet50 and ResNet18",
}
TABLES = {
    "hcd_on_a_gpu": "results/tables/table_03.csv",
    "hcd_on_two_cores": "results/tables/table_08.csv",
    "lgg_on_a_gpu": "results/tables/table_09.csv",
    "lgg_resnet18_on_a_gpu": "results/tables/table_04.csv",
}
FIRST = "hcd_on_a_gpu"
SCORES = ("accuracy", "iou")  # what the page quotes of these
TECHNIQUES = {"ml": "ML", "kd_off": "KD (off)", "kd_on": "KD (on)", "kd_ml": "KD + ML"}


def file_of(pack):
    return FOLDER / f"{pack}.zip"


def table_of(pack, name):
    with zipfile.ZipFile(pack) as file:
        return list(csv.DictReader(io.StringIO(file.read(name).decode())))


def section(title):
    """Text of the page below a heading, its lines as they are."""
    (found,) = (part for part in TEXT.split("\n## ") if part.splitlines()[0] == title)
    return found


def ensembles_of(pack):
    """Rows of the ensembles in the pack's table of results, by technique and strategy."""
    rows = table_of(file_of(pack), TABLES[pack])
    return {
        (row["block"], row["column"]): row for row in rows if row["network"] == "ensemble" and row["metric"] in SCORES
    }


def mean_of(row):
    """`mean ± SD`."""
    return f"{float(row['mean']):.1f} ± {float(row['std']):.1f}"


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
    of_seeds = [table_of(file_of("hcd_on_a_gpu"), run) for run in runs]

    def percent(network, epoch):
        scores = [100 * float(history[epoch][f"validation.{network}.score"]) for history in of_seeds]
        return f"{min(scores):.0f} to {max(scores):.0f} %"

    student = [[float(row["validation.s1.score"]) for row in history] for history in of_seeds]
    assert all(scores == sorted(scores, reverse=True) for scores in student)
    said = " ".join(TEXT.split())
    assert f"fell with every epoch in all three seeds, to {percent('s1', -1)}" in said
    assert f"at {percent('teacher', 0)} after the first epoch and at {percent('teacher', -1)} after the last" in said


@pytest.mark.parametrize("pack", HEADINGS)
def test_scores_on_the_page_are_those_of_the_pack(pack):
    ensembles = ensembles_of(pack)
    titles = {title: technique for technique, title in TECHNIQUES.items()}
    quoted = re.findall(r"^\| (ML|KD \(off\)|KD \(on\)|KD \+ ML) \| (.+) \|$", section(HEADINGS[pack]), flags=re.M)
    assert [title for title, _ in quoted] == list(titles)
    for title, cells in quoted:
        for column, cell in zip(("v1", "v2", "v3"), cells.split(" | "), strict=True):
            row = ensembles[titles[title], column]
            assert cell == f"{mean_of(row)} ({float(row['paper_mean']):.1f})", (title, column)


def verdicts_of(pack):
    """Verdict of each claim and the one by the paper's own numbers."""
    rows = table_of(file_of(pack), "results/claims.csv")
    return {row["claim"]: (row["verdict"].replace("_", " "), row["paper_verdict"].replace("_", " ")) for row in rows}


def test_verdicts_on_the_page_are_those_of_the_packs():
    quoted = re.findall(r"^\| (\d+)\. [^|]+" + 5 * r" \| ([a-z ]+)" + r" \|$", TEXT, flags=re.M)
    for place, pack in enumerate(HEADINGS, start=1):
        found = verdicts_of(pack)
        if pack == FIRST:  # its own trainings, with those of the methods beside them
            found["7"] = verdicts_of("methods_on_a_gpu")["7"]
        assert len(quoted) == len(found) and {cells[0]: (cells[place], cells[5]) for cells in quoted} == found
    assert "The verdict on claim 7 on HCD is that of `methods_on_a_gpu`" in TEXT


def test_what_leakage_is_worth_on_the_page_is_that_of_the_pack():
    rows = table_of(file_of("leakage_on_two_cores"), "results/tables/between_protocols.csv")
    quoted = dict(re.findall(r"^\| (LGG, IoU|HAM10000, accuracy) \| (.+) \|$", TEXT, flags=re.M))
    for title, task in (("LGG, IoU", "lgg"), ("HAM10000, accuracy", "ham10000_classification")):
        row = next(row for row in rows if row["Task"] == task)
        sides = [f"{float(row[side]):.1f} ± {float(row[f'{side} sd']):.1f}" for side in ("By image", "By group")]
        estimate, low, high = (f"{float(row[f'Difference{end}']):.1f}" for end in ("", " low", " high"))
        assert quoted[title].split(" | ") == [*sides, f"{estimate} [{low}, {high}]"], title


# What the page says of other data and networks than claims 1 to 5 are about

OF_CLAIM_6 = pytest.mark.parametrize(
    ("pack", "place"),
    [
        ("hcd_on_two_cores", "hcd/mobilenet"),
        ("lgg_on_a_gpu", "lgg/mobilenet"),
        ("lgg_resnet18_on_a_gpu", "lgg/resnet18"),
    ],
)


def said_of(pack):
    """The section of a pack in one line."""
    return " ".join(section(HEADINGS[pack]).split())


def contrasts_of(pack, place):
    """Contrasts of claim 6 in this pair: all that claims 1 to 3 compare, each once."""
    rows = [row for row in table_of(file_of(pack), "results/claims.csv") if row["claim"] == "6"]
    return [row for row in rows if row["place"] == place]


def spread(values):
    """`smallest to largest` with a digit after the point."""
    return f"{min(values):.1f} to {max(values):.1f}"


def interval(row, names, unit=" points"):
    """`estimate points [low, high]`."""
    estimate, low, high = (float(row[name]) for name in names)
    return f"{estimate:.1f}{unit} [{low:.1f}, {high:.1f}]"


def title_of(variant):
    """`KD + ML with V3`."""
    technique, _, strategy = variant.rpartition("_")
    return f"{TECHNIQUES[technique]} with {strategy.upper()}"


def against(rows, strategy, side):
    """Differences of V3 and another strategy in the four techniques."""
    found = {
        row["left"]: float(row[side])
        for row in rows
        if row["left"].endswith("_v3") and row["right"] == row["left"].replace("_v3", f"_{strategy}")
    }
    assert len(found) == 4
    return found.values()


@OF_CLAIM_6
def test_what_is_told_apart_is_what_the_pack_says(pack, place):
    rows, said = contrasts_of(pack, place), said_of(pack)
    assert {row["answer"] for row in rows} == {"open"}
    assert f"the {len(rows)} contrasts of this pair are all open" in said
    halves = [(float(row["high"]) - float(row["low"])) / 2 for row in rows]
    assert f"their intervals reach {spread(halves)} points to either side" in said
    least = min(rows, key=lambda row: float(row["p"]))
    p = f"p = {float(least['p']):.2f} alone and {float(least['p_holm']):.2f} among its family"
    pair = f"{title_of(least['left'])} against {title_of(least['right'])}"
    assert f"The smallest p belongs to {pair}: {interval(least, ('estimate', 'low', 'high'))}, {p}" in said


@OF_CLAIM_6
def test_strategies_are_as_far_apart_as_the_page_says(pack, place):
    rows, said = contrasts_of(pack, place), said_of(pack)
    assert f"{spread(against(rows, 'v1', 'estimate'))} points in the four techniques" in said
    assert f"the paper has {spread(against(rows, 'v1', 'paper_estimate'))}" in said


def test_what_the_page_says_of_v2_on_hcd_is_what_the_pack_says():
    rows, said = contrasts_of("hcd_on_two_cores", "hcd/mobilenet"), said_of("hcd_on_two_cores")
    assert f"the four lowest, {spread(against(rows, 'v2', 'estimate'))} points below V3" in said
    assert f"below V3 by {spread(against(rows, 'v2', 'paper_estimate'))} points" in said
    rows = ensembles_of("hcd_on_two_cores")
    assert {strategy for _, strategy in sorted(rows, key=lambda key: float(rows[key]["mean"]))[:4]} == {"v2"}
    for technique in TECHNIQUES:
        lowest = min(("v1", "v2", "v3"), key=lambda strategy: float(rows[technique, strategy]["paper_mean"]))
        assert lowest == "v2", technique


@pytest.mark.parametrize(
    ("pack", "count", "word"), [("lgg_on_a_gpu", 3, "three"), ("lgg_resnet18_on_a_gpu", 4, "four")]
)
def test_the_papers_best_is_as_low_on_lgg_as_the_page_says(pack, count, word):
    rows = ensembles_of(pack)
    assert max(rows, key=lambda key: float(rows[key]["paper_mean"])) == ("kd_ml", "v3")
    assert ("kd_ml", "v3") in sorted(rows, key=lambda key: float(rows[key]["mean"]))[:count]
    assert f"KD + ML with V3, the paper's best, is among the {word} lowest here" in said_of(pack)


def test_students_on_lgg_are_as_far_apart_as_the_page_says():
    mobilenet, resnet18 = (ensembles_of(pack) for pack in ("lgg_on_a_gpu", "lgg_resnet18_on_a_gpu"))
    ours, papers = (
        whole([sign * (float(row[side]) - float(resnet18[key][side])) for key, row in mobilenet.items()])
        for side, sign in (("mean", 1), ("paper_mean", -1))
    )
    said = said_of("lgg_resnet18_on_a_gpu")
    assert f"end {ours} points below the MobileNets" in said
    assert f"the other way round, by {papers} points" in said


@OF_CLAIM_6
def test_networks_alone_are_as_good_as_the_page_says(pack, place):
    said = said_of(pack)
    rows = [row for row in table_of(file_of(pack), "results/tables/table_02.csv") if row["metric"] in SCORES]
    alone = {row["network"]: row for row in rows}
    titles = {"mobilenet": "MobileNet", "resnet18": "ResNet18", "resnet50": "ResNet50"}
    for network, end in ((place.split("/")[1], ""), ("resnet50", "(, the teacher of KD \\(off\\),)?")):
        row, title = alone[network], titles[network]
        score = re.escape(f"{mean_of(row)} % (paper {row['paper_mean']})")
        assert re.search(f"{title} alone{end} reaches {score}", said), network
    rows = [row for row in table_of(file_of(pack), TABLES[pack]) if row["metric"] in SCORES]
    (teacher,) = {mean_of(row) for row in rows if row["network"] == "teacher" and row["block"] in ("kd_on", "kd_ml")}
    assert re.search(f"as (online )?teacher {re.escape(teacher)} %", said)
    (row,) = (
        row
        for row in table_of(file_of(pack), "results/tables/contrasts.csv")
        if row["Metric"] in ("Accuracy", "IoU") and (row["Against"], row["Network"]) == ("Student alone", "Ensemble")
    )
    assert f"has {interval(row, ('Difference', 'Difference low', 'Difference high'))} against it" in said


def gains_of(pack):
    """Points of the validation score that each network gained in the last epoch.

    Networks that are one in several runs count once: under equal seeds their scores are the same to the last digit.
    """
    with zipfile.ZipFile(file_of(pack)) as file:
        names = [name for name in file.namelist() if name.endswith("history.csv")]
    scores = set()
    for name in names:
        *_, before, last = table_of(file_of(pack), name)
        networks = [key.split(".")[1] for key in last if key.endswith(".score")]
        measures = [[f"validation.{network}.{measure}" for measure in ("score", "loss")] for network in networks]
        scores |= {tuple(float(row[key]) for row in (before, last) for key in keys) for keys in measures}
    return [100 * (last - before) for before, _, last, _ in scores]


@OF_CLAIM_6
def test_learning_was_as_far_as_the_page_says(pack, place):
    gains = gains_of(pack)
    with zipfile.ZipFile(file_of(pack)) as file:
        runs = [name for name in file.namelist() if name.endswith("run.json")]
        hours = sum(json.loads(file.read(name))["seconds"] for name in runs) / 3600
    said = said_of(pack)
    assert f"of {sum(gain > 0 for gain in gains)} of {len(gains)} networks rose" in said
    assert f"by {sum(gains) / len(gains):.1f} points on average" in said
    assert re.search(rf"{len(runs)} trainings\b.*\b{hours:.1f} hours", said)


@OF_CLAIM_6
def test_what_such_an_experiment_finds_is_what_the_pack_says(pack, place):
    with zipfile.ZipFile(file_of(pack)) as file:
        (name,) = (name for name in file.namelist() if name.endswith("/design.csv"))
    (row,) = (row for row in table_of(file_of(pack), name) if row["place"] == place)
    power, adjusted = (f"{100 * float(row[key]):.0f} %" for key in ("power", "power_adjusted"))
    said = said_of(pack)
    assert (
        f"a true difference of 2 points is found in {power} of such experiments, once Holm counts in {adjusted}" in said
    )
    assert f"4 times in 5 it is found from {float(row['detectable']):.1f} points on" in said


def test_parameters_saved_are_those_of_the_pack():
    rows = table_of(file_of("hcd_on_two_cores"), "results/claims.csv")
    (row,) = (row for row in rows if (row["claim"], row["place"]) == ("10", "hcd/mobilenet"))
    saved, paper = float(row["estimate"]), float(row["paper_estimate"])
    assert (
        f"{saved:.1f} % fewer parameters than the teacher, with one head for all networks; the paper says {paper:.0f}"
        in said_of("hcd_on_two_cores")
    )


def test_slices_of_known_patients_are_as_many_as_the_page_says():
    with zipfile.ZipFile(file_of("lgg_on_a_gpu")) as file:
        (name,) = (name for name in file.namelist() if re.search(r"/leakage-\d+\.json$", name))
        report = json.loads(file.read(name))
    tested = report["parts"]["test"]["images"]
    assert report["groups"]["test_images_with_group_in"]["train"]["images"] == tested
    said = said_of("lgg_on_a_gpu")
    assert f"All {tested:,} test slices are of patients that stand in training" in said
    parts = [f"{report['parts'][part]['images']:,}" for part in ("train", "validation", "test")]
    assert "{} slices to train on, {} to validate, {} to test".format(*parts) in said


# What the page says of published methods

METHODS = {"methods_on_a_gpu": "hcd", "lgg_resnet18_on_a_gpu": "lgg"}
OF_METHODS = "Published methods on HCD and LGG, ResNet50 and ResNet18"


def methods_of(pack):
    """Rows of table 10 by the method's name, of the metric that the page quotes."""
    rows = table_of(file_of(pack), "results/tables/table_10.csv")
    return {row["Method"].partition(" (")[0]: row for row in rows if row["Metric"] in ("Accuracy", "IoU")}


def test_methods_on_the_page_are_those_of_the_packs():
    hcd, lgg = (methods_of(pack) for pack in METHODS)
    quoted = re.findall(r"^\| ([\w +]+) \| (.*±.*) \|$", section(OF_METHODS), flags=re.M)
    assert [name.replace("with ", "") for name, _ in quoted] == list(dict.fromkeys([*list(hcd)[:-1], *lgg]))
    for name, cells in quoted:
        said = cells.split(" | ")
        for row, score, difference in zip((hcd, lgg), said[::2], said[1::2], strict=True):
            row = row.get(name.replace("with ", ""))
            assert score == (
                f"{float(row['Ours']):.1f} ± {float(row['Ours sd']):.1f} ({float(row['Paper']):.1f})" if row else "–"
            ), name
            told = row and row["p"] != "nan"
            names = [f"Proposed − method{end}" for end in ("", " low", " high")]
            assert difference == (interval(row, names, unit="") if told else "–"), name


def test_methods_are_told_from_kd_ml_as_the_page_says():
    said = " ".join(section(OF_METHODS).split())
    hcd, lgg = (
        [row for row in table_of(file_of(pack), "results/claims.csv") if row["claim"] == "7"] for pack in METHODS
    )
    told = {row["right"]: float(row["p_holm"]) for row in hcd if row["answer"] == "yes"}
    assert set(told) == {"sp", "semckd"} and "told from two of seven methods" in said
    assert f"SemCKD (p = {told['semckd']:.2f}) and SP (p = {told['sp']:.3f})" in said
    of_lgg = [row for row in lgg if row["place"] == "lgg/resnet18"]
    assert len(of_lgg) == 7 and {row["answer"] for row in of_lgg} == {"open"}
    of_hcd = [row for row in hcd if row["place"] == "hcd/resnet18"]
    together = dict(
        zip([row["right"] for row in of_hcd], holm([float(row["p"]) for row in of_hcd + of_lgg]), strict=False)
    )
    assert f"its p would be {together['sp']:.2f}, and SemCKD's {together['semckd']:.2f}" in said
    halves = [(float(row["high"]) - float(row["low"])) / 2 for row in of_lgg]
    assert f"On LGG none is told: intervals reach {whole(halves)} points to either side" in said
    agreeing = [
        (pack.stem, row["claim"])
        for pack in PACKS
        for row in table_of(pack, "results/claims.csv")
        if row["answer"] == "yes" and row["p"] not in ("", "nan")
    ]
    assert agreeing == 2 * [("methods_on_a_gpu", "7")], "the page calls them the only two that agree with a claim"


def test_resnet18_alone_is_as_good_beside_the_methods_as_the_page_says():
    said = " ".join(section(OF_METHODS).split())
    for pack, better in (("methods_on_a_gpu", set()), ("lgg_resnet18_on_a_gpu", {"EMKD"})):
        rows = [row for row in table_of(file_of(pack), "results/tables/table_02.csv") if row["metric"] in SCORES]
        (alone,) = (row for row in rows if row["network"] == "resnet18")
        assert f"ResNet18 alone reaches {mean_of(alone)} %, more than" in said
        methods = methods_of(pack)
        assert {name for name, row in methods.items() if float(row["Ours"]) > float(alone["mean"])} == better
        if not better:
            lost = [float(alone["mean"]) - float(methods[name]["Ours"]) for name in ("SP", "SemCKD")]
            assert "It has {:.1f} points more than SP and {:.1f} more than SemCKD".format(*lost) in said
    rows = table_of(file_of("methods_on_a_gpu"), "results/tables/table_03.csv")
    score = {row["network"]: mean_of(row) for row in rows if (row["block"], row["column"]) == ("kd_ml", "v3")}
    assert f"S1 of KD + ML with V3 reaches {score['s1']} %, S2 {score['s2']} %" in said


def validation_of(pack, run, network=""):
    """Scores and losses of a run in each epoch, of one network or of all."""
    with zipfile.ZipFile(file_of(pack)) as file:
        (name,) = (name for name in file.namelist() if name.endswith(f"/{run}/history.csv"))
    start = f"validation.{network}"
    return [
        [(key, cell) for key, cell in row.items() if key.startswith(start)] for row in table_of(file_of(pack), name)
    ]


@pytest.mark.parametrize(
    ("pack", "other", "runs", "network"),
    [
        ("hcd_on_a_gpu", "methods_on_a_gpu", ("resnet50/baseline", "resnet18/baseline", "kd_ml_v3"), ""),
        ("lgg_on_a_gpu", "lgg_resnet18_on_a_gpu", ("resnet50/baseline",), ""),
        ("lgg_on_a_gpu", "lgg_resnet18_on_a_gpu", ("kd_on_v1", "kd_ml_v3"), "teacher"),
    ],
)
def test_trainings_of_two_pieces_are_the_same_to_the_last_digit(pack, other, runs, network):
    """As the page says of two machines, different numbers of trainings side by side, and two versions."""
    for run in runs:
        for seed in (0, 1, 2):
            one, another = (validation_of(piece, f"{run}/seed-{seed}", network) for piece in (pack, other))
            assert one == another and len(one) == 3 and all(one), (run, seed)


# What the page says of the first piece and of leakage, and what the README repeats


def claim_of(pack, number, place):
    rows = table_of(file_of(pack), "results/claims.csv")
    return [row for row in rows if (row["claim"], row["place"]) == (number, place)]


def whole(values):
    """`smallest to largest` without a digit after the point."""
    return f"{min(values):.0f} to {max(values):.0f}"


def ranges_of(pack):
    """Scores of the ensembles and the paper's, percent, as both pages quote them."""
    rows = ensembles_of(pack).values()
    return tuple(whole([float(row[side]) for row in rows]) for side in ("mean", "paper_mean"))


def test_networks_alone_and_ensembles_of_the_first_pack_are_as_good_as_the_page_says():
    said = said_of(FIRST)
    ours, papers = ranges_of(FIRST)
    assert f"classify {ours} % of the test patches rightly, the paper's {papers} %" in said
    alone = {row["network"]: mean_of(row) for row in table_of(file_of(FIRST), "results/tables/table_02.csv")}
    assert f"ResNet50 trained alone reaches {alone['resnet50']} %, ResNet18 alone {alone['resnet18']} %" in said
    rows = table_of(file_of(FIRST), TABLES[FIRST])
    (s1, s2) = (
        next(
            float(row["mean"]) for row in rows if (row["block"], row["column"], row["network"]) == ("kd_on", "v3", name)
        )
        for name in ("s1", "s2")
    )
    assert s1 == min(float(row["mean"]) for row in rows if row["metric"] in SCORES and row["network"] in ("s1", "s2"))
    assert f"ends lowest, at {s1:.0f} %, and its partner at {s2:.0f} %" in said


def test_learning_of_the_first_pack_had_not_settled_as_the_page_says():
    gains, said = gains_of(FIRST), said_of(FIRST)
    assert f"validation score of {sum(gain > 0 for gain in gains)} of {len(gains)} networks" in said
    mean = sum(gains) / len(gains)
    assert mean < 0
    assert f"rose, and of {sum(gain < 0 for gain in gains)} fell, by {-mean:.1f} points on average over all" in said


def test_contrasts_of_the_first_pack_are_as_the_page_says():
    said = said_of(FIRST)
    rows = [row for number in "123" for row in claim_of(FIRST, number, "hcd/resnet18")]
    halves, of_students = (
        [(float(row["high"]) - float(row["low"])) / 2 for row in some]
        for some in (rows, claim_of(FIRST, "5", "hcd/resnet18"))
    )
    reach = f"intervals reach {whole(halves)} points to either side for ensembles, up to {max(of_students):.0f} for students"
    assert reach in said
    largest = max(rows, key=lambda row: abs(float(row["estimate"])))
    assert (largest["left"], largest["right"]) == ("kd_on_v3", "kd_on_v1")
    p = f"p = {float(largest['p']):.2f} alone and {float(largest['p_holm']):.2f} among its family"
    assert f"KD (on), V3 against V1: {interval(largest, ('estimate', 'low', 'high'))}, {p}" in said
    (gain,) = claim_of(FIRST, "4", "hcd/resnet18")
    paper = f"where the paper has {float(gain['paper_estimate']):+.1f}"
    assert f"(claim 4): {interval(gain, ('estimate', 'low', 'high'))}, {paper}" in said


def test_claims_that_do_not_hold_in_the_first_pack_fail_as_the_page_says():
    said = said_of(FIRST)
    rows = claim_of(FIRST, "8", "hcd/resnet18")
    (told,) = (row for row in rows if row["answer"] == "no")
    assert (sum(float(row["estimate"]) < 0 for row in rows), len(rows)) == (9, 10)
    assert "nine of its ten contrasts point the other way, one of them told from zero" in said
    assert f"(p = {float(told['p_holm']):.2f} after Holm)" in said
    (saved,) = claim_of(FIRST, "10", "hcd/resnet18")
    assert f"two ResNet18 save {float(saved['estimate']):.0f} % of the parameters of ResNet50" in said


def leakage_reports(protocol, task):
    """What the pack says of images in several parts, a report for each seed's split."""
    folder = f"results/reduced_leakage/{protocol}/{task}"
    with zipfile.ZipFile(file_of("leakage_on_two_cores")) as file:
        return [json.loads(file.read(f"{folder}/leakage-{seed}.json")) for seed in (0, 1, 2)]


def test_images_of_known_patients_and_lesions_are_as_many_as_the_page_says():
    said = " ".join(section("What leakage is worth: LGG and HAM10000, MobileNet").split())
    lgg, skin = (leakage_reports("paper", task) for task in ("lgg", "ham10000_classification"))
    known = {
        task: [report["groups"]["test_images_with_group_in"]["train"] for report in reports]
        for task, reports in (("lgg", lgg), ("skin", skin))
    }
    (slices,) = {report["parts"]["test"]["images"] for report in lgg}
    assert {found["images"] for found in known["lgg"]} == {slices}
    (photographs,) = {report["parts"]["test"]["images"] for report in skin}
    shares = whole([100 * found["share"] for found in known["skin"]])
    assert f"all {slices:,} test slices of LGG are of patients that stand in training, too" in said
    assert f"{shares} % of the {photographs:,} test photographs of HAM10000 are of lesions that do" in said
    of_training = [reports[0]["parts"]["train"]["images"] for reports in (lgg, skin)]
    assert "3 epochs of {:,} slices, or 2 of {:,} photographs".format(*of_training) in said
    with zipfile.ZipFile(file_of("leakage_on_two_cores")) as file:
        runs = [name for name in file.namelist() if name.endswith("run.json")]
        hours = sum(json.loads(file.read(name))["seconds"] for name in runs) / 3600
    assert f"{len(runs)} trainings took {hours:.1f} hours of one core in sum" in said


def of_v3_and_v1(row):
    """Whether a row of claims.csv is of both ensembles of KD + ML, where that was run; at one place it is a contrast of one claim."""
    sides = row["left"], row["right"], row["network"]
    return sides == ("kd_ml_v3", "kd_ml_v1", "ensemble") and row["claim"] in ("1", "6") and row["answer"] != "not run"


def test_the_readme_repeats_the_numbers_of_the_packs():
    """Its short account of real images, which nobody would think of when a pack is renewed."""
    said = " ".join((ROOT / "README.md").read_text().split())
    rows = re.findall(r"^\| (?:HCD|LGG).*$", (ROOT / "README.md").read_text(), re.MULTILINE)
    for row, pack in zip(rows, TABLES, strict=True):
        ours, papers = ranges_of(pack)
        claims = table_of(file_of(pack), "results/claims.csv")
        (v3,) = [one for one in claims if of_v3_and_v1(one)]
        difference = interval(v3, ("estimate", "low", "high"), unit="")
        assert row.endswith(f"| {ours} % | {papers} % | {difference} | {float(v3['paper_estimate']):+.1f} |")
    rows = table_of(file_of("leakage_on_two_cores"), "results/tables/between_protocols.csv")
    names = ("Difference", "Difference low", "Difference high")
    differences = {row["Task"]: interval(row, names, unit="") for row in rows}
    lgg, skin = differences["lgg"], differences["ham10000_classification"]
    assert f"do not tell: {lgg} points on LGG and {skin} on HAM10000" in said


def test_what_the_full_experiment_costs_follows_from_the_measured_speed():
    """On both pages, from the number of steps that one of them gives: batches of 8 at the rate that was measured."""
    said = (ROOT / "docs/how-to/kaggle.md").read_text()
    (rate,) = re.findall(r"hours on one GPU at (\d+) images a second", said)
    assert f"at the measured {rate} images per second" in TEXT
    rows = re.findall(r"^\| ([^|]+) \| (\d+) \| ([\d,]+) \| ([\d.]+) \|$", said, flags=re.M)
    assert len(rows) == 5
    for title, _, steps, hours in rows:
        expected = int(steps.replace(",", "")) * 8 / int(rate) / 3600
        assert float(hours) == pytest.approx(expected, abs=0.5 if float(hours) > 10 else 0.05), title
    (full,) = ((count, hours) for title, count, _, hours in rows if title == "full experiment")
    assert "All {} trainings of the full experiment would take {} hours there".format(*full) in " ".join(TEXT.split())
