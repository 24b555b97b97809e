"""Stored outputs come back, masks without loss; damaged files are named."""

import numpy as np
import pytest

from kdml.common.errors import UserError
from kdml.runs import predictions

ROWS = np.array([4, 7, 1])


def test_probabilities_come_back(tmp_path):
    path = tmp_path / "predictions.npz"
    outputs = {"s1": np.random.default_rng(0).random((3, 7), dtype=np.float32), "s2": np.eye(3, 7, dtype=np.float32)}
    predictions.save(path, ROWS, outputs)
    stored = predictions.load(path)
    assert stored.rows.tolist() == [4, 7, 1]
    assert all(np.array_equal(stored.outputs[name], outputs[name]) for name in outputs)


def test_masks_lose_nothing_and_probabilities_little():
    edges = np.array([0, 0.5, np.nextafter(0.5, 0), np.nextafter(0.5, 1), 1, 255 / 256, 1 / 256], dtype=np.float64)
    values = np.concatenate([edges, np.random.default_rng(0).random(10_000)])
    stored = predictions.quantise(values)
    assert np.array_equal(stored >= predictions.THRESHOLD, values >= 0.5)
    assert np.abs(predictions.dequantise(stored) - values).max() <= 1 / 512 + 1e-6


def test_equal_predictions_are_equal_files(tmp_path):
    for name in ("a.npz", "b.npz"):
        predictions.save(tmp_path / name, ROWS, {"s1": np.ones((3, 2), dtype=np.float32)})
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


@pytest.mark.parametrize(
    ("outputs", "words"),
    [
        ({"s1": np.full((3, 2), np.nan)}, ["Network s1", "no numbers"]),
        ({"s1": np.ones((3, 2)), "s2": np.ones((2, 2))}, ["Network s2 has 2 outputs for 3"]),
    ],
)
def test_what_cannot_be_right_is_not_written(tmp_path, outputs, words):
    path = tmp_path / "predictions.npz"
    path.write_bytes(b"earlier result")
    with pytest.raises(UserError) as caught:
        predictions.save(path, ROWS, outputs)
    assert all(word in str(caught.value) for word in words)
    assert path.read_bytes() == b"earlier result" and list(tmp_path.iterdir()) == [path]


def truncate(path):
    path.write_bytes(path.read_bytes()[:-60])


BROKEN = {
    "missing": (lambda path: path.unlink(), "does not exist"),
    "empty": (lambda path: path.write_bytes(b""), "damaged"),
    "truncated": (truncate, "damaged"),
    "no zip": (lambda path: path.write_text("hello"), "damaged"),
    "no rows": (lambda path: np.savez(path, s1=np.ones((3, 2))), "holds no predictions"),
    "no networks": (lambda path: np.savez(path, row=ROWS), "holds no predictions"),
    "other length": (lambda path: np.savez(path, row=ROWS, s1=np.ones((2, 2))), "s1 has 2 outputs for 3 rows"),
}


@pytest.mark.parametrize(("spoil", "word"), BROKEN.values(), ids=BROKEN)
def test_broken_file_is_named(tmp_path, spoil, word):
    path = tmp_path / "predictions.npz"
    predictions.save(path, ROWS, {"s1": np.ones((3, 2), dtype=np.float32)})
    spoil(path)
    with pytest.raises(UserError) as caught:
        predictions.load(path)
    assert word in str(caught.value) and str(path) in str(caught.value)
