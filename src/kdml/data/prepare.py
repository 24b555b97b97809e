"""Archives to arrays: every picture decoded once, resized, hashed, and kept once."""

import logging
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from kdml.common.errors import MachineError, UserError, faults_told
from kdml.common.files import sha256_of, write_json, written_whole
from kdml.common.locks import alone_in
from kdml.common.together import written_together
from kdml.data.archives import archives_of, check_sha256, paths_of, source_of
from kdml.data.index import add_spacing, check_classes_left, labels_of, rows_of, several_masks, write_index
from kdml.data.layouts import LAYOUTS, NO_GROUP, Choice, Listing, Picture
from kdml.data.mask_classes import check_each_class
from kdml.data.mask_classes import described as described_classes
from kdml.data.mask_greys import BLACK, WHITE, areas, has_other_things
from kdml.data.own import Own, list_own
from kdml.data.reader import BLACK_AND_WHITE, THRESHOLD, Decoding, Pixels, Reader

MOST_SIZES = 10  # and grey values of masks that a report lists
MOST_FAULTS = 20  # pictures that a message names
READ_AT_ONCE = 256  # pictures; so many wait in memory to be written
log = logging.getLogger(__name__)


def prepare(
    dataset: str,
    records: Sequence[Mapping[str, Any]],
    size: int,
    choice: Choice,
    out: Path,
    threads: int = 2,
    folder: Path | None = None,
    own: Own | None = None,
) -> dict[str, Any]:
    """Write `images.npy`, `masks.npy` where there are masks, `index.parquet` and `report.json`.

    The arrays have a row for every listed picture; rows of pictures that were dropped as duplicates are not in the index.

    Args:
        dataset: key of `LAYOUTS`, or the name of a user's own.
        records: of its archives, in any order.
        size: side of the images in pixels.
        choice: what of it is wanted.
        out: folder to write to.
        threads: that decode.
        folder: of the archives; where they were last known to lie, if not given.
        own: how a data set of the user's own lies, and how its files become pixels.

    Returns:
        What report.json says.

    Raises:
        UserError: an archive, a table or a picture is not as it should be.
    """
    archives = dict(zip(archives_of(dataset), paths_of(dataset, records, folder), strict=True))
    by_name = {record["archive"]: record for record in records}
    for name, path in archives.items():
        check_sha256(path, by_name[name])
    with ExitStack() as stack:
        sources = [stack.enter_context(closing(source_of(name, path))) for name, path in archives.items()]
        listing = LAYOUTS[dataset](sources, choice) if own is None else list_own(sources[0], own, choice)
    _check_space(out, len(listing.pictures), size, has_masks=listing.pictures[0].mask is not None)
    with alone_in(out), written_together(out, seal="report.json") as folder:
        log.info("%s: reading %d pictures", dataset, len(listing.pictures))
        reader = Reader(archives, size, Decoding() if own is None else own.decoding())
        rows, dropped, checksums, found = _write(listing, reader, folder, threads)
        report = {"dataset": dataset, "size": size, **_counted(listing, rows, dropped), **found} | {
            "choice": _chosen(choice),
            "sha256": checksums,
            "archives": {record["archive"]: record["sha256"] for record in records},
        }
        if own is not None:
            report["own"] = own.described()
        write_json(folder / "report.json", report)
    return report


def _chosen(choice: Choice) -> dict[str, Any]:
    """What the report says of the choice; of the table of slides its checksum, because where it lies is not what it is."""
    slides = None if choice.slides is None else sha256_of(choice.slides)
    return {"subset": choice.subset, "limit": choice.limit, "seed": choice.seed, "slides": slides}


