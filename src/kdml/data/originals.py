"""Pictures as they lie in their archives, at their own sizes, by the rows of the prepared arrays."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from kdml.common.files import read_json
from kdml.data.archives import archives_of, paths_of, place_of
from kdml.data.arrays import PREPARE, open_arrays
from kdml.data.layouts import Member
from kdml.data.medical import NIFTI, PLAIN
from kdml.data.own import own_of
from kdml.data.reader import Decoding, Reader
from kdml.deploy.pictures import mode_of

RGB = "RGB"  # mode of all pictures of the paper's data sets


class Originals:
    """Pictures of a data set as they were before preparation, as far as their archive is still at hand.

    Args:
        dataset: its key.
        records: of its archives, in any order.
        folder: of archives, of a user's own data set the folder or zip that it is; the last known places if not given.
        data: folder of the prepared arrays.

    Attributes:
        images: the prepared images (N, size, size, 3) uint8.
        decoding: how its files became pixels when they were prepared.
        modes: of its files, as PIL names them.

    Raises:
        UserError: the arrays are missing or damaged.
    """

    def __init__(self, dataset: str, records: Sequence[Mapping[str, Any]], folder: Path | None, data: Path):
        self.dataset, self.records, self.folder, self.data = dataset, records, folder, data
        self.archive = archives_of(dataset)[0]  # the first of each data set holds its pictures
        self.images = open_arrays(data, with_masks=False).images
        report = read_json(data / "report.json", PREPARE)
        own = report.get("own")  # as it was described to what prepared it
        self.own = None if own is None else own_of(own, None)
        self.decoding = Decoding() if self.own is None else self.own.decoding()
        kinds = report.get("files", {}).get("images", ())  # a report of an earlier version has none
        self.modes = sorted({mode_of(kind.split("mode ")[1].split(",")[0]) for kind in kinds} or {RGB})

    @property
    def format(self) -> str:
        """Format of its files: plain pictures, `dicom` or `nifti`."""
        return PLAIN if self.own is None else self.own.format

    @property
    def window(self) -> dict[str, Any] | None:
        """Which values of its pictures with 16 bits became black and white: fields of `kdml.deploy.pictures.Window`."""
        return self._window if self.format == PLAIN else None

    @property
    def scale(self) -> dict[str, Any] | None:
        """Which values of DICOM files or volumes did, on the scale of their own that other pictures lack."""
        return None if self.format == PLAIN else self._window

    @property
    def axis(self) -> int | None:
        """Axis that its volumes are cut along; None where it has none."""
        return self.decoding.axis if self.format == NIFTI else None

    @property
    def _window(self) -> dict[str, Any] | None:
        return None if self.decoding.window is None else asdict(self.decoding.window)

    @property
    def mask_values(self) -> list[int]:
        """Values of the background and the classes in its masks, where they have several."""
        classes = self.decoding.classes
        return [] if classes is None else list(classes.values)

    @property
    def at_hand(self) -> bool:
        """Whether the archive still lies somewhere."""
        mine = [record for record in self.records if record["archive"] == self.archive]
        return any(place_of(record, self.folder) is not None for record in mine)

    def pictures(self, rows: Iterable[int]) -> Iterator[np.ndarray]:
        """Pictures of some rows, (h, w, 3) uint8 each; the prepared ones where the archive is not at hand.

        Raises:
            UserError: an archive has changed since it was recorded, or a picture cannot be read.
        """
        if not self.at_hand:
            yield from (np.asarray(self.images[row]) for row in rows)
            return
        import pandas as pd

        names = pd.read_parquet(self.data / "index.parquet", columns=["row", "source"]).set_index("row")["source"]
        path = paths_of(self.dataset, self.records, self.folder)[0]
        reader = Reader({self.archive: path}, self.images.shape[1], self.decoding)
        yield from (reader.original(Member(0, names[row])) for row in rows)
