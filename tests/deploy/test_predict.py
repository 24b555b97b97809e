"""An exported folder applied to pictures by its own program: without torch, the same as the stored predictions, and told what is wrong."""

import errno
import hashlib
import json
import os
import pty
import shutil
import subprocess
import sys
import termios

import numpy as np
import onnx
import pytest
from exported_place import DRAWN
from fabricated import call, read
from own_files import colour_of_sixteen_bits
from PIL import Image

from kdml.analysis.ensemble import largest_probability
from kdml.common.files import read_json
from kdml.data.originals import Originals
from kdml.deploy import predict as prediction
from kdml.deploy.model import Model
from kdml.deploy.pictures import outlined
from kdml.runs import predictions


@pytest.fixture(scope="module")
def pictures(place, tmp_path_factory):
    """The test pictures as PNG files, named by their rows; one in a folder of its own."""
    folder = tmp_path_factory.mktemp("pictures")
    (folder / "more").mkdir()
    record = read_json(place.folder / "record.json", "")
    found = Originals(place.dataset, [record], place.folder / "archives", place.data)
    for row, picture in zip(place.place.test_rows, found.pictures(place.place.test_rows), strict=True):
        name = f"{row}.png" if row != place.place.test_rows[0] else f"more/{row}.png"
        Image.fromarray(picture).save(folder / name)
    (folder / "notes.txt").write_text("x")
    return folder


@pytest.fixture(scope="module")
def predicted(place, pictures, walled, tmp_path_factory):
    out = tmp_path_factory.mktemp("predicted") / "out"
    done = walled(place.out, pictures, "--out", out, "--threads", 1)
    assert done.returncode == 0, done.stdout + done.stderr
    return done, out, {row["file"]: row for row in read(out / "predictions.csv")}


def stored(place):
    found = predictions.load(place.place.folder_of("kd_ml_v3") / "predictions.npz")
    return found.rows, found.outputs["s1"], found.outputs["s2"]


def row_of(rows, number):
    return rows.get(f"{number}.png") or rows[f"more/{number}.png"]


def test_predictions_are_the_stored_ones_without_torch(place, predicted):
    _, _, rows = predicted
    numbers, first, second = stored(place)
    assert len(rows) == len(numbers)
    for place_of, number in enumerate(numbers):
        row, both = row_of(rows, number), (first[place_of], second[place_of])
        largest = largest_probability(both)
        assert (row["width"], row["height"], row["problem"]) == (str(DRAWN), str(DRAWN), "")
        if place.kind == "classification":
            names = ["a", "b"]
            assert row["class"] == names[largest.argmax()]
            for name, value in zip(names, largest / largest.sum(), strict=True):
                assert float(row[f"probability_of_{name}"]) == pytest.approx(value, abs=1e-5)
            assert int(row["students_agree"]) == (both[0].argmax() == both[1].argmax())
            assert float(row["largest_difference_of_students"]) == pytest.approx(
                np.abs(both[0] - both[1]).max(), abs=1e-5
            )
        else:
            a, b = (one >= 128 for one in both)
            dice = 2 * (a & b).sum() / (a.sum() + b.sum()) if a.any() or b.any() else 1
            assert float(row["dice_of_students"]) == pytest.approx(dice, abs=1e-6)
            assert float(row["largest_probability"]) == pytest.approx(largest.max() / 256, abs=0.004)


def test_masks_and_overlays_have_the_pictures_size(place, predicted, pictures):
    _, out, rows = predicted
    if place.kind == "classification":
        assert not (out / "masks").exists()
        return
    for name, row in rows.items():
        mask, overlay = (np.asarray(Image.open(out / folder / f"{name}.png")) for folder in ("masks", "overlays"))
        assert mask.shape == (DRAWN, DRAWN) and set(np.unique(mask)) <= {0, 255}
        assert int(row["marked_pixels"]) == (mask > 0).sum()
        picture = np.asarray(Image.open(pictures / name))
        assert np.array_equal(overlay, outlined(picture, mask > 0))
        assert np.array_equal(overlay[mask == 0], picture[mask == 0])
    assert any(int(row["marked_pixels"]) for row in rows.values())


