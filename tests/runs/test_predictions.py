"""Stored outputs come back, masks without loss; damaged files are named."""

import struct
import warnings
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdml.common.errors import UserError
from kdml.runs import predictions

ROWS = np.array([4, 7, 1])


def test_probabilities_come_back(tmp_path):
    path = tmp_path / "predictions.npz"
    outputs = {
        "s1": np.random.default_rng(0).dirichlet(np.ones(7), 3).astype(np.float32),
        "s2": np.eye(3, 7, dtype=np.float32),
    }
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


def fields(**arrays):
    """Write a file of these arrays in place of the sound one."""
    return lambda path: np.savez(path, **({"row": ROWS} | arrays))


def probabilities(*first):
    """(3, 2) float32 whose first column is given."""
    return np.array([[value, 1 - value] for value in first], dtype=np.float32)


def promise(path):
    """A header that asks for a terabyte."""
    header = "{'descr': '|u1', 'fortran_order': False, 'shape': (3, 1000000, 400000), }".ljust(117) + "\n"
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("s9.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + b"\0" * 30)


def twice(path):
    with zipfile.ZipFile(path, "a") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file.writestr("s1.npy", b"other")


def spoil(path):
    content = bytearray(path.read_bytes())
    content[60:64] = b"\xff" * 4
    path.write_bytes(content)


BROKEN = {
    "missing": (lambda path: path.unlink(), "does not exist"),
    "empty": (lambda path: path.write_bytes(b""), "damaged"),
    "truncated": (truncate, "damaged"),
    "no zip": (lambda path: path.write_text("hello"), "damaged"),
    "spoilt bytes": (spoil, "damaged"),
    "a single array": (lambda path: path.write_bytes(b"\x93NUMPY\x01\x00"), "damaged"),
    "a folder": (lambda path: (path.unlink(), path.mkdir()), "damaged"),
    "no rows": (lambda path: np.savez(path, s1=np.ones((3, 2))), "holds no predictions"),
    "no networks": (lambda path: np.savez(path, row=ROWS), "holds no predictions"),
    "other length": (fields(s1=probabilities(0, 1)), "s1 has 2 outputs for 3 rows"),
    "no numbers": (fields(s1=probabilities(0, np.nan, 1)), "s1 has values that are no numbers"),
    "without end": (fields(s1=probabilities(0, np.inf, 1)), "s1 has values that are no numbers"),
    "above 1": (fields(s1=probabilities(0, 1.5, 1)), "s1 has values that are no probabilities"),
    "below 0": (fields(s1=probabilities(0, -0.5, 1)), "s1 has values that are no probabilities"),
    "not 1 in all": (fields(s1=np.full((3, 2), 0.2, np.float32)), "s1 has values that are no probabilities"),
    "logits": (fields(s1=np.array([[3, -3]] * 3, np.float32)), "s1 has values that are no probabilities"),
    "double precision": (fields(s1=np.ones((3, 1))), "s1 is of float64 with 2 dimensions"),
    "masks not quantised": (fields(s1=np.zeros((3, 4, 4), np.float32)), "s1 is of float32 with 3 dimensions"),
    "no dimension": (fields(s1=np.float32(1)), "s1 is of float32 with 0 dimensions"),
    "text": (fields(s1=np.array(["a", "b", "c"])), "s1 is of <U1 with 1 dimensions"),
    "objects": (fields(s1=np.array([{}, [], None], dtype=object)), "damaged (s1.npy holds objects"),
    "rows of floats": (fields(row=ROWS / 2, s1=probabilities(0, 0, 1)), "`row` holds no rows"),
    "a row twice": (fields(row=np.array([1, 1, 2]), s1=probabilities(0, 0, 1)), "`row` holds no rows"),
    "a negative row": (fields(row=np.array([1, -1, 2]), s1=probabilities(0, 0, 1)), "`row` holds no rows"),
    "rows of two dimensions": (fields(row=ROWS[None], s1=probabilities(0, 0, 1)), "`row` holds no rows"),
    "a terabyte promised": (promise, "damaged (s9.npy is said to have the shape (3, 1000000, 400000)"),
    "a network twice": (twice, "holds two arrays of one name"),
}


@pytest.mark.bad_input
@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(("spoil", "word"), BROKEN.values(), ids=BROKEN)
def test_broken_file_is_named(tmp_path, spoil, word):
    path = tmp_path / "predictions.npz"
    predictions.save(path, ROWS, {"s1": np.ones((3, 2), dtype=np.float32)})
    spoil(path)
    with pytest.raises(UserError) as caught:
        predictions.load(path)
    assert word in str(caught.value) and str(path) in str(caught.value)


@given(st.data())
def test_whatever_the_bytes_are_they_are_read_or_named(tmp_path_factory, data):
    """A byte changed, cut off or put in anywhere: the same predictions, or a message."""
    path = tmp_path_factory.mktemp("predictions") / "predictions.npz"
    predictions.save(path, ROWS, {"s1": probabilities(0, 0.5, 1), "s2": np.zeros((3, 8, 8), np.uint8)})
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place : place + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    path.write_bytes(content)
    try:
        stored = predictions.load(path)
    except UserError as error:
        assert str(path) in error.problem
    else:
        assert stored.rows.dtype.kind == "i" and all(
            len(output) == len(stored.rows) for output in stored.outputs.values()
        )
