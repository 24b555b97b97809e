"""A pack on disk: a zip whose ro-crate-metadata.json names every file with its checksum.

Equal files give an equal zip, to the byte: members are sorted, and have no time of their own.

Reference:
    RO-Crate 1.2, https://w3id.org/ro/crate/1.2; Soiland-Reyes et al., Packaging research artefacts with RO-Crate, Data
    Science 2022.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kdml.common.errors import UserError
from kdml.common.zip_files import write_zip

FORMAT = "kdml result pack"
SCHEMA = 2  # of pack.json and of what the files hold; from 2 on, tables of cases hold whole numbers
READ = (1, SCHEMA)  # others are refused
METADATA = "ro-crate-metadata.json"
ABOUT = "pack.json"
VERSION = "1.2"  # of RO-Crate
OLDEST = (1980, 1, 1, 0, 0, 0)  # the time that a member has: no time at all
TYPES = {
    ".csv": "text/csv",
    ".json": "application/json",
    ".parquet": "application/vnd.apache.parquet",
    ".html": "text/html",
    ".md": "text/markdown",
    ".tex": "application/x-tex",
    ".pdf": "application/pdf",
    ".py": "text/x-python",
}


def write(path: Path, about: Mapping[str, Any], files: Mapping[str, bytes]) -> None:
    """Write a pack, whole or not at all.

    Args:
        path: of the zip.
        about: what pack.json says beside format and schema: `title`, `description`, `published`, `licence` and more.
        files: by the name that each has in the pack.
    """
    said = {"format": FORMAT, "schema": SCHEMA, **about}
    members = {**files, ABOUT: as_json(said)}
    members[METADATA] = as_json(metadata(about, members))
    write_zip(path, members, OLDEST, level=9)


def as_json(content: Any) -> bytes:
    """JSON text of a member."""
    return (json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode()


def metadata(about: Mapping[str, Any], files: Mapping[str, bytes]) -> dict[str, Any]:
    """Describe a pack's files in RO-Crate's JSON-LD, each with its SHA-256.

    Args:
        about: `title`, `description`, `published` and `licence` of the whole.
        files: by their names in the pack.
    """
    from rocrate.rocrate import ROCrate  # costs half a second, and whoever opens a pack does without

    crate = ROCrate(version=VERSION)
    crate.name, crate.description = about["title"], about["description"]
    crate.datePublished, crate.license = about["published"], about["licence"]
    for name in sorted(files):
        crate.add_file(
            dest_path=name,
            properties={
                "contentSize": str(len(files[name])),
                "encodingFormat": TYPES.get(Path(name).suffix, "application/octet-stream"),
                "sha256": hashlib.sha256(files[name]).hexdigest(),
            },
        )
    return crate.metadata.generate()


def listed(content: Any) -> dict[str, str]:
    """SHA-256 of every file that RO-Crate's metadata names.

    Args:
        content: of ro-crate-metadata.json.

    Raises:
        ValueError: it is no such metadata.
    """
    graph = content.get("@graph") if isinstance(content, dict) else None
    if not isinstance(graph, list) or not all(isinstance(one, dict) for one in graph):
        raise ValueError("no graph of entities")
    return {str(one.get("@id")): str(one.get("sha256", "")) for one in graph if one.get("@type") == "File"}


def read_files(paths: Iterable[str]) -> dict[str, bytes]:
    """Read what goes into a pack, by path.

    Raises:
        UserError: a file is missing.
    """
    found = {}
    for path in paths:
        try:
            found[path] = Path(path).read_bytes()
        except OSError as error:
            raise UserError(
                f"{path} cannot be packed ({error.strerror}).", "let the workflow make everything"
            ) from None
    return found