def test_what_was_passed_over_is_said(predicted, place):
    done, _, rows = predicted
    assert (
        f"{len(rows)} of {len(rows)} pictures predicted" in done.stdout
        and "1 file was passed over, which is no picture" in done.stdout
    )


def here(place, *words, folder=None):
    """Call src/predict.py in this process, where its imports are there already; exit code and what it said on stderr."""
    return call("predict", *words, "--model", folder or place.out, "--threads", 1)


ONE_KIND = pytest.mark.parametrize("place", ["classification"], indirect=True)  # where the kind makes no difference


def test_script_of_the_project_says_the_same(place, pictures, predicted, tmp_path):
    code, _ = here(place, pictures, "--out", tmp_path / "out")
    assert code == 0 and read(tmp_path / "out/predictions.csv") == [*predicted[2].values()]


def test_student_alone_has_no_agreement(place, pictures, tmp_path):
    code, _ = here(place, pictures, "--out", tmp_path / "out", "--use", "student", "--no-overlays")
    (row, *_) = read(tmp_path / "out/predictions.csv")
    assert code == 0 and "students_agree" not in row and not (tmp_path / "out/overlays").exists()


def test_integers_are_used_where_they_are_asked_for(place, pictures, predicted, tmp_path, capsys):
    code, _ = here(place, pictures, "--out", tmp_path / "out", "--int8")
    rows = read(tmp_path / "out/predictions.csv")
    assert code == 0 and "ensemble in 8-bit integers" in capsys.readouterr().out
    name = "probability_of_a" if place.kind == "classification" else "largest_probability"
    pairs = [(float(row[name]), float(predicted[2][row["file"]][name])) for row in rows]
    assert max(abs(one - other) for one, other in pairs) < 0.2  # the graphs' own tests say that they differ


@pytest.fixture
def odd(pictures, place, tmp_path):
    """One good picture, and others that are unlike those of the training."""
    folder = tmp_path / "odd"
    folder.mkdir()
    good = Image.open(sorted(pictures.glob("*.png"))[0])
    good.save(folder / "good.png")
    good.convert("L").save(folder / "grey.png")
    good.resize((90, 70)).save(folder / "large.png")
    Image.fromarray(np.full((DRAWN, DRAWN, 3), (0, 255, 0), np.uint8)).save(folder / "green.png")
    return folder


def test_pictures_unlike_the_training_set_are_warned_of(place, odd, tmp_path, capsys):
    code, _ = here(place, odd, "--out", tmp_path / "out")
    said = {row["file"]: row["unlike_training"] for row in read(tmp_path / "out/predictions.csv")}
    assert code == 0 and "are unlike those of the training" in capsys.readouterr().out
    assert "mode L (training: RGB)" in said["grey.png"]
    assert (
        f"height 70 (training: {DRAWN})" in said["large.png"] and f"width 90 (training: {DRAWN})" in said["large.png"]
    )
    assert "colours or contrast" in said["green.png"]
    assert "colours or contrast" not in said["good.png"] and "mode" not in said["good.png"]


def test_few_validation_pictures_are_beyond_the_threshold(place):
    facts = read_json(place.out / "export.json", "")["training_pictures"]
    assert facts["sizes"] == {"height": [DRAWN, DRAWN], "width": [DRAWN, DRAWN]} and facts["threshold"] > 0
    lines = [line for line in place._split() if line[-1] in ("train", "validation")]
    assert facts["training_pictures"] + facts["validation_pictures"] == len(lines)


