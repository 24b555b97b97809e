"""Makes the record of one archive, from a local folder or downloaded from Kaggle: where it is, and its checksum."""

import argparse
import logging
from pathlib import Path

from kdml.common.errors import run_script
from kdml.common.files import write_json
from kdml.data.archives import ARCHIVES, OWN, in_folder, record_of
from kdml.data.kaggle_download import RETRIES, download

log = logging.getLogger(__name__)


def main() -> None:
    """Find or download, check, record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--archive", required=True, help=f"{', '.join(ARCHIVES)}, or {OWN}<data set of your own>")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--folder", type=Path, help="that holds the archive; the folder or zip of a data set of your own"
    )
    source.add_argument("--kaggle", action="store_true", help="download it with Kaggle's client")
    parser.add_argument("--store", type=Path, default=Path("resources/kaggle"), help="folder of downloads")
    parser.add_argument(
        "--retries", type=int, default=RETRIES, help="further tries after a broken connection (default %(default)s)"
    )
    parser.add_argument("--record", type=Path, required=True, help="JSON file to write")
    arguments = parser.parse_args()
    name = arguments.archive
    if name not in ARCHIVES and (arguments.kaggle or not name.startswith(OWN)):
        parser.error(f"--archive: {name} is none of {', '.join(ARCHIVES)}")
    if arguments.kaggle:
        archive = ARCHIVES[name]
        path, origin = download(archive, arguments.store, arguments.retries), f"kaggle: {archive.slug}"
    else:
        path, origin = in_folder(arguments.folder, name), f"folder: {arguments.folder}"
    write_json(arguments.record, record_of(name, path, origin))
    log.info("%s: %s", name, path)


if __name__ == "__main__":
    run_script(main)
