"""The folder to take home, from archives and trained networks to a zip: src/export.py as the workflow calls it."""

import hashlib
import json
import re
import zipfile

import numpy as np
import onnx
import pytest
import yaml
from exported_place import SIZE, ExportedPlace, answer_of_card
from fabricated import call, read, spoil_record
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id
from PIL import Image

from kdml.analysis.metrics import TITLES
from kdml.common.files import write_json
from kdml.common.machine import processor
from kdml.data.leakage import leakage_table
from kdml.reporting.model_card import card
from kdml.reporting.templates import markdown
from kdml.runs import predictions

FILES = {
    "README.md", "export.json", "int8.csv", "student_int8.onnx", "latency.csv", "leakage.json", "scores.csv", "student.onnx", "subgroups.csv", "page.pyz", "predict.pyz", "requirements.txt",
}  # fmt: skip


@pytest.fixture(scope="module", params=["classification", "segmentation"])
def place(request, tmp_path_factory):
    made = ExportedPlace(tmp_path_factory.mktemp("exported"), request.param)
    made.add("kd_ml_v3", {"s1": 0.6, "s2": 0.7, "teacher": 0.9})
    made.add("ml_v1", {"s1": 0.8, "s2": 0.2})
    made.add("baseline_teacher", {"baseline": 0.9}, sheet="alone")
    code, said = made.export("--note", "A note.")
    assert code == 0, said
    return made


def facts_of(place):
    return json.loads((place.out / "export.json").read_text())


def test_folder_and_zip_hold_the_same_whole(place):
    files = {path.name: path.read_bytes() for path in place.out.iterdir() if not path.name.startswith(".")}
    assert files.keys() == FILES | {"ensemble.onnx", "ensemble_int8.onnx"}
    with zipfile.ZipFile(place.folder / "taken.zip") as file:
        name = facts_of(place)["name"]
        assert {one: file.read(f"{name}/{one}") for one in files} == files
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items() if name != "export.json"}
    assert facts_of(place)["files"] == hashes
    assert {one["file"]: one["sha256"] for one in facts_of(place)["models"].values()}.items() <= hashes.items()


def test_whole_test_set_is_compared_from_the_original_pictures_on(place):
    facts = facts_of(place)
    assert facts["pictures_from"] == "archives"
    for model in facts["models"].values():
        found, n = model["parity"], len(place.place.test_rows)
        assert (found["pictures"], found["pixels"]) == (n, n * SIZE * SIZE * 3)
        assert found["pixels_otherwise"] == found["changed"] == 0 and found["difference"] < 1e-5
        assert found["decisions"] == (n if place.kind == "classification" else n * SIZE * SIZE)


def test_students_are_chosen_by_validation(place):
    models = facts_of(place)["models"]
    assert (models["student"]["run"], models["student"]["networks"]) == ("ml_v1", ["s1"])
    assert (models["ensemble"]["run"], models["ensemble"]["networks"]) == ("kd_ml_v3", ["s1", "s2"])


def test_scores_are_those_of_the_stored_predictions_with_intervals(place):
    rows = {(row["model"], row["metric"]): row for row in read(place.out / "scores.csv")}
    assert {model for model, _ in rows} == {"student", "ensemble", "teacher"}
    metric = "accuracy" if place.kind == "classification" else "iou"
    row = rows["student", metric]
    assert (row["run"], row["network"]) == ("ml_v1", "s1") and float(row["low"]) <= float(row["value"]) <= float(
        row["high"]
    )
    if place.kind == "classification":
        stored = predictions.load(place.place.folder_of("ml_v1") / "predictions.npz")
        labels = [line[2] for line in place._split() if line[-1] == "test"]
        assert float(row["value"]) == pytest.approx(100 * np.mean(stored.outputs["s1"].argmax(1) == labels))


def test_latency_stands_beside_the_teachers(place):
    rows = read(place.out / "latency.csv")
    assert {row["model"] for row in rows} == {"student", "student_int8", "ensemble", "ensemble_int8", "teacher"}
    size = {row["model"]: int(row["bytes"]) for row in rows}
    assert size["student_int8"] < 0.7 * size["student"] and size["ensemble_int8"] < 0.7 * size["ensemble"]
    assert all(
        float(row["median_ms"]) > 0 and float(row["peak_memory_mib"]) > 0 and row["width"] == "48" for row in rows
    )


