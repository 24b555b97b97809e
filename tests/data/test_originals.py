"""Original pictures by the rows of the prepared arrays."""

import json

import numpy as np
import pytest
from own_files import of_sixteen_bits, rotated, written, zipped
from PIL import Image

from kdml.common.errors import UserError
from kdml.data.archives import ARCHIVES_OF, in_folder, record_of
from kdml.data.demo import DEMO_ARCHIVES, draw_archive
from kdml.data.layouts import Choice
from kdml.data.originals import Originals
from kdml.data.own import Own
from kdml.data.prepare import prepare


@pytest.fixture(scope="module", params=ARCHIVES_OF)
def made(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("originals")
    records = []
    for name in ARCHIVES_OF[request.param]:
        draw_archive(name, folder / f"{name}.zip", images=DEMO_ARCHIVES[name].fewest, size=48, seed=0)
        records.append(record_of(name, in_folder(folder, name), "drawn"))
    prepare(request.param, records, 32, Choice(), folder / "data")
    return request.param, records, folder


def test_resized_they_are_the_prepared_images(made):
    dataset, records, folder = made
    found = Originals(dataset, records[::-1], folder, folder / "data")
    rows = [5, 0, 11]
    pictures = list(found.pictures(rows))
    assert found.at_hand and {picture.shape for picture in pictures} != {(32, 32, 3)}
    for row, picture in zip(rows, pictures, strict=True):
        small = Image.fromarray(picture).resize((32, 32), Image.Resampling.BICUBIC)
        assert np.array_equal(np.asarray(small), found.images[row])


def test_without_the_archive_they_are_the_prepared_ones(made, tmp_path):
    dataset, records, folder = made
    gone = [record | {"path": str(tmp_path / "gone.zip")} for record in records]
    found = Originals(dataset, gone, None, folder / "data")
    assert not found.at_hand and np.array_equal(next(found.pictures([3])), found.images[3])


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("suffix", "encoded", "shape", "window", "mode"),
    [
        ("jpg", rotated, (40, 24, 3), None, "RGB"),
        ("png", of_sixteen_bits, (24, 40), {"low": 100, "high": 4000}, "I;16"),
    ],
)
def test_of_data_of_ones_own_they_are_as_preparation_read_them(tmp_path, packed, suffix, encoded, shape, window, mode):
    own = Own("mine", ("a", "b"), window=window)
    drawn = np.random.default_rng(0).integers(0, 256, (8, *shape), dtype=np.uint8)
    files = {f"{'ab'[number % 2]}/{number}.{suffix}": encoded(values) for number, values in enumerate(drawn)}
    source = zipped(tmp_path / "mine.zip", files) if packed else written(tmp_path / "mine", files)
    records = [record_of("own_mine", source, "here")]
    prepare("mine", records, 16, Choice(), tmp_path / "data", own=own)
    found = Originals("mine", records, source, tmp_path / "data")
    assert found.at_hand and found.modes == [mode]
    rows = range(8)
    for row, picture in zip(rows, found.pictures(rows), strict=True):
        assert picture.shape == ((24, 40, 3))  # of JPEG the right way up
        small = Image.fromarray(picture).resize((16, 16), Image.Resampling.BICUBIC)
        assert np.array_equal(np.asarray(small), found.images[row])


@pytest.mark.bad_input
def test_another_archive_of_the_name_is_refused(made):
    dataset, records, folder = made
    other = [json.loads(json.dumps(record)) | {"fingerprint": "other"} for record in records]
    with pytest.raises(UserError, match="has changed since it was recorded"):
        next(Originals(dataset, other, folder, folder / "data").pictures([0]))