@pytest.mark.bad_input
@ONE_KIND
def test_bad_pictures_are_told_each_and_the_others_predicted(place, odd, walled, tmp_path):
    (odd / "broken.png").write_bytes((odd / "good.png").read_bytes()[:200])
    (odd / "words.jpg").write_text("no picture")
    Image.fromarray(np.zeros((20, 20), np.uint16)).save(odd / "deep.tif")
    (odd / "colour.png").write_bytes(colour_of_sixteen_bits())
    done = walled(place.out, odd, "--out", tmp_path / "out", "--threads", 1)
    rows = {row["file"]: row for row in read(tmp_path / "out/predictions.csv")}
    bad = {"broken.png", "words.jpg", "deep.tif", "colour.png"}
    assert done.returncode == 2 and {name for name, row in rows.items() if row["problem"]} == bad and len(rows) == 8
    assert done.stderr.count("Error: ") == done.stderr.count("What to do: ") == 4 and "Traceback" not in done.stderr
    assert all(name in done.stderr for name in bad) and "4 pictures have no prediction" in done.stdout
    assert all("more than 8 bits a channel" in rows[name]["problem"] for name in ("deep.tif", "colour.png"))


# Runs predict.pyz with a limit of the system, set once its libraries are loaded: megabytes more than now, or bytes of a file.
LIMITED = """
import resource, runpy, sys
import numpy, onnxruntime, PIL.Image
taken = 1024 * int(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmSize")))
limit = {"memory": resource.RLIMIT_AS, "file": resource.RLIMIT_FSIZE}[sys.argv[1]]
value = int(sys.argv[2]) + (taken if sys.argv[1] == "memory" else 0)
resource.setrlimit(limit, (value, value))
sys.argv = sys.argv[3:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def limited(what, value, place, *words):
    command = [sys.executable, "-c", LIMITED, what, str(value), str(place.out / "predict.pyz"), *map(str, words)]
    return subprocess.run([*command, "--threads", "1"], capture_output=True, text=True, check=False)


@pytest.mark.bad_input
@pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux does")
def test_a_picture_that_needs_too_much_memory_costs_its_own_row(place, pictures, tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("0.png", "2.png"):
        shutil.copy(sorted(pictures.glob("*.png"))[0], tmp_path / "in" / name)
    Image.new("RGB", (8000, 6000)).save(tmp_path / "in/1.jpg")
    done = limited("memory", 500 * 2**20, place, tmp_path / "in", "--out", tmp_path / "out")
    first, huge, last = read(tmp_path / "out/predictions.csv")
    assert done.returncode == 2 and done.stderr.count("Error: ") == 1 and "Traceback" not in done.stderr, done.stderr
    assert "1.jpg needs more memory than there is.\n  What to do: cut it into pieces" in done.stderr
    assert "needs more memory" in huge["problem"] and huge["width"] == ""
    assert {**first, "file": ""} == {**last, "file": ""} and first["problem"] == "" and first["width"]
    masks = [path.name for path in (tmp_path / "out").rglob("*1.jpg*")]
    assert masks == [] and "2 of 3 pictures predicted" in done.stdout


@pytest.mark.bad_input
def test_a_full_disk_ends_with_a_message_and_leaves_nothing(place, pictures, tmp_path):
    (tmp_path / "kept").mkdir()
    for out in (tmp_path / "made", tmp_path / "kept"):
        done = limited("file", 100, place, pictures, "--out", out)
        assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr
        assert f"Error: {out} cannot be written (" in done.stderr and "What to do: make room" in done.stderr
        assert done.stderr.count("Error: ") == 1
    assert not (tmp_path / "made").exists() and [*(tmp_path / "kept").iterdir()] == []
    code, said = here(place, pictures, "--out", tmp_path / "made")
    assert code == 0, said


@pytest.mark.bad_input
def test_where_nothing_can_be_written_is_told_before_anything_is_computed(place, pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(Model, "__call__", lambda *_: pytest.fail("computed"))
    (tmp_path / "file").write_text("x")
    code, said = here(place, pictures, "--out", tmp_path / "file/out")
    assert code == 2 and "file/out cannot be written (" in said and "What to do: " in said


def failing(monkeypatch, owner, name, error, at=2):
    """Let one call of a function fail, the second if not said."""
    whole, calls = getattr(owner, name), []

    def call_it(*words, **named):
        calls.append(words)
        if len(calls) == at:
            raise error
        return whole(*words, **named)

    monkeypatch.setattr(owner, name, call_it)


FAILING = {
    "ONNX Runtime": (Model, "__call__", RuntimeError("odd shape\nmore"), f"({DRAWN} x {DRAWN} pixels) cannot be predicted (odd shape)"),
    "its memory": (Model, "__call__", RuntimeError("Status Message: std::bad_alloc"), "needs more memory than there is"),
    "memory for drawing": (prediction, "outlined", MemoryError(), "needs more memory than there is"),
    "a name": (prediction.Image.Image, "save", OSError(errno.ENAMETOOLONG, "too long"), "its mask cannot be saved (too long)"),
}  # fmt: skip


@pytest.mark.bad_input
@pytest.mark.parametrize("place", ["segmentation"], indirect=True)
@pytest.mark.parametrize(("owner", "name", "error", "message"), FAILING.values(), ids=FAILING)
def test_what_fails_at_one_picture_costs_its_own_row(
    place, pictures, tmp_path, monkeypatch, owner, name, error, message
):
    failing(monkeypatch, owner, name, error)
    code, said = here(place, pictures, "--out", tmp_path / "out")
    rows = read(tmp_path / "out/predictions.csv")
    (bad,) = [row["file"] for row in rows if row["problem"]]
    assert code == 2 and said.count("Error: ") == 1 and message in said and "What to do: " in said, said
    for folder in ("masks", "overlays"):
        files = {
            path.relative_to(tmp_path / "out" / folder).as_posix() for path in (tmp_path / "out" / folder).rglob("*.*")
        }
        assert files == {f"{row['file']}.png" for row in rows if row["file"] != bad}


def test_who_stops_it_finds_nothing_left(place, pictures, tmp_path, monkeypatch):
    failing(monkeypatch, Model, "__call__", KeyboardInterrupt())
    code, said = here(place, pictures, "--out", tmp_path / "out")
    assert code == 130 and "nothing was kept" in said and not (tmp_path / "out").exists()


@pytest.mark.bad_input
@pytest.mark.parametrize("place", ["segmentation"], indirect=True)
def test_odd_names_have_their_rows(place, pictures, tmp_path):
    (tmp_path / "in/a.png.png").mkdir(parents=True)
    good = sorted(pictures.glob("*.png"))[0]
    long, names = f"{'n' * 249}.png", ("a.png", "a.png.png/b.png", "two\nlines\x1b[31m.png", "\udcff.png")
    for name in (*names, long):
        shutil.copy(good, tmp_path / "in" / name)
    (tmp_path / "in/empty\n.png").touch()
    code, said = here(place, tmp_path / "in", "--out", tmp_path / "out")
    problems = {row["file"]: row["problem"] for row in read(tmp_path / "out/predictions.csv")}
    assert code == 2 and {name for name, problem in problems.items() if not problem} == {
        "a.png", "two\nlines\x1b[31m.png", r"\udcff.png",
    }  # fmt: skip
    assert "its mask cannot be saved" in problems[long] and "its mask cannot be saved" in problems["a.png.png/b.png"]
    assert r"empty\n.png holds none of the formats that are read" in said
    assert (tmp_path / "out/masks/two\nlines\x1b[31m.png.png").is_file()


def on_a_terminal(folder, *words, columns=60):
    """Call predict.pyz with a terminal of so many columns as standard error; exit code, and what the terminal got."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, columns))
    command = [sys.executable, folder / "predict.pyz", *map(str, words), "--threads", "1"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=theirs) as process:
        os.close(theirs)
        got = b""
        try:
            while part := os.read(ours, 4096):
                got += part
        except OSError:  # how Linux says that nobody holds the other end any more
            pass
    os.close(ours)
    return process.returncode, got.decode()