def test_price_of_integers_stands_in_table_facts_and_card(place):
    """Each on the whole test set, as differences with intervals, small regions among them."""
    rows = [row for row in read(place.out / "int8.csv") if row["against"] == "label"]
    for name, one in facts_of(place)["models"].items():
        mine, integers = {row["metric"]: row for row in rows if row["model"] == name}, one["int8"]
        scores = {row["metric"]: row for row in read(place.out / "scores.csv") if row["model"] == name}
        wanted = {"accuracy", "auc"} if place.kind == "classification" else {"iou", "found_small", "false_regions"}
        assert wanted | {"brier", "ece"} <= mine.keys()
        for metric in wanted | {"brier"}:
            found = {key: float(mine[metric][key]) for key in ("float32", "int8", "difference")}
            assert found["float32"] == pytest.approx(float(scores[metric]["value"]), abs=1e-3)
            assert found["difference"] == pytest.approx(found["int8"] - found["float32"], abs=1e-6)
        assert (
            integers["decisions"] == one["parity"]["decisions"] and 0 <= integers["changed"] < integers["decisions"] / 2
        )
        assert integers["worse"] == [metric for metric, row in mine.items() if row["worse"] == "1"]
        words = (place.out / "README.md").read_text().partition("## In 8-bit integers")[2].partition("\n## ")[0]
        assert "nearly the same" not in words
        share = f"{100 * integers['changed'] / integers['decisions']:.2f}"
        assert f"of the {name} {share} % of the decisions change" in words
        assert f"Of the {name}, {integers['changed']} of {integers['decisions']:,} decisions" in words
        assert words.count("| Brier score |") == 2 and "one seed" not in words


def test_integers_of_a_place_without_an_ensemble_leave_none_behind(place, tmp_path):
    alone = ExportedPlace(tmp_path, place.kind)
    alone.add("ml_v1", {"s1": 0.8, "s2": 0.2})
    assert alone.export()[0] == 0 and (alone.out / "ensemble_int8.onnx").exists()
    alone.place.rows.clear()
    alone.add("baseline_student", {"baseline": 0.9}, sheet="alone")
    assert alone.export()[0] == 0 and not (alone.out / "ensemble_int8.onnx").exists()
    # What is trained alone is called otherwise in its own settings, and is of its folder all the same.
    Image.new("RGB", (40, 40)).save(tmp_path / "picture.png")
    for more in ((), ("--int8",)):
        out = tmp_path / f"predicted{len(more)}"
        code, words = call("predict", tmp_path / "picture.png", "--model", alone.out, "--out", out, *more)
        assert code == 0, words


def test_card_has_a_head_that_can_be_read_and_says_what_matters(place):
    text = (place.out / "README.md").read_text()
    _, head, words = text.split("---\n", 2)
    head = yaml.safe_load(head)
    assert head["library_name"] == "onnx" and head["license"] == "mit" and head["model-index"][0]["results"]
    assert "datasets" not in head  # ids of the hub, which these data do not have
    for result in head["model-index"][0]["results"]:
        with pytest.raises(HFValidationError):  # else it would link to somebody's data
            validate_repo_id(result["dataset"]["type"])
    task = "image-classification" if place.kind == "classification" else "image-segmentation"
    assert head["pipeline_tag"] == task
    for said in ("drawn images", "A note.", "near-duplicate", "0 of ", "`kd_ml_v3`", "no medical device"):
        assert said in words, said
    assert re.search(r"\| Brier score \| 0\.\d\d+ \[", words)  # which is no percentage
    assert not {"None", "nan"} & set(re.findall(r"\w+", re.sub(r"```python.*?```", "", words, flags=re.S)))


def test_card_says_what_is_known_of_subgroups_and_what_is_not(place):
    """The few test pictures of this place are in subgroups that are all too small."""
    rows = read(place.out / "subgroups.csv")
    assert {row["model"] for row in rows} == {"student", "ensemble", "teacher"}
    assert {row["metric"] for row in rows} <= ({"accuracy"} if place.kind == "classification" else {"iou", "found"})
    words = (place.out / "README.md").read_text().partition("## Subgroups of the test set")[2].partition("\n## ")[0]
    missing = facts_of(place)["recorded"]["missing"]
    if place.kind == "classification":
        assert missing and f"**Not recorded: {', '.join(missing)}.**" in words
    else:  # LGG's `location` is a site
        assert missing == [] and "Not recorded:" not in words
        assert "Of sex, location, histology, grade the values are the codes of the archive, which gives no key" in words
    assert "because they have fewer than 10 cases" in words


def typed(row):
    """A row of a table with numbers where there are any."""
    kinds = {r"-?\d+": int, r"-?\d*\.\d+(e-?\d+)?|nan": float}
    types = {key: [kind for form, kind in kinds.items() if re.fullmatch(form, value)] for key, value in row.items()}
    return {key: types[key][0](value) if types[key] else value for key, value in row.items()}


