"""Which archives are to be fetched and which can be read, known before anything runs.

An archive is fetched again only if it has no record, or if the one at hand is not the recorded one. That it lies elsewhere than
it did, or nowhere any more, is no reason: what was made from it stays as it is.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from kdml.common.errors import UserError
from kdml.common.files import read_json
from kdml.data.archives import (
    ARCHIVES,
    NAME_SOURCE,
    THREE_WAYS,
    archives_of,
    described,
    found_in,
    in_folder,
    is_record,
    is_recorded,
    missing_from,
    not_there,
    path_of,
    place_of,
    source_of,
    way_to,
)
from kdml.data.zipped import Zipped


@dataclass(frozen=True)
class AtHand:
    """Archives and their records, as they are before a run.

    Args:
        folder: that holds the archives of the paper's data sets, or downloads.
        records: name of every archive -> file of its record, made or not.
        downloads: whether an archive that the folder lacks is downloaded into it.
        own: name of the archive of every data set of the user's own -> the folder or zip that it is.
    """

    folder: Path
    records: Mapping[str, Path]
    downloads: bool
    own: Mapping[str, Path] = field(default_factory=dict)

    def _folder(self, name: str) -> Path:
        return self.own.get(name, self.folder)

    def path(self, name: str) -> Path | None:
        """Where an archive lies; None if it is not at hand."""
        return found_in(self._folder(name), name)

    def record(self, name: str) -> dict[str, Any] | None:
        """Read the record of an archive; None if there is none that could be used."""
        try:
            record = read_json(self.records[name], "")
        except UserError:
            return None
        return record if is_record(record) else None

    @cached_property
    def changed(self) -> Mapping[str, str]:
        """Archives at hand that are not the recorded ones -> what is wrong with them; empty where they are sound.

        They are looked at once: what changes during a run is a matter of the next one.
        """
        found = {name: self._damage(name) for name in self.records if self._differs(name)}
        return {name: "" if damage is None else str(damage) for name, damage in found.items()}

    def _differs(self, name: str) -> bool:
        record, path = self.record(name), self.path(name)
        if record is None or path is None:
            return False
        try:
            return not is_recorded(path, record) or self._is_edited(name, path, record)
        except UserError:
            return True

    def _is_edited(self, name: str, path: Path, record: Mapping[str, Any]) -> bool:
        """Whether the content of a folder of the user's own is another one, which its fingerprint does not say of pictures.

        It is read where a file is newer than the record, as it is after a copy, too.
        """
        source = source_of(name, path)
        if (
            name not in self.own
            or isinstance(source, Zipped)
            or source.newest() <= self.records[name].stat().st_mtime_ns
        ):
            return False
        return source.sha256() != record["sha256"]

    def _damage(self, name: str) -> UserError | None:
        try:
            source_of(name, in_folder(self._folder(name), name)).check()
        except UserError as error:
            return error
        return None

    def to_fetch(self) -> list[str]:
        """Names of the archives that have no record, or are another one now.

        A damaged one, such as a copy that broke off, is not fetched in place of a recorded one: its record would be lost for it.
        """
        return [name for name in self.records if self.record(name) is None or self.changed.get(name) == ""]

    def warning(self, name: str) -> str | None:
        """What to say of an archive at hand that is not the recorded one; None if there is nothing to say."""
        if name not in self.changed:
            return None
        if damage := self.changed[name]:
            return f"{damage}\n  What was made from it before stays as it is."
        return f"{self.path(name)} is not the archive that was recorded: what was made from it is made again."

    def content(self, name: str) -> str:
        """What an archive at hand is; empty where there is none, or none that could be read.

        That is its fingerprint, and its checksum where nothing else tells it from the recorded one.
        """
        record, path = self.record(name), self.path(name)
        try:
            if path is None:
                return ""
            source = source_of(name, path)
            is_edited = record is not None and name in self.changed and is_recorded(path, record)
            return f"{source.fingerprint()} {source.sha256()}" if is_edited else source.fingerprint()
        except UserError:
            return ""

    def obstacle(self, fetched: Iterable[str], prepared: Iterable[str], has_token: bool) -> str | None:
        """Say what keeps the planned jobs from the archives that they read, and the ways on; None if nothing does.

        Args:
            fetched: names of the archives that are to be fetched.
            prepared: data sets that are to be prepared.
            has_token: for Kaggle.
        """
        fetched = sorted(fetched)
        if gone := [name for name in fetched if name in self.own and self.path(name) is None]:
            return str(UserError(not_there(gone[0], self.own[gone[0]]), NAME_SOURCE))
        missing = missing_from(self.folder, (name for name in fetched if name in ARCHIVES))
        if missing and (problem := way_to(None if self.downloads else self.folder, missing, has_token)):
            return problem
        known = (name for dataset in prepared for name in archives_of(dataset) if name not in fetched)
        return next((problem for name in sorted(set(known)) if (problem := self._unreadable(name))), None)

    def _unreadable(self, name: str) -> str | None:
        """Why an archive that is not fetched in this run cannot be read."""
        if damage := self.changed.get(name):
            return damage
        record = self.record(name)
        if record is None:
            return str(UserError(f"{self.records[name]} is no record of an archive.", "delete it and start again"))
        if place_of(record, self._folder(name)) is None:
            if name in self.own:
                return str(UserError(not_there(name, self.own[name]), NAME_SOURCE))
            return (
                f"{name}.zip is needed again, but is neither in {self.folder} nor at its last known place, {record['path']}."
                f" To have it downloaded again, delete {self.records[name]} first.\n"
                + THREE_WAYS.format(files=described(name))
            )
        try:
            path_of(record, self._folder(name))
        except UserError as error:
            return str(error)
        return None