def screen(got):
    """Lines as they stand in the end: a bar overwrites the one before it."""
    return [line.rpartition("\r\x1b[K")[2] for line in got.replace("\r\n", "\n").removesuffix("\n").split("\n")]


@ONE_KIND
def test_the_bar_is_full_at_the_end_and_messages_have_lines_of_their_own(place, odd, tmp_path):
    (odd / "broken.png").write_bytes((odd / "good.png").read_bytes()[:200])
    shutil.copy(odd / "good.png", odd / f"{'long' * 40}.png")
    code, got = on_a_terminal(place.out, odd, "--out", tmp_path / "out")
    first, second, last = screen(got)
    assert code == 2 and first.startswith("Error: ") and "broken.png cannot be read (" in first
    assert second.startswith("  What to do: ") and last == f"[{'#' * 30}] 6/6 "
    bars = [one for one in got.replace("\n", "\r").split("\r") if one.startswith("\x1b[K[")]
    assert [one.partition("]")[2].split()[0] for one in bars] == [f"{done}/6" for done in range(7)]
    assert bars[0].startswith(f"\x1b[K[{' ' * 30}] 0/6 broken.png") and f"[{'#' * 15}{' ' * 15}] 3/6" in bars[3]
    assert all(len(one) < 60 + len("\x1b[K") for one in bars) and any("longlong" in one for one in bars)


