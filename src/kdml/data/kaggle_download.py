"""Downloads from Kaggle with its own client: resumed where a connection broke, retried, and each failure in plain words.

The client is imported only when a download starts: its import takes a second and signs in.
"""

import contextlib
import io
import logging
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kdml.common.errors import MachineError, UserError, fault_of, faults_told
from kdml.common.locks import alone_in
from kdml.data import kaggle_client
from kdml.data.archives import Archive
from kdml.data.kaggle_client import TOKEN_HELP, client_class, explained, signed_in, token_present, unreachable
from kdml.data.zipped import Zipped

log = logging.getLogger(__name__)

RETRIES = 3
FIRST_PAUSE = 2.0  # seconds; each further pause is five times as long, up to LONGEST_PAUSE
LONGEST_PAUSE = 60.0


def download(archive: Archive, store: Path, retries: int = RETRIES, first_pause: float = FIRST_PAUSE) -> Path:
    """Download an archive, or take the whole one that is there already.

    Args:
        archive: what to download.
        store: folder of downloads; a file that is not whole waits in it under a name that ends in .partial.
        retries: further tries after a broken connection or a server in trouble; each continues the partial file.
        first_pause: seconds before the first of them.

    Raises:
        MachineError: no network, no space, a server in trouble, or another process downloads the same.
        UserError: no or a wrong token, rules not accepted, not found, a network that refuses, or not a whole zip.
    """
    whole = store / f"{archive.name}.zip"
    if whole.is_file():
        Zipped(whole).check()
        log.info("%s is there already", whole)
        return whole
    if not token_present():
        raise UserError("There is no Kaggle token.", TOKEN_HELP)
    with faults_told(store):
        store.mkdir(parents=True, exist_ok=True)
    with alone_in(store, f".{archive.name}.lock"):
        partial = store / f"{archive.name}.zip.partial"
        _retried(lambda: _fetch(archive, partial), archive, store, retries, first_pause)
        try:
            Zipped(partial).check()
        except MachineError:
            raise
        except UserError as error:
            partial.unlink()  # nothing to continue from
            raise UserError(
                f"Kaggle sent something else than {whole.name}: {error.problem}", "start again later"
            ) from None
        partial.replace(whole)
    return whole


def _fetch(archive: Archive, partial: Path) -> None:
    """One try, which continues the partial file of an earlier one if Kaggle still has the same file."""
    with contextlib.redirect_stdout(io.StringIO()):  # the client prints advice that is not ours
        api = _client(partial)
        log.info("downloading %s from Kaggle", archive.slug)
        fetch = api.competition_download_files if archive.is_competition else api.dataset_download_files
        fetch(archive.slug, path=str(partial.parent))


def _client(partial: Path) -> Any:
    """Kaggle's client, signed in, changed to write to `partial`, after a look at the space there.

    Raises:
        UserError: Kaggle does not accept the token.
    """

    class Api(client_class()):
        def download_needed(self, *arguments, **options) -> bool:
            """Always: whole files never get here."""
            return True

        def download_file(self, response, outfile, http_client, quiet=True, resume=True, **options) -> None:
            """Leave retrying to `_retried`, so that there is one way of it."""
            _check_space(response, partial)
            try:
                super().download_file(
                    response,
                    str(partial),
                    http_client,
                    quiet=True,
                    resume=True,
                    max_retries=0,
                    timeout=kaggle_client.PATIENCE,
                )
            except ValueError:  # not the announced size: nothing to continue from
                partial.unlink(missing_ok=True)
                raise

    return signed_in(Api())


def _check_space(response: Any, partial: Path) -> None:
    there = partial.stat().st_size if partial.exists() else 0
    needed = int(response.headers.get("Content-Length") or 0) - there
    free = shutil.disk_usage(partial.parent).free
    if needed > free:
        raise MachineError(
            f"{partial.stem} needs {needed / 1e9:.1f} GB more, but {partial.parent} has {free / 1e9:.1f} GB left.",
            "free some space, or run the workflow on a larger disk (`--directory`)",
        )


def _retried(fetch: Callable[[], None], archive: Archive, store: Path, retries: int, first_pause: float) -> None:
    """Try again, after growing pauses, what may pass by itself: a broken connection, a server in trouble.

    Raises:
        MachineError: it did not pass, or the disk is full.
        UserError: it is nothing that could pass.
    """
    from requests.exceptions import RequestException

    for tried in range(retries + 1):
        try:
            return fetch()
        except RequestException as error:
            problem = explained(error, archive.slug, archive.page)
        except OSError as error:
            problem = fault_of(error, store / f"{archive.name}.zip") or unreachable(error)
            raise problem from None
        except ValueError as error:  # the client's own words for what it cannot make sense of
            raise UserError(f"Kaggle's client refused {archive.slug}: {error}", f"look at {archive.page}") from None
        if not isinstance(problem, MachineError) or tried == retries:
            raise problem from None
        pause = min(first_pause * 5**tried, LONGEST_PAUSE)
        log.info("%s Trying again in %g s.", problem.problem, pause)
        time.sleep(pause)
