"""Pictures as they lie in their archives, at their own sizes, by the rows of the prepared arrays."""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from kdml.common.errors import UserError
from kdml.data.archives import ARCHIVES_OF, paths_of, place_of, source_of
from kdml.data.arrays import open_arrays


class Originals:
    """Pictures of a data set as they were before preparation, as far as their archive is still at hand.

    Args:
        dataset: its key.
        records: of its archives, in any order.
        folder: of archives; the last known places if not given.
        data: folder of the prepared arrays.

    Attributes:
        images: the prepared images (N, size, size, 3) uint8.

    Raises:
        UserError: the arrays are missing or damaged.
    """

    def __init__(self, dataset: str, records: Sequence[Mapping[str, Any]], folder: Path | None, data: Path):
        self.dataset, self.records, self.folder, self.data = dataset, records, folder, data
        self.archive = ARCHIVES_OF[dataset][0]  # the first of each data set holds its pictures
        self.images = open_arrays(data, with_masks=False).images

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
        with closing(source_of(self.archive, path)) as source:
            for row in rows:
                try:
                    yield np.asarray(Image.open(io.BytesIO(source.read(names[row]))).convert("RGB"))
                except Exception as error:  # PIL and zipfile raise almost anything on damaged bytes
                    raise UserError(
                        f"{path.name}: {names.get(row)} cannot be read ({error}).", "fetch the archive again"
                    ) from None