@pytest.mark.bad_input
@ONE_KIND
def test_no_bar_stays_before_the_message_of_an_end(place, pictures, tmp_path):
    (tmp_path / "used").mkdir()
    (tmp_path / "used/mine").touch()
    code, got = on_a_terminal(place.out, pictures, "--out", tmp_path / "used")
    assert code == 2 and screen(got)[0].startswith("Error: ") and "] 0/" not in "".join(screen(got))


def test_without_a_terminal_there_is_no_bar(predicted):
    done, _, _ = predicted
    assert done.stderr == ""


def spoiled(place, tmp_path, change):
    folder = tmp_path / "folder"
    shutil.copytree(place.out, folder, ignore=shutil.ignore_patterns(".*"))
    change(folder)
    return folder


def other_bytes(folder):
    with open(folder / "ensemble.onnx", "ab") as file:
        file.write(b"x")


def edited(folder):
    facts = json.loads((folder / "export.json").read_text())
    (folder / "export.json").write_text(json.dumps({name: one for name, one in facts.items() if name != "size"}))


def without_integers(folder):
    """As an earlier version made it."""
    facts = json.loads((folder / "export.json").read_text())
    facts["models"] = {name: {key: one[key] for key in one if key != "int8"} for name, one in facts["models"].items()}
    (folder / "export.json").write_text(json.dumps(facts))


def rewritten(folder, model, name="ensemble.onnx"):
    """Another graph in place of the ensemble's, with a checksum that fits."""
    content = model if isinstance(model, bytes) else model.SerializeToString()
    (folder / name).write_bytes(content)
    facts = json.loads((folder / "export.json").read_text())
    facts["models"]["ensemble"]["sha256"] = facts["files"][name] = hashlib.sha256(content).hexdigest()
    (folder / "export.json").write_text(json.dumps(facts))


def of_another(**said):
    """A change of what the graph says of itself; of a value None it says nothing."""

    def change(folder):
        model = onnx.load(folder / "ensemble.onnx")
        known = {one.key: one.value for one in model.metadata_props} | said
        del model.metadata_props[:]
        onnx.helper.set_model_props(model, {name: value for name, value in known.items() if value is not None})
        rewritten(folder, model)

    return change


def with_the_outputs_of_the_student(folder):
    """What it says of itself is true of the ensemble."""
    model, ensemble = (onnx.load(folder / f"{name}.onnx") for name in ("student", "ensemble"))
    del model.metadata_props[:]
    model.metadata_props.extend(ensemble.metadata_props)
    rewritten(folder, model)