def _counted(listing: Listing, rows: Sequence[Mapping[str, Any]], dropped: Mapping[str, list[str]]) -> dict[str, Any]:
    """What the report says of the pictures: how many were read and kept, of which classes and groups, and what was left out."""
    counts = Counter(row["label_name"] for row in rows)
    return {
        "read": len(listing.pictures),
        "kept": len(rows),
        "dropped": {reason: {"count": len(names), "files": names} for reason, names in dropped.items() if names},
        "classes": {name: counts[name] for name in listing.classes},
        "groups": len({row["group"] for row in rows} - {NO_GROUP}),
    }


def _check_space(out: Path, pictures: int, size: int, has_masks: bool) -> None:
    """A disk that is too small is told before hours of reading, not after."""
    with faults_told(out):
        out.mkdir(parents=True, exist_ok=True)
    needed, free = pictures * size**2 * (4 if has_masks else 3), shutil.disk_usage(out).free
    if needed > free:
        raise MachineError(
            f"The arrays need {needed / 1e9:.2f} GB, but {out} has {free / 1e9:.2f} GB left.",
            "free some space, or make the data set smaller: `subset`, `limit`, or `image_size` in the configuration",
        )


def _write(
    listing: Listing, reader: Reader, out: Path, threads: int
) -> tuple[list[dict[str, Any]], dict[str, list[str]], dict[str, str], dict[str, Any]]:
    """Write arrays and index; give the rows of the index, what was dropped, checksums of the arrays, and what was read: files, and
    classes of masks where they have several."""
    paths = {name: out / f"{name}.npy" for name in (("images", "masks") if listing.pictures[0].mask else ("images",))}
    pixels = list(_fill(listing, reader, paths, threads))
    if listing.pictures[0].mask is not None and reader.decoding.classes is None:
        _check_masks(listing, pixels, reader)
    labels, of_masks = labels_of(listing, pixels), reader.decoding.classes
    rows, dropped = rows_of(listing, pixels, labels)
    check_classes_left(listing, rows, dropped, reader.archives[0])
    found: dict[str, Any] = {"files": _files(pixels)} | several_masks(rows) | add_spacing(rows, pixels, reader.size)
    if of_masks is not None and "masks" in paths:
        kept = np.array([pixels[row["row"]].by_class for row in rows])
        groups = [row["group"] for row in rows]
        check_each_class(of_masks.names, kept, groups, reader.archives[0].name)
        found["mask_classes"] = described_classes(of_masks.names, kept, groups)
    write_index(out / "index.parquet", rows)
    return rows, dropped, {name: sha256_of(path) for name, path in paths.items()}, found


def _files(pixels: Sequence[Pixels]) -> dict[str, Any]:
    """What the report says of the files that were read: how many of each kind, the most frequent sizes, and the most frequent grey
    values of masks."""
    kinds = {what: Counter(getattr(one, what) for one in pixels) for what in ("image", "mask")}
    sizes = Counter("x".join(map(str, one.size)) for one in pixels)
    listed = {f"{what}s": dict(counts.most_common()) for what, counts in kinds.items() if "" not in counts}
    found = listed | {"sizes": dict(sizes.most_common(MOST_SIZES)), "different_sizes": len(sizes)}
    if greys := Counter(value for one in pixels for value in one.greys):
        values = {str(value): count for value, count in sorted(greys.most_common(MOST_SIZES))}
        found |= {"mask_values": values, "different_mask_values": len(greys)}
    return found