def card_of(place, facts=(), report=None, scored=dict):
    """The card anew, with other facts, another leakage report, or rows of scores changed one by one."""
    tables = (
        [typed(row) for row in read(place.out / f"{name}.csv")] for name in ("scores", "subgroups", "latency", "int8")
    )
    scores, subgroups, latency, price = tables
    leakage = leakage_table([report or json.loads((place.folder / "leakage.json").read_text())])
    return card(facts_of(place) | dict(facts), list(map(scored, scores)), subgroups, latency, leakage, price)


def section(text, title):
    return text.partition(f"## {title}\n")[2].partition("\n## ")[0]


def test_a_leak_is_told_where_the_scores_stand_and_among_the_limits(place):
    clean = json.loads((place.folder / "leakage.json").read_text())
    leaking = json.loads(json.dumps(clean))
    leaking["groups"]["test_images_with_group_in"]["train"] = {"images": 2, "share": 2 / 3}
    said = "**These scores are too high for new patients, by an unknown amount**: 2 of 3 test images (66.7 %) have their patient"
    for title in ("Scores on the test set", "Limits"):
        assert said in section(card_of(place, report=leaking), title)
        assert "new patients" not in section(card_of(place, report=clean), title)
    assert "No test image shares its patient" in section(card_of(place, report=clean), "Scores on the test set")


@pytest.mark.parametrize("score", [0, 100])
def test_a_network_that_gives_one_answer_is_named_where_the_scores_stand(place, score):
    """In the words of the page, with both numbers; one that is better is not."""
    metric = "accuracy" if place.kind == "classification" else "balanced_accuracy"

    def changed(row):
        return row | {"value": score} if (row["model"], row["metric"]) == ("student", metric) else row

    told = section(card_of(place, scored=changed), "Scores on the test set").partition("no better than one answer")[2]
    assert (f"student: {TITLES[metric]} {score:.1f} %, with one answer " in told.partition("\n")[0]) is (score == 0)


@pytest.mark.parametrize(
    ("commercial", "weights", "said"),
    [
        (True, [], "The terms of the data allow **commercial use**."),
        (True, ["w"], "The terms of the data allow **commercial use**; those of the start weights are their own."),
        (False, [], "**Not for commercial use**, because the data are not."),
        (None, [], "Whether these terms allow **commercial use** is not recorded here."),
    ],
)
def test_card_says_whether_the_terms_allow_commercial_use(place, commercial, weights, said):
    text = section(card_of(place, {"commercial": commercial, "start_weights": weights}), "Data and licences")
    assert re.findall(".*commercial use.*", text) == [said]


def test_card_says_of_which_run_each_file_is_and_how_it_was_trained(place):
    words = (place.out / "README.md").read_text()
    assert "student of" not in words and "students of Tiny" not in words
    assert "`student.onnx` is the best single student: S1 of ML V1 (seed 0), taught by S2 of its run." in words
    assert (
        "S1 and S2 of KD + ML V3 (seed 0), taught by a teacher that learned at the same time and by each other."
        in words
    )
    assert "of different runs" in words and "# Mine: Tiny\n" in words  # not all of them had a teacher
    models = facts_of(place)["models"]
    models["student"] |= {
        "run": "baseline_student",
        "networks": ["baseline"],
        "training": "trained alone, from the labels",
    }
    del models["ensemble"]
    alone = card_of(place, {"models": models})
    assert "is the best single student: Student alone (seed 0), trained alone, from the labels." in alone


def test_card_explains_every_measure_that_it_shows(place):
    text = (place.out / "README.md").read_text()
    explained = re.findall(r"^- \*\*(.+?)\*\*: ", section(text, "What the measures are"), re.M)
    shown = {row["metric"] for name in ("scores", "int8") for row in read(place.out / f"{name}.csv")}
    assert len(explained) == len(shown) + 1 and explained[-1] == "T"
    rows = re.findall(r"^\| (\w.*?) \|", section(text, "Scores on the test set"), re.M)
    assert len(rows) > 8 and set(rows) <= set(explained)
    if place.kind == "classification":
        assert (
            "The positive class is **b**" in text and "| Recall, mean of classes |" in text and "| Recall |" not in text
        )
    else:
        assert "Positive are pixels that are **lesion**" in text


def test_card_of_masks_with_several_classes_has_the_browser_and_classes_of_pixels(place):
    if place.kind == "segmentation":
        one, several = card_of(place), card_of(place, {"classes": ["core", "rim"]})
        assert (
            "In a browser:" in one
            and "In a browser:" in several
            and "In a browser:" not in card_of(place, {"window": {"of_percentiles": 0, "low": 0, "high": 1}})
        )
        assert "decisions (whether a pixel is marked)" in one and "decisions (classes of pixels)" in several
        assert "Positive are pixels that are **core** or **rim**, each class against the rest" in several