def without_nodes(folder):
    model = onnx.load(folder / "ensemble.onnx")
    del model.graph.node[5:]
    rewritten(folder, model)


OTHER_TASKS = {
    "another kind": (of_another(kind="segmentation of something"), "kind is 'segmentation of something', not '{kind}'"),
    "other classes": (of_another(classes="x, y, z"), "classes is 'x, y, z', not '"),
    "another size": (of_another(size="7"), "size is '7', not '32'"),
    "another run": (of_another(run="grouped/skin/small/kd_ml_v3/seed-0"), "run is 'grouped/skin/small/kd_ml_v3/seed-0', not 'paper/"),
    "other networks": (of_another(networks="s1"), "networks is 's1', not 's1, s2'"),
    "of an earlier version": (of_another(kind=None), "does not say of which kind it is; a version before this one"),
    "other outputs": (with_the_outputs_of_the_student, "the ensemble gives prepared (3 x 32 x 32), "),
    "a broken graph": (without_nodes, "the ensemble cannot be opened ("),
    "no graph at all": (lambda folder: rewritten(folder, b"GIF89a no graph"), "ensemble.onnx is no ONNX file"),
    "half a graph": (lambda folder: rewritten(folder, (folder / "ensemble.onnx").read_bytes()[:5000]), "ensemble.onnx is no ONNX file (it ends too early)"),
}  # fmt: skip


@pytest.mark.bad_input
@pytest.mark.parametrize(("change", "message"), OTHER_TASKS.values(), ids=OTHER_TASKS)
def test_a_graph_of_another_task_is_refused_though_its_checksum_fits(place, pictures, tmp_path, change, message):
    folder = spoiled(place, tmp_path, change)
    code, said = here(place, pictures, "--out", tmp_path / "out", folder=folder)
    assert code == 2 and message.format(kind=place.kind) in said and not (tmp_path / "out").exists(), said
    assert str(folder) in said and "What to do: unpack the zip again" in said


FOLDERS = {
    "no facts": (lambda folder: (folder / "export.json").unlink(), "no folder of exported students"),
    "no JSON": (lambda folder: (folder / "export.json").write_text("{"), "export.json cannot be read"),
    "a fact less": (edited, "does not say 'size'"),
    "no graph": (lambda folder: (folder / "ensemble.onnx").unlink(), "ensemble.onnx does not exist"),
    "no integers": (without_integers, "has no ensemble in 8-bit integers"),
    "another graph": (other_bytes, "is not the graph whose checksum"),
}


@pytest.mark.bad_input
@ONE_KIND
@pytest.mark.parametrize(("change", "message"), FOLDERS.values(), ids=FOLDERS)
def test_a_spoiled_folder_is_refused(place, pictures, tmp_path, change, message):
    folder = spoiled(place, tmp_path, change)
    words = ["--int8"] if change is without_integers else []
    code, said = here(place, pictures, "--out", tmp_path / "out", *words, folder=folder)
    assert code == 2 and message in said and "What to do: " in said and not (tmp_path / "out").exists(), said


@pytest.mark.bad_input
@ONE_KIND
def test_no_pictures_and_a_folder_in_use_are_refused(place, pictures, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "used").mkdir()
    (tmp_path / "used/mine.txt").write_text("x")
    for words, message in (
        ((tmp_path / "gone", "--out", tmp_path / "out"), "gone does not exist"),
        ((tmp_path / "empty", "--out", tmp_path / "out"), "holds no pictures"),
        ((pictures, "--out", tmp_path / "used"), "used is not empty"),
    ):
        code, said = here(place, *words)
        assert code == 2 and message in said and not (tmp_path / "out").exists(), said


def test_the_wall_holds(walled, tmp_path):
    """Otherwise a program that loads torch would pass all of this."""
    (tmp_path / "predict.pyz").write_text("import torch\n")
    done = walled(tmp_path)
    assert done.returncode == 1 and "no module named torch" in done.stderr
