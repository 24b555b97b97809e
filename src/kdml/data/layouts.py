"""How each of the paper's data sets lies in its archives: a function for each that lists its pictures with label, mask and group.

Facts on the archives that the functions rely on: LGG and HAM10000 hold files twice, under a second folder; two patches of the
metastasis competition are known to be broken (one unreadable by many tools, one all black).
"""

import io
import logging
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from kdml.common.errors import UserError
from kdml.common.files import csv_rows, read_csv
from kdml.common.zip_files import UNREADABLE, TooLarge
from kdml.data import metadata
from kdml.data.archives import Source
from kdml.data.tables import check_complete

log = logging.getLogger(__name__)

NO_GROUP = ""
MEND = "fetch the archive again, or mend the table"
KNOWN_BAD_PATCHES = {
    "dd6dfed324f9fcb6f93f46f32fc800f2ec196be2": "known to be unreadable by many tools",
    "9369c7278ec8bcc6c880d99194de09fc2bd4efbe": "known to be all black",
}
NEARLY_ALL = 0.9  # of the patches; where a table knows fewer, the user is warned
HAM10000_CLASSES = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")


@dataclass(frozen=True)
class Member:
    """A file in one of the archives."""

    archive: int
    name: str


@dataclass(frozen=True)
class Picture:
    """One image as it is listed, before it is read.

    Args:
        id: unique in the data set.
        image: where its pixels are.
        mask: where its mask is, if the data set has masks.
        label: class; None where the mask decides it.
        group: patient, lesion or slide; empty if unknown.
        metadata: what else is known of it, by name.
        spacing: millimetres from one of its pixels to the next, down and across, where a table says it.
    """

    id: str
    image: Member
    mask: Member | None
    label: int | None
    group: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    spacing: tuple[float, float] | None = None