def test_lines_of_python_on_the_card_say_what_predict_says(place, tmp_path):
    """Of a picture that is turned by its file, and of another size than the arrays."""
    (tmp_path / "pictures").mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (40, 56, 3), dtype=np.uint8)
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.fromarray(pixels).save(tmp_path / "pictures/picture.png", exif=turned)
    said = answer_of_card(place.out, tmp_path / "pictures")
    code, words = call("predict", tmp_path / "pictures", "--model", place.out, "--use", "student", "--out", tmp_path / "out")  # fmt: skip
    (row,) = read(tmp_path / "out/predictions.csv")
    assert code == 0, words
    if place.kind == "classification":
        wanted = [float(row[f"probability_of_{name}"]) for name in facts_of(place)["classes"]]
        assert said["probabilities"][0].tolist() == pytest.approx(wanted, abs=1e-5)
    else:
        assert float(row["largest_probability"]) == pytest.approx(said["probability"].max(), abs=1e-5)
        mask = np.asarray(Image.open(tmp_path / "out/masks/picture.png.png"))
        assert mask.any() and np.array_equal(said["mask"][0] * 255, mask)


def test_card_lists_every_output_of_every_graph(place):
    words = section((place.out / "README.md").read_text(), "Use")
    for model in facts_of(place)["models"].values():
        (line,) = [one for one in words.splitlines() if one.startswith(f"| `{model['file']}`")]
        graph = onnx.load(place.out / model["file"])
        assert {one.name for one in graph.graph.output} == set(re.findall(r"`(\w+)`: ", line.split("|")[3]))


def test_no_picture_is_named_in_what_travels(place, tmp_path):
    """Names of a user's own pictures may be those of patients."""
    report = json.loads((place.folder / "leakage.json").read_text())
    names = {line[1] for line in place._split()}
    report["near_duplicates"]["examples"] = [{"test": name, "train": name} for name in names]
    write_json(tmp_path / "report.json", report)
    again = ("--leakage", f"{place.folder / 'split.csv'}={tmp_path / 'report.json'}")
    code, said = place.export("--out", tmp_path / "out", "--zip", tmp_path / "out.zip", *again)
    assert code == 0, said
    texts = [path for path in (tmp_path / "out").iterdir() if path.suffix in (".json", ".csv", ".md")]
    assert len(texts) > 5 and not any(name in path.read_text() for path in texts for name in names)
    (kept,) = json.loads((tmp_path / "out/leakage.json").read_text())
    assert kept["near_duplicates"].keys() == report["near_duplicates"].keys() - {"examples"}


def test_card_names_the_processor_that_was_measured_on(place):
    found = facts_of(place)["processor"]
    assert found == processor() and f"processor {markdown(found)}, one picture" in (place.out / "README.md").read_text()


def test_without_the_archive_the_prepared_pictures_are_compared_and_that_is_said(place, tmp_path, caplog):
    record = json.loads((place.folder / "record.json").read_text())
    write_json(place.folder / "record.json", record | {"path": str(tmp_path / "gone.zip")})
    code, _ = place.export("--out", tmp_path / "out", "--zip", tmp_path / "out.zip", archives=False)
    write_json(place.folder / "record.json", record)
    assert code == 0 and "is not at hand" in caplog.text
    assert json.loads((tmp_path / "out/export.json").read_text())["pictures_from"] == "prepared arrays"
    assert "resizing was not compared" in (tmp_path / "out/README.md").read_text()


@pytest.mark.bad_input
def test_a_graph_that_says_something_else_is_refused_and_nothing_is_left(place, tmp_path):
    """As after an edit of the weights, or with packages that compute otherwise."""
    path = place.place.folder_of("ml_v1") / "predictions.npz"
    kept, stored = path.read_bytes(), predictions.load(path)
    predictions.save(path, stored.rows, {name: output[::-1] for name, output in stored.outputs.items()})
    code, said = place.export("--out", tmp_path / "out", "--zip", tmp_path / "out.zip")
    path.write_bytes(kept)
    assert code == 2 and "the student does not say what its run said" in said and "What to do:" in said
    assert [one for one in tmp_path.rglob("*") if one.is_file() and one.name != ".lock"] == []


@pytest.mark.bad_input
def test_runs_of_several_versions_are_refused(place, tmp_path):
    folder = place.place.folder_of("ml_v1")
    kept = (folder / "run.json").read_text()
    spoil_record(folder, code_hash="other")
    code, said = place.export("--out", tmp_path / "out", "--zip", tmp_path / "out.zip")
    (folder / "run.json").write_text(kept)
    assert code == 2 and "2 versions of the training code" in said and not (tmp_path / "out.zip").exists()