def _check_masks(listing: Listing, pixels: Sequence[Pixels], reader: Reader) -> None:
    """Refuse masks that are not drawn in black and white, or that say nothing because they are all alike.

    Raises:
        UserError: names a mask with its values.
    """
    masks = [picture.mask for picture in listing.pictures if picture.mask is not None]
    odd = [mask for mask, one in zip(masks, pixels, strict=True) if one.is_odd]
    shown = (odd or masks)[0]
    where, example = f"{reader.archives[shown.archive].name}: ", f"For example, {shown.name} {reader.described(shown)}"
    is_own = reader.decoding.modes is None
    remedy = BLACK_AND_WHITE + (", or say with `mask_above` or `mask_values` what other values are" if is_own else "")
    if not any(one.has_lesion for one in pixels):
        raise UserError(f"{where}none of the {len(masks)} masks marks anything. {example}.", remedy)
    if odd:
        raise UserError(
            f"{where}{len(odd)} of {len(masks)} masks are coloured, or grey without anything marked. {example}.",
            remedy,
        )
    found = areas(one.greys for one in pixels)
    if reader.decoding.mask_above == THRESHOLD and not reader.decoding.any_values and has_other_things(found):
        value = next(one for one in found if one not in (BLACK, WHITE))
        shown = next(mask for mask, one in zip(masks, pixels, strict=True) if one.greys.get(value))
        listed = ", ".join(map(str, found))
        raise UserError(
            f"{where}the masks have {len(found)} grey values that are more than edges ({listed}), and one class."
            f" For example, {shown.name} {reader.described(shown)}.",
            "name with `mask_values` what each value shows; or say with `mask_above` above which everything is marked:"
            f" `mask_above: 0` is all that is not black, `mask_above: {THRESHOLD}` what was marked here",
        )
    if all(one.is_full for one in pixels):
        raise UserError(f"{where}all of the {len(masks)} masks mark every pixel. {example}.", BLACK_AND_WHITE)


def _fill(listing: Listing, reader: Reader, paths: Mapping[str, Path], threads: int) -> Iterator[Pixels]:
    """Read all pictures into their rows, in order.

    Rows are written, not mapped: where a disk fills up under a mapped array, the system ends the process without a word.
    """
    count, shape = len(listing.pictures), (reader.size, reader.size)
    with ExitStack() as stack, ThreadPoolExecutor(threads) as pool:
        files = {"images": stack.enter_context(_rows(paths["images"], (count, *shape, 3)))}
        if "masks" in paths:
            files["masks"] = stack.enter_context(_rows(paths["masks"], (count, *shape)))
        for first in range(0, count, READ_AT_ONCE):
            pictures = listing.pictures[first : first + READ_AT_ONCE]
            images = np.empty((len(pictures), *shape, 3), np.uint8)
            masks = np.empty((len(pictures), *shape), np.uint8) if "masks" in paths else [None] * len(pictures)
            yield from _without_faults(pool.map(partial(_read, reader), pictures, images, masks))
            for name, rows in (("images", images), ("masks", masks)):
                if name in files:
                    files[name](rows)
            if first and first % 5120 == 0:
                log.info("%d of %d read", first, count)


def _read(reader: Reader, picture: Picture, image: np.ndarray, mask: np.ndarray | None) -> Pixels | UserError:
    """A picture, or what is wrong with it."""
    try:
        return reader.read(picture, image, mask)
    except MachineError:
        raise
    except UserError as error:
        return error


def _without_faults(found: Iterable[Pixels | UserError]) -> list[Pixels]:
    """Pictures that were read together, all of which must be sound.

    Raises:
        UserError: says of the first faults what is wrong; the remedy is that of the first.
    """
    pixels, faults = [], []
    for one in found:
        (faults if isinstance(one, UserError) else pixels).append(one)
    if not faults:
        return pixels
    first, *others = faults
    listed = [f"\n  {error.problem}" for error in others[: MOST_FAULTS - 1]]
    more = f"\n  and {len(others) - len(listed)} more" if len(others) > len(listed) else ""
    raise UserError(first.problem + "".join(listed) + more, first.remedy)


@contextmanager
def _rows(path: Path, shape: tuple[int, ...]) -> Iterator[Callable[[np.ndarray], int]]:
    """Open an array file of uint8 for writing; what is yielded takes its rows, in order."""
    header = {"descr": np.lib.format.dtype_to_descr(np.dtype(np.uint8)), "fortran_order": False, "shape": shape}
    with written_whole(path) as temporary, open(temporary, "wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        yield lambda rows: file.write(rows.data)