@dataclass(frozen=True)
class Listing:
    """All pictures of a data set.

    Args:
        pictures: sorted by id.
        classes: names of the labels.
        dropped: reason -> what was left out for it.
    """

    pictures: Sequence[Picture]
    classes: tuple[str, ...]
    dropped: Mapping[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Choice:
    """What of a data set is wanted.

    Args:
        subset: size of a balanced random subset (HCD).
        limit: keep about so many pictures.
        seed: of both draws.
        slides: CSV with the slide of each patch (HCD).
    """

    subset: int | None = None
    limit: int | None = None
    seed: int = 0
    slides: Path | None = None


def histopathologic_cancer_detection(sources: Sequence[Source], choice: Choice) -> Listing:
    """Patches `train/<id>.tif` with `train_labels.csv`: a balanced random subset, or as many balanced ones as there are.

    Args:
        sources: the one archive.
        choice: `subset`, `limit`, `seed` and `slides` count.

    Raises:
        UserError: the table or the slides are not as they should be, or table and pictures differ.
    """
    table = _read_csv(sources[0], "train_labels.csv", ("id", "label"))
    files = {PurePosixPath(name).stem: name for name in sources[0].names() if re.fullmatch(r"train/[^/]+\.tif", name)}
    labels = _unique([(row["id"], row["label"]) for row in table], "train_labels.csv")
    same_names(labels, files, "train_labels.csv", "train/")
    wrong = next((key for key, label in labels.items() if label not in ("0", "1")), None)
    if wrong is not None:
        raise UserError(
            f"train_labels.csv: the label of {wrong} is '{labels[wrong]}', not 0 or 1.", "fetch the archive again"
        )
    bad = {reason: [key] for key, reason in KNOWN_BAD_PATCHES.items() if key in labels}
    slides = _slides(choice.slides)
    chosen = _balanced(labels, choice)
    if choice.slides is not None:
        _check_slides(slides, [str(key) for key, _ in chosen], choice.slides)
    pictures = [
        Picture(str(key), Member(0, files[key]), None, label, slides.get(str(key), NO_GROUP))
        for key, label in sorted(chosen)
    ]
    return Listing(pictures, ("normal", "metastasis"), bad)


def _balanced(labels: Mapping[str, str], choice: Choice) -> list[tuple[str, int]]:
    """(id, label) of as many patches of each class as are wanted, or as the smaller class has."""
    by_class = [
        sorted(key for key, label in labels.items() if label == value and key not in KNOWN_BAD_PATCHES)
        for value in ("0", "1")
    ]
    wanted = min(filter(None, (choice.subset, choice.limit, len(labels))))
    each = min(max(wanted // 2, 1), *map(len, by_class))
    if each == 0:
        raise UserError("train_labels.csv: one of the two classes has no patch.", "fetch the archive again")
    if choice.subset and not choice.limit and 2 * each < choice.subset:
        log.info("a balanced subset of %d was asked for, but there are only %d", choice.subset, 2 * each)
    generator = np.random.default_rng(choice.seed)
    return [(key, label) for label, keys in enumerate(by_class) for key in generator.choice(keys, each, replace=False)]


def _slides(path: Path | None) -> dict[str, str]:
    """id -> slide, from a user's table; patches that it lacks have no group."""
    if path is None:
        return {}
    slides: dict[str, str] = {}
    try:
        rows = read_csv(path, "name a CSV with the columns id and wsi, one line for each patch", ("id", "wsi"))
    except UserError as error:
        raise UserError(f"`slides`: {error.problem}", error.remedy) from None
    check_complete(list(enumerate(rows, 2)), str(path), ("id", "wsi"))
    for row in rows:
        first = slides.setdefault(row["id"], row["wsi"])
        if first != row["wsi"]:
            raise UserError(f"{path} has two slides for {row['id']}: {first} and {row['wsi']}.", "keep one of them")
    return slides


def _check_slides(slides: Mapping[str, str], patches: Sequence[str], path: Path) -> None:
    """Refuse a table of slides that knows none of the patches, and warn of one that does not know nearly all.

    Raises:
        UserError: names an id of the table and one of the patches.
    """
    unknown = [patch for patch in patches if patch not in slides]
    if not unknown:
        return
    beside = next((name for name in slides if name not in set(patches)), "none")
    said = f"{path} knows the slide of {len(patches) - len(unknown)} of {len(patches)} patches"
    names = f"a patch is for example {unknown[0]}, an id of the table {beside}"
    if len(unknown) == len(patches):
        raise UserError(f"{said}: {names}.", "write ids as train_labels.csv has them: no folder, no suffix")
    level = logging.WARNING if len(unknown) > (1 - NEARLY_ALL) * len(patches) else logging.INFO
    log.log(level, "%s; the others are groups of their own (%s)", said, names)


def lgg_mri_segmentation(sources: Sequence[Source], choice: Choice) -> Listing:
    """Slices `kaggle_3m/<patient>/<name>.tif` with `<name>_mask.tif`; the group is the patient, TCGA_<site>_<case>.

    Metadata: the institution, which is the site in the name, and what data.csv says of the patient, in its codes.

    Args:
        sources: the one archive.
        choice: `limit` and `seed` count; patients stay whole.

    Raises:
        UserError: images and masks differ, or a name or a double is not as it should be.
    """
    pattern = r"(?:.*/)?kaggle_3m/([^/]+/[^/]+)\.tif"
    files, doubled = _once(sources[0], pattern)
    masks = {name.removesuffix("_mask"): member for name, member in files.items() if name.endswith("_mask")}
    images = {name: member for name, member in files.items() if not name.endswith("_mask")}
    same_names(images, masks, "the images in kaggle_3m/", "its masks")
    patients = _patients(sources[0])
    header = next(iter(patients.values()), {})
    pictures = []
    for name in sorted(images, key=natural):
        stem = name.rpartition("/")[2]
        patient = re.match(r"TCGA_[^_]+_[^_]+", stem)
        if patient is None:
            raise UserError(
                f"{images[name]}: the name does not start with TCGA_<site>_<case>.", "fetch the archive again"
            )
        row = patients.get(patient.group(), {})
        known = {"institution": patient.group().split("_")[1]} | metadata.taken(row, metadata.LGG, header)
        pictures.append(Picture(stem, Member(0, images[name]), Member(0, masks[name]), None, patient.group(), known))
    return Listing(whole_groups(pictures, choice), ("no_lesion", "lesion"), {"doubled folder": doubled})


def _patients(source: Source) -> dict[str, dict[str, str]]:
    """Rows of data.csv by patient; none where it was left out of a folder."""
    tables = sorted((name for name in source.names() if re.fullmatch(r"(?:.*/)?kaggle_3m/data\.csv", name)), key=len)
    if not tables:
        log.info("%s has no kaggle_3m/data.csv: of patients no more than the institution is known", source.path)
        return {}
    return {row["Patient"]: row for _, row in _rows_of(source, tables[0], ("Patient",))}


def natural(name: str) -> list:
    """Key to sort names by, such that slice 10 comes after slice 9."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name)]


def whole_groups(pictures: list[Picture], choice: Choice) -> list[Picture]:
    """Pictures of whole patients, drawn until there are enough slices."""
    if choice.limit is None:
        return pictures
    sizes = Counter(picture.group for picture in pictures)
    order = np.random.default_rng(choice.seed).permutation(sorted(sizes))
    before = np.cumsum([0, *(sizes[group] for group in order)])[:-1]
    kept = {group for group, count in zip(order, before, strict=True) if count < choice.limit}
    return [picture for picture in pictures if picture.group in kept]


def ham10000(sources: Sequence[Source], choice: Choice) -> Listing:
    """Photographs in two folders with `HAM10000_metadata.csv`; masks in an archive of their own; the group is the lesion.

    Metadata: sex and age of the patient, site of the lesion, and how the diagnosis was made.

    Args:
        sources: the archive of images, and that of masks.
        choice: `limit` and `seed` count; every class keeps some pictures.

    Raises:
        UserError: table, images and masks differ, or the table is not as it should be.
    """
    table = _read_csv(sources[0], "HAM10000_metadata.csv", ("lesion_id", "image_id", "dx"))
    rows = _unique([(row["image_id"], row) for row in table], "HAM10000_metadata.csv")
    images, doubled = _once(sources[0], r"(?:.*/)?(ISIC_\d+)\.jpg")
    masks, doubled_masks = _once(sources[1], r"(?:.*/)?(ISIC_\d+)_segmentation\.png")
    same_names(rows, images, "HAM10000_metadata.csv", "the image folders")
    same_names(rows, masks, "HAM10000_metadata.csv", "the archive of masks")
    unknown = next((key for key, row in rows.items() if row["dx"] not in HAM10000_CLASSES), None)
    if unknown is not None:
        known = ", ".join(HAM10000_CLASSES)
        raise UserError(
            f"HAM10000_metadata.csv: {unknown} has the unknown class '{rows[unknown]['dx']}'.", f"known are {known}"
        )
    pictures = [
        Picture(
            key,
            Member(0, images[key]),
            Member(1, masks[key]),
            HAM10000_CLASSES.index(row["dx"]),
            row["lesion_id"],
            metadata.taken(row, metadata.HAM10000, row),
        )
        for key, row in sorted(rows.items())
    ]
    return Listing(stratified(pictures, choice), HAM10000_CLASSES, {"doubled folder": doubled + doubled_masks})


def stratified(pictures: list[Picture], choice: Choice, smallest: int = 20) -> list[Picture]:
    """Pictures with a share of each class, but at least `smallest` of each, so that every part of a split sees it."""
    if choice.limit is None:
        return pictures
    generator = np.random.default_rng(choice.seed)
    by_class: dict[int | None, list[Picture]] = defaultdict(list)
    for picture in pictures:
        by_class[picture.label].append(picture)
    kept: list[Picture] = []
    for members in by_class.values():
        size = min(len(members), max(smallest, round(choice.limit * len(members) / len(pictures))))
        kept += [members[place] for place in generator.choice(len(members), size, replace=False)]
    return sorted(kept, key=lambda picture: picture.id)


LAYOUTS: Mapping[str, Callable[[Sequence[Source], Choice], Listing]] = {
    "hcd": histopathologic_cancer_detection,
    "lgg": lgg_mri_segmentation,
    "ham10000": ham10000,
}


def _once(source: Source, pattern: str) -> tuple[dict[str, str], list[str]]:
    """Members that match, by the pattern's first group, each once, and the doubles that were left out.

    Raises:
        UserError: nothing matches, or a double differs from its original.
    """
    found: dict[str, str] = {}
    doubled = []
    # The shortest path is the original; Kaggle's doubles lie in a folder more, or in the same one in lower case.
    for name in sorted(source.names(), key=lambda name: (len(name), name)):
        match = re.fullmatch(pattern, name)
        if match is None:
            continue
        first = found.setdefault(match.group(1), name)
        if first != name:
            if not source.equal(first, name):
                raise UserError(
                    f"{source.path}: {first} and {name} have one name but not one content.", "fetch the archive again"
                )
            doubled.append(name)
    if not found:
        raise UserError(
            f"{source.path} holds none of the expected pictures.", "check that it is the archive of that name"
        )
    return found, doubled


def _read_csv(source: Source, name: str, columns: tuple[str, ...]) -> list[dict[str, str]]:
    """Rows of a table in an archive, all of which are complete."""
    check_complete(rows := _rows_of(source, name, columns), name, columns)
    return [row for _, row in rows]


def _rows_of(source: Source, name: str, columns: tuple[str, ...]) -> list[tuple[int, dict[str, str]]]:
    """Rows of a table in an archive, each with its line."""
    try:
        text = source.read(name).decode("utf-8-sig")
    except KeyError:
        raise UserError(f"{source.path} has no {name}.", "check that it is the archive of that name") from None
    except TooLarge as error:
        raise UserError(f"{source.path}: {name} is no table: {error}.", "get the archive from its source") from None
    except UNREADABLE as error:
        raise UserError(
            f"{source.path}: {name} is damaged ({error}).", "delete the archive and fetch it again"
        ) from None
    return csv_rows(io.StringIO(text, newline=""), name, f"it must be a CSV with {', '.join(columns)}", columns)


def _unique(pairs: Iterable[tuple[str, Any]], name: str) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for key, value in pairs:
        if key in table:
            raise UserError(
                f"{name} lists {key} more than once: over-sampled copies of it circulate.",
                "use the original table, one row per image",
            )
        table[key] = value
    return table


def same_names(
    expected: Iterable[str],
    found: Iterable[str],
    what: str,
    where: str,
    remedy: str = MEND,
) -> None:
    """Check that two lists name the same pictures.

    Args:
        expected, found: names.
        what, where: what the lists are of, for messages.
        remedy: what to do where they differ.

    Raises:
        UserError: names the first picture that is in one of them only.
    """
    expected, found = set(expected), set(found)
    if expected and found and not expected & found:
        raise UserError(
            f"None of the {len(expected)} names of {what} is in {where}: for example {min(expected)} there, {min(found)} here.",
            remedy if remedy != MEND else "check that they belong together",
        )
    for lacking, has, lacks in ((expected - found, what, where), (found - expected, where, what)):
        if lacking:
            count = f" ({len(lacking)} of such)" if len(lacking) > 1 else ""
            raise UserError(f"{min(lacking)} is in {has} but not in {lacks}{count}.", remedy)
