"""Data sets of the user's own, which the configuration describes: a table, a folder for each class, or images beside masks."""

import posixpath
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from kdml.common.errors import MachineError, UserError
from kdml.common.extras import need
from kdml.common.files import sha256_of
from kdml.common.metadata import UNKNOWN, known
from kdml.common.texts import composed
from kdml.common.zip_files import UNREADABLE, TooLarge
from kdml.data import medical
from kdml.data.archives import PICTURES, Source, archives_of, source_of
from kdml.data.divisible import check_divisible
from kdml.data.films import frames, refuse_without_suffix
from kdml.data.finder import Finder, within
from kdml.data.layouts import (
    NO_GROUP,
    Choice,
    Listing,
    Member,
    Picture,
    natural,
    same_names,
    stratified,
    whole_groups,
)
from kdml.data.mask_classes import MaskClasses
from kdml.data.reader import THRESHOLD, Decoding
from kdml.data.tables import Row, check_complete, read_table, spacing_in
from kdml.data.unpacked import TABLES
from kdml.data.volumes import slice_number, slices
from kdml.data.zipped import is_data
from kdml.deploy.pictures import Window

BY_MASK = ("unmarked", "marked")  # labels of pictures that have nothing but a mask
IMAGES, MASKS = "images", "masks"  # folders of pictures beside their masks
UNNAMED = "not in the table"
ELSEWHERE = f"neither in {IMAGES}/ nor in {MASKS}/"


