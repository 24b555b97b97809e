"""Order and augmentation depend on seed, epoch and sample alone; balancing touches training rows only."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kdml.common.errors import UserError
from kdml.common.files import sha256_of
from kdml.data.arrays import Arrays, Part, checked_sums, open_arrays, read_split
from kdml.learning.augment import Augmenter
from kdml.learning.batches import TrainingBatches, balanced, class_weights, evaluation_batches
from kdml.runs.settings import Augmentation


@pytest.fixture
def arrays():
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (30, 32, 32, 3), dtype=np.uint8)
    return Arrays(images, (images[..., 0] > 128).astype(np.uint8))


PART = Part(np.arange(3, 25), np.arange(22) % 2)


def batches_of(arrays, workers=0, seed=0, epoch=0, first_step=0, part=PART):
    batches = TrainingBatches(arrays, part, Augmenter(Augmentation(), seed), 4, seed, workers, pin=False)
    return list(batches.epoch(epoch, first_step))


def same(one, other):
    return len(one) == len(other) and all(
        torch.equal(a.images, b.images) and torch.equal(a.targets, b.targets) for a, b in zip(one, other, strict=True)
    )


def test_batches_repeat_with_any_number_of_workers(arrays):
    assert same(batches_of(arrays), batches_of(arrays, workers=2))


def test_batches_change_with_seed_and_epoch(arrays):
    assert not same(batches_of(arrays), batches_of(arrays, seed=1))
    assert not same(batches_of(arrays), batches_of(arrays, epoch=1))


def test_resumed_epoch_is_the_rest_of_the_whole_one(arrays):
    assert same(batches_of(arrays, epoch=3)[2:], batches_of(arrays, epoch=3, first_step=2))


def test_persistent_workers_follow_the_epoch(arrays):
    batches = TrainingBatches(arrays, PART, Augmenter(Augmentation(), 0), 4, 0, 2, pin=False)
    epochs = [list(batches.epoch(epoch)) for epoch in (0, 1)]
    assert same(epochs[1], batches_of(arrays, epoch=1))


def test_every_row_comes_once_an_epoch(arrays):
    labelled = Part(PART.rows, PART.rows.copy())
    without_masks = Arrays(arrays.images, None)
    targets = torch.cat([batch.targets for batch in batches_of(without_masks, part=labelled)])
    assert sorted(targets.tolist()) == list(range(3, 25))


def test_repeated_rows_are_augmented_differently(arrays):
    part = Part(np.array([5, 5, 5, 5, 5, 5, 5, 5]), np.zeros(8, dtype=np.int64))
    images = torch.cat([batch.images for batch in batches_of(arrays, part=part)])
    assert len({image.numpy().tobytes() for image in images}) > 4


def test_mask_moves_with_its_image():
    """The image carries the mask in all channels, so they must stay alike."""
    mask = np.zeros((64, 64), dtype=np.uint8)
    mask[10:30, 5:50] = 1
    image = np.repeat(mask[..., None] * 255, 3, axis=2)
    augmenter = Augmenter(Augmentation(affine=1.0), seed=0)
    for position in range(20):
        changed, moved = augmenter(image, mask, 0, position)
        assert set(np.unique(moved)) <= {0, 1}
        assert np.mean((changed[..., 0] > 127) == moved) > 0.98


def test_no_augmentation_leaves_images_alone(arrays):
    nothing = Augmentation(horizontal_flip=0, vertical_flip=0, transpose=0, affine=0)
    changed, mask = Augmenter(nothing, 0)(arrays.images[0], arrays.masks[0], 0, 0)
    assert np.array_equal(changed, arrays.images[0]) and np.array_equal(mask, arrays.masks[0])


def test_batch_layout(arrays):
    batch = batches_of(arrays)[0]
    assert batch.images.shape == (4, 3, 32, 32) and batch.images.dtype == torch.uint8
    assert batch.images.is_contiguous(memory_format=torch.channels_last)
    assert batch.targets.shape == (4, 1, 32, 32)
    (whole,) = evaluation_batches(Arrays(arrays.images, None), PART, 100)
    assert torch.equal(whole.images, torch.from_numpy(arrays.images[3:25]).permute(0, 3, 1, 2))
    assert whole.targets.tolist() == PART.labels.tolist()


def test_balancing_brings_each_class_to_the_mean_size():
    labels = np.repeat([0, 1, 2], [90, 20, 10])
    part = Part(np.arange(120) + 1000, labels)
    result = balanced(part, seed=0)
    assert np.bincount(result.labels).tolist() == [40, 40, 40]
    counts = {label: np.unique(result.rows[result.labels == label], return_counts=True)[1] for label in range(3)}
    assert counts[0].max() == 1 and set(counts[1]) == {2} and set(counts[2]) == {4}
    assert all(labels[row - 1000] == label for row, label in zip(result.rows, result.labels, strict=True))
    assert np.array_equal(balanced(part, 0).rows, result.rows) and not np.array_equal(
        balanced(part, 1).rows, result.rows
    )


def test_class_weights_undo_the_imbalance():
    part = Part(np.arange(12), np.repeat([0, 1], [9, 3]))
    weights = class_weights(part, classes=2)
    assert (weights[part.labels].sum()).item() == pytest.approx(12)
    assert 9 * weights[0] == pytest.approx(3 * weights[1].item())


SPLIT = "row,id,label,group,part\n0,a,0,g,train\n1,b,1,g,validation\n2,c,0,h,test\n"
BROKEN_SPLITS = {
    "missing": (None, ["does not exist", "src/split.py"]),
    "empty": ("", ["is empty"]),
    "header only": ("row,id,label,group,part\n", ["part 'train' is empty"]),
    "other columns": ("image,fold\na,1\n", ["lacks the column 'part'", "image,fold"]),
    "truncated line": (SPLIT + "3,d", ["line 5, is incomplete"]),
    "too many values": (SPLIT + "3,d,0,g,train,x\n", ["line 5, has more values"]),
    "row out of range": (SPLIT.replace("2,c", "77,c"), ["not among the 3 prepared images"]),
    "negative row": (SPLIT.replace("2,c", "-1,c"), ["line 4: '-1' in row is no whole number"]),
    "broken row": (SPLIT.replace("2,c", "1.5,c"), ["line 4: '1.5' in row is no whole number"]),
    "no test part": (SPLIT.replace("test", "train"), ["part 'test' is empty"]),
    "unknown part": (SPLIT.replace("test", "holdout"), ["has a part 'holdout'"]),
    "label no number": (SPLIT.replace("a,0", "a,x"), ["line 2: 'x' in label is no whole number"]),
    "negative label": (SPLIT.replace("a,0", "a,-1"), ["line 2: '-1' in label is no whole number"]),
    "a row twice in a part": (SPLIT + "0,a,0,g,train\n", ["names the row 0 more than once"]),
    "a row in two parts": (SPLIT + "0,a,0,g,test\n", ["names the row 0 more than once"]),
    "a column twice": (SPLIT.replace("group", "row"), ["has the column 'row' twice"]),
    "another encoding": (SPLIT.replace("a,0", "\udce9,0"), ["cannot be read"]),
}


@pytest.mark.bad_input
@pytest.mark.parametrize(("text", "words"), BROKEN_SPLITS.values(), ids=BROKEN_SPLITS)
def test_broken_split_is_named(tmp_path, text, words):
    path = tmp_path / "split.csv"
    if text is not None:
        path.write_text(text, errors="surrogateescape")
    with pytest.raises(UserError) as caught:
        read_split(path, images=3)
    assert all(word in str(caught.value) for word in [str(path), *words])


def test_split_is_read(tmp_path):
    path = tmp_path / "split.csv"
    path.write_text(SPLIT)
    parts = read_split(path, images=3)
    assert {name: part.rows.tolist() for name, part in parts.items()} == {"train": [0], "validation": [1], "test": [2]}


GOOD = np.zeros((3, 8, 8, 3), dtype=np.uint8)
BROKEN_ARRAYS = {
    "missing": (None, GOOD[..., 0], ["images.npy does not exist"]),
    "truncated": (b"cut", GOOD[..., 0], ["images.npy is damaged"]),
    "wrong type": (GOOD.astype(np.float32), GOOD[..., 0], ["images.npy holds float32"]),
    "wrong shape": (GOOD[..., 0], GOOD[..., 0], ["images.npy holds uint8 with 3 dimensions"]),
    "no masks": (GOOD, None, ["masks.npy does not exist"]),
    "no images": (GOOD[:0], GOOD[:0, ..., 0], ["images.npy has the shape (0, 8, 8, 3)"]),
    "four channels": (np.zeros((3, 8, 8, 4), np.uint8), GOOD[..., 0], ["images.npy has the shape (3, 8, 8, 4)"]),
    "objects": (np.full((3, 8, 8, 3), None), GOOD[..., 0], ["images.npy is damaged"]),
    "an archive of arrays": ("npz", GOOD[..., 0], ["images.npy holds several arrays"]),
    "a folder": ("folder", GOOD[..., 0], ["images.npy is damaged"]),
    "more promised than there is": ("promise", GOOD[..., 0], ["images.npy is damaged"]),
    "no header": ("nonsense", GOOD[..., 0], ["images.npy is damaged"]),
    "masks of floats": (GOOD, GOOD[..., 0].astype(np.float64), ["masks.npy holds float64"]),
    "masks of others": (GOOD, GOOD[:2, ..., 0], ["masks.npy (2, 8, 8)"]),
}


def write_oddly(path, how):
    if how == "npz":
        with path.open("wb") as file:
            np.savez(file, a=GOOD)
    elif how == "folder":
        path.mkdir()
    elif how == "promise":
        np.save(path, GOOD)
        path.write_bytes(path.read_bytes().replace(b"(3, 8, 8, 3), }     ", b"(3, 9999, 9999, 3),}"))
    else:
        path.write_bytes(b"\x93NUMPY\x01\x00\x10\x00{'descr': '|u1'" + b" " * 40)


@pytest.mark.bad_input
@pytest.mark.parametrize(("images", "masks", "words"), BROKEN_ARRAYS.values(), ids=BROKEN_ARRAYS)
def test_broken_array_is_named(tmp_path, images, masks, words):
    for name, content in (("images", images), ("masks", masks)):
        path = tmp_path / f"{name}.npy"
        if isinstance(content, bytes):
            np.save(path, GOOD)
            path.write_bytes(path.read_bytes()[:60])
        elif isinstance(content, str):
            write_oddly(path, content)
        elif content is not None:
            np.save(path, content)
    with pytest.raises(UserError) as caught:
        open_arrays(tmp_path, with_masks=True)
    assert all(word in str(caught.value) for word in words)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("report", "words"),
    [
        (None, "report.json does not exist"),
        ("{", "report.json is not valid JSON"),
        ("[]", "report.json has no checksums"),
        ('{"sha256": {}}', "report.json has no checksums"),
        ('{"sha256": {"images": "0", "other": "1"}}', "report.json has no checksums"),
        ('{"sha256": {"images": "0"}}', "images.npy is not the array whose checksum"),
    ],
)
def test_arrays_are_those_of_the_report(tmp_path, report, words):
    np.save(tmp_path / "images.npy", GOOD)
    if report is not None:
        (tmp_path / "report.json").write_text(report)
    with pytest.raises(UserError, match=words):
        checked_sums(tmp_path)
    sums = {"images": sha256_of(tmp_path / "images.npy")}
    (tmp_path / "report.json").write_text(json.dumps({"sha256": sums}))
    assert checked_sums(tmp_path) == sums


@given(st.binary(max_size=300) | st.text(st.sampled_from('0123456789,-.\n"abtrainestvl'), max_size=300).map(str.encode))
def test_whatever_a_split_holds_it_is_read_or_named(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("split") / "split.csv"
    path.write_bytes(SPLIT.encode() + content)
    try:
        parts = read_split(path, images=9)
    except UserError as error:
        assert str(path) in error.problem
    else:
        rows = np.concatenate([part.rows for part in parts.values()])
        assert len(set(rows)) == len(rows) and set(rows) <= set(range(9))