@dataclass(frozen=True)
class Own:
    """How a data set of the user's own lies, and how its files become pixels.

    Args:
        name: its key.
        classes: values of the column of labels, or names of the folders, of the labels 0, 1, ...; none where masks decide.
        table: that lists the pictures: a file, else a name within folder or zip; none where folders decide.
        image, label, mask, group: columns of the table that name a picture, its class, its mask, its patient.
        window: of pictures with 16 bits, arguments of `kdml.deploy.pictures.Window`.
        mask_above: grey values of masks above it are marked.
        any_values: whether masks may have areas of other values than black and white: where `mask_above` was said to be what it is.
        mask_values: names and values of the background and of several exclusive classes of masks; none where masks mark one.
        format: of its files: plain pictures, `dicom` or `nifti` (`kdml.data.medical`).
        axis: of volumes, whose slices are the pictures.
        slice: column of the table with the number of the slice; all slices of a volume where there is none.
        spacing: millimetres from one pixel to the next, down and across; None where the files, or a column of the table, say it.
        spacing_column: that column: a number, or one for each direction.
    """

    name: str
    classes: tuple[str, ...] = ()
    table: str | None = None
    image: str | None = None
    label: str | None = None
    mask: str | None = None
    group: str | None = None
    window: Mapping[str, Any] | None = None
    mask_above: int = THRESHOLD
    mask_values: tuple[tuple[str, int], ...] = ()
    format: str = medical.PLAIN
    axis: int = 2
    slice: str | None = None
    spacing: tuple[float, float] | None = None
    spacing_column: str | None = None
    any_values: bool = False

    def decoding(self) -> Decoding:
        """How its files become pixels."""
        window = None if self.window is None else Window(**self.window)
        is_listed = self.spacing_column is not None
        return Decoding(
            None,
            window,
            self.mask_above,
            "export it again",
            self.mask_classes(),
            self.axis,
            self.spacing,
            is_listed,
            self.any_values,
        )

    def mask_classes(self) -> MaskClasses | None:
        """The classes of its masks, where they have several."""
        return MaskClasses(*zip(*self.mask_values, strict=True)) if self.mask_values else None

    def described(self) -> dict[str, Any]:
        """What the report says of it; of a table that is a file its checksum, because where it lies is not what it is."""
        table = self.file()
        return asdict(self) | ({} if table is None else {"table": sha256_of(table)})

    def file(self) -> Path | None:
        """The table, where it is a file and not within folder or zip."""
        return Path(self.table) if self.table is not None and Path(self.table).is_file() else None

    def columns(self) -> list[str]:
        """Columns of the table that every row must fill."""
        columns = (self.image, self.label, self.mask, self.group, self.slice, self.spacing_column)
        return [column for column in columns if column is not None]

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Suffixes of its files, in small letters; masks of DICOM files may be plain pictures."""
        return {
            medical.DICOM: (*medical.SUFFIXES[medical.DICOM], *PICTURES),
            medical.NIFTI: medical.SUFFIXES[medical.NIFTI],
        }.get(self.format, PICTURES)


def own_of(described: Mapping[str, Any], table: str | None) -> Own:
    """Take a data set from what a command line says of it.

    Args:
        described: its fields.
        table: that lists its pictures, where that is a file and not within folder or zip.

    Raises:
        UserError: it has other fields.
    """
    try:
        pairs = tuple((name, value) for name, value in described.get("mask_values", ()))
        own = replace(Own(**described), classes=tuple(described.get("classes", ())), mask_values=pairs)
        own = own if own.spacing is None else replace(own, spacing=tuple(own.spacing))
        return own if table is None else replace(own, table=table)
    except (TypeError, ValueError) as error:
        raise UserError(f"--own is no data set ({error}).", "pass the keys of `kdml.data.own.Own`") from None


def check_own(own: Own, path: Path, choice: Choice) -> None:
    """List the pictures of a data set before anything runs; none of them is read.

    Args:
        own: how it lies.
        path: of its folder or zip, which is there.
        choice: what of it is wanted.

    Raises:
        UserError: folder, zip or table are not as the configuration says.
    """
    if path.is_file() and path.suffix.lower() != ".zip":
        raise UserError(
            f"`datasets.{own.name}.source: {path}` is neither a folder nor a zip.", "unpack it, or pack it as a zip"
        )
    source = source_of(archives_of(own.name)[0], path)
    try:
        source.check()
    except MachineError:
        raise
    except UserError as error:
        remedy = f"{error.remedy}{_rename(own)}" if path.is_dir() else "name a folder, or a sound zip"
        raise UserError(f"`datasets.{own.name}.source`: {error.problem}", remedy) from None
    with closing(source):
        list_own(source, own, choice, with_frames=False)


def list_own(source: Source, own: Own, choice: Choice, with_frames: bool = True) -> Listing:
    """List all pictures of a data set of the user's own, those of one folder in the order that people count in.

    Args:
        source: its folder or zip.
        own: how it lies there.
        choice: `limit` and `seed` count; groups stay whole.
        with_frames: open DICOM files to count their frames, which takes too long for a plan.

    Raises:
        UserError: names the data set, and the table, folder or file that is not as it should be.
    """
    try:
        if own.format != medical.PLAIN:
            need("medical", f"`format: {own.format}`")
        if own.format == medical.DICOM:
            refuse_without_suffix(source)
        files = [name for name in source.names() if _is_picture(name, own)]
        if not files:
            remedy = f"pictures are {', '.join(own.suffixes)} files{_rename(own)}"
            raise UserError(f"{source.path} holds no picture.", remedy)
        listing = _listed(source, files, own)
        if own.format == medical.NIFTI:
            listing = replace(listing, pictures=list(slices(source, listing.pictures, own.axis, own.slice)))
        if own.format == medical.DICOM and with_frames:
            listing = replace(listing, pictures=list(frames(source, listing.pictures)))
        pictures = sorted(listing.pictures, key=lambda picture: natural(picture.id))
        has_groups = own.group is not None or own.format == medical.NIFTI
        pictures = whole_groups(pictures, choice) if has_groups else stratified(pictures, choice)
        check_divisible(pictures, listing.classes, choice.limit)
        return replace(listing, pictures=pictures)
    except MachineError:
        raise
    except UserError as error:
        raise UserError(f"`datasets.{own.name}`: {error.problem}", error.remedy) from None


def _rename(own: Own) -> str:
    """What to do about files without a suffix, as archives of hospitals export DICOM."""
    return (
        "; files without a suffix, such as IM00001: rename them to IM00001.dcm" if own.format == medical.DICOM else ""
    )


def _is_picture(name: str, own: Own) -> bool:
    """Whether a file is one, not what programs leave behind in hidden folders."""
    hidden = any(part.startswith(".") for part in PurePosixPath(name).parts)
    return is_data(name) and not hidden and name.lower().endswith(own.suffixes)


def _listed(source: Source, files: Sequence[str], own: Own) -> Listing:
    if own.table is not None:
        return _from_table(source, files, own)
    return _by_folder(source, files, own) if own.classes else _beside_masks(source, files, own)


# A folder for each class, images beside masks


def _by_folder(source: Source, files: Sequence[str], own: Own) -> Listing:
    """Pictures `<class>/<name>`, at any depth; the outermost folder that has the name of a class decides."""
    pictures = []
    for name in files:
        classes = [part for part in PurePosixPath(composed(name)).parts[:-1] if part in own.classes]
        if not classes:
            raise UserError(
                f"{source.path}: {name} lies in no folder of a class ({', '.join(own.classes)}).",
                "move it into one, take it away, or add its folder to `classes`",
            )
        pictures.append(Picture(name, Member(0, name), None, own.classes.index(classes[0]), NO_GROUP))
    return Listing(pictures, own.classes)


def _beside_masks(source: Source, files: Sequence[str], own: Own) -> Listing:
    """Pictures `images/<name>` with `masks/<name>`, which may have another suffix, at any depth."""
    found = {kind: _by_stem(source, files, kind) for kind in (IMAGES, MASKS)}
    for kind, names in found.items():
        if not names:
            there = {part for name in files for part in PurePosixPath(name).parts[:-1]}
            other = next((part for part in sorted(there) if part.lower() == kind), None)
            raise UserError(
                f"{source.path} has no pictures in a folder {kind}" + (f", but in {other}." if other else "."),
                f"rename the folder to {kind}, in small letters"
                if other
                else "put pictures into images/ and masks of the same names into masks/; or name `classes` or a `table`",
            )
    remedy = "every picture needs a mask of its name"
    longer = next(
        (mask for name in found[IMAGES] for mask in found[MASKS] if mask != name and mask.startswith(name)), None
    )
    if longer is not None and not found[IMAGES].keys() & found[MASKS].keys():
        remedy += f": give masks the names of their pictures, without what {found[MASKS][longer]} has more"
    same_names(found[IMAGES], found[MASKS], f"{IMAGES}/", f"{MASKS}/", remedy)
    pictures = [
        Picture(name, Member(0, name), Member(0, found[MASKS][stem]), None, NO_GROUP)
        for stem, name in found[IMAGES].items()
    ]
    paired = {member.name for one in pictures for member in (one.image, one.mask) if member is not None}
    return Listing(pictures, _by_mask(own), {ELSEWHERE: [name for name in files if name not in paired]})


def _by_mask(own: Own) -> tuple[str, ...]:
    """Names of the labels of pictures that have nothing but a mask: whether it marks anything, or its rarest class."""
    classes = own.mask_classes()
    return BY_MASK if classes is None else (BY_MASK[0], *classes.names[1:])


def _by_stem(source: Source, files: Sequence[str], kind: str) -> dict[str, str]:
    """Files below folders of a name, by what images and masks have in common: their path without that folder and a suffix."""
    found: dict[str, str] = {}
    for name in files:
        parts = PurePosixPath(composed(name)).parts
        if kind not in parts[:-1]:
            continue
        place = parts.index(kind)
        stem = medical.stem(str(PurePosixPath(*parts[:place], *parts[place + 1 :])))
        first = found.setdefault(stem, name)
        if first != name:
            raise UserError(
                f"{source.path}: {first} and {name} differ in nothing but their suffix.", "keep one of the two"
            )
    return found


# A table


def _from_table(source: Source, files: Sequence[str], own: Own) -> Listing:
    """Pictures that a table names, with label, mask and group of the columns that are configured; the others are metadata."""
    name, rows = _rows(source, own)
    find = Finder(source, files, posixpath.dirname(name), name, own.suffixes)
    check_complete(rows, name, own.columns(), own.mask)
    pictures: dict[str, Picture] = {}
    for line, row in rows:
        where = f"{name}, line {line}"
        picture = _picture(where, row, own, find)
        if picture.id in pictures:
            raise UserError(f"{where}: {picture.id} is named a second time.", "keep one row for each picture")
        pictures[picture.id] = picture
    members = (member for one in pictures.values() for member in (one.image, one.mask) if member is not None)
    named = {medical.file_of(member.name)[0] for member in members}
    unnamed = sorted(set(files) - named)
    classes = own.classes if own.label is not None else _by_mask(own)
    return Listing(list(pictures.values()), classes, {UNNAMED: unnamed})


def _picture(where: str, row: Mapping[str, str], own: Own, find: Finder) -> Picture:
    label = None if own.label is None else row[own.label]
    if label is not None and label not in own.classes:
        raise UserError(
            f"{where}: the class '{label}' is unknown; known are {', '.join(own.classes)}.",
            f"mend the column '{own.label}', or add the class to `classes`",
        )
    if own.group is not None and known(row[own.group]) == UNKNOWN:
        raise UserError(
            f"{where}: the group '{row[own.group]}' stands for one that is missing, which cannot be kept together.",
            f"write into the column '{own.group}' whom the picture shows, or a name that no other row has",
        )
    image = find(where, row[str(own.image)])
    mask = None if own.mask is None else Member(0, find(where, row[own.mask]))
    if mask is not None and mask.name == image:
        raise UserError(f"{where}: {image} is both picture and mask.", f"mend the column '{own.mask}'")
    name = image if own.slice is None else medical.slice_name(image, slice_number(where, row[own.slice], own.slice))
    return Picture(
        name,
        Member(0, name),
        mask,
        None if label is None else own.classes.index(label),
        NO_GROUP if own.group is None else row[own.group],
        {column: value for column, value in row.items() if column not in own.columns()},
        None if own.spacing_column is None else spacing_in(where, row[own.spacing_column], own.spacing_column),
    )


def _rows(source: Source, own: Own) -> tuple[str, list[Row]]:
    """Name of the table within the source (of a file elsewhere, without a folder), and its rows as texts."""
    table = str(own.table)
    file = own.file()
    name = table if file is None else within(source.path, file) or file.name
    try:
        content = source.read(_as_it_lies(source, table)) if file is None else file.read_bytes()
    except KeyError:
        raise UserError(
            f"`table: {table}` is neither a file nor a table in {source.path}.",
            _table_remedy(source, table),
        ) from None
    except TooLarge as error:
        raise UserError(f"{name} is no table: {error}.", "name another file") from None
    except UNREADABLE as error:
        raise UserError(f"{name} cannot be read ({error}).", "write it again") from None
    return name, read_table(content, name, own.columns())


def _as_it_lies(source: Source, table: str) -> str:
    """Name of a table in folder or zip, whose letters may be written otherwise."""
    names = source.names()
    return table if table in names else next((name for name in names if composed(name) == composed(table)), table)


def _table_remedy(source: Source, table: str) -> str:
    """What to do about a table that was not found: another kind of file, or one that lies deeper."""
    if not table.lower().endswith(TABLES):
        return f"save it as CSV; tables are {' or '.join(TABLES)} files"
    if deeper := [name for name in source.names() if name.endswith(f"/{table}")]:
        return f"write `table: {deeper[0]}`, which is there"
    return "name it relative to the project's root, or as it lies within `source`"
