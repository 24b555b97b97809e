"""Downloads from Kaggle with its own client: resumed where a connection broke, retried, and each failure in plain words."""

import logging
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from kdml.data.archives import Archive, check
from kdml.errors import UserError

log = logging.getLogger(__name__)

TOKEN_HELP = (
    "make a token at kaggle.com > Settings > API and put it into ~/.kaggle/access_token or KAGGLE_API_TOKEN "
    "(older ones: ~/.kaggle/kaggle.json, or KAGGLE_USERNAME and KAGGLE_KEY)"
)
PAUSES = (2, 10, 60)  # seconds before each further try


def token_present() -> bool:
    """Whether any of the places where Kaggle's client looks holds a token; the client itself is not imported, it is slow."""
    environment = os.environ
    if environment.get("KAGGLE_API_TOKEN") or (environment.get("KAGGLE_USERNAME") and environment.get("KAGGLE_KEY")):
        return True
    home = Path.home()
    folders = [
        Path(environment.get("KAGGLE_CONFIG_DIR") or home / ".kaggle"),
        home / ".kaggle",
        home / ".config" / "kaggle",
    ]
    names = ("access_token", "access_token.txt", "kaggle.json")
    return any((folder / name).is_file() for folder in folders for name in names)


def download(archive: Archive, store: Path, pauses: tuple[float, ...] = PAUSES) -> Path:
    """Download an archive, or take the whole one that is there already.

    Args:
        archive: what to download.
        store: folder of downloads; a part of a file waits in `store/downloading` to be continued.
        pauses: seconds to wait before each further try after a broken connection.

    Raises:
        UserError: no or a wrong token, rules not accepted, not found, no network, no space, or not a whole zip.
    """
    whole = store / f"{archive.name}.zip"
    if whole.is_file():
        check(whole)
        log.info("%s is there already", whole)
        return whole
    waiting = store / "downloading"
    waiting.mkdir(parents=True, exist_ok=True)
    api = _client(waiting)
    part = waiting / f"{archive.slug.rpartition('/')[2]}.zip"
    _retried(lambda: _fetch(api, archive, waiting), archive, pauses)
    try:
        check(part)
    except UserError:
        part.unlink(missing_ok=True)  # nothing to continue from
        raise
    part.replace(whole)
    return whole


def _fetch(api, archive: Archive, folder: Path) -> None:
    log.info("downloading %s from Kaggle", archive.slug)
    fetch = api.competition_download_files if archive.is_competition else api.dataset_download_files
    fetch(archive.slug, path=str(folder), quiet=True)


def _client(folder: Path):
    """Kaggle's client, signed in; it checks for space before each file.

    Raises:
        UserError: no token, or one that Kaggle does not accept.
    """
    if not token_present():
        raise UserError("There is no Kaggle token.", TOKEN_HELP)
    from kaggle.api.kaggle_api_extended import KaggleApi
    from kagglesdk import KaggleClient
    from kagglesdk.kaggle_env import get_env

    class Api(KaggleApi):
        """Talks to the server that KAGGLE_API_ENVIRONMENT names, which the client's own method does not read."""

        def build_kaggle_client(self) -> KaggleClient:
            return KaggleClient(
                env=get_env(),
                username=self.config_values.get(self.CONFIG_NAME_USER),
                password=self.config_values.get(self.CONFIG_NAME_KEY),
                api_token=self.config_values.get(self.CONFIG_NAME_TOKEN),
            )

        def download_file(self, response, outfile, *arguments, **options) -> None:
            _check_space(response, Path(outfile))
            super().download_file(response, outfile, *arguments, **options)

    api = Api()
    try:
        api.authenticate()
    except (SystemExit, Exception) as error:  # the client ends the process when it finds no token that works
        raise UserError(f"Kaggle's client could not sign in ({error or 'no valid token'}).", TOKEN_HELP) from None
    return api


def _check_space(response, path: Path) -> None:
    needed = int(response.headers.get("Content-Length") or 0) - (path.stat().st_size if path.exists() else 0)
    free = shutil.disk_usage(path.parent).free
    if needed > free:
        raise UserError(
            f"{path.name} needs {needed / 1e9:.1f} GB, but {path.parent} has {free / 1e9:.1f} GB left.",
            "free some space, or run the workflow on a larger disk (`--directory`)",
        )


def _retried(fetch: Callable[[], None], archive: Archive, pauses: tuple[float, ...]) -> None:
    """Try again after what may pass by itself: a broken connection, a server in trouble."""
    import requests

    for pause in (*pauses, None):
        try:
            return fetch()
        except requests.exceptions.HTTPError as error:
            status = error.response.status_code if error.response is not None else 0
            if status < 500 or pause is None:
                raise _refusal(archive, status, error) from None
        except (requests.exceptions.RequestException, ConnectionError, TimeoutError) as error:
            if pause is None:
                remedy = "check the network and start again: what has arrived is kept and continued"
                raise UserError(f"Kaggle cannot be reached ({type(error).__name__}).", remedy) from None
        except OSError as error:
            raise UserError(
                f"{archive.name}.zip cannot be written ({error.strerror}).", "free some space, or check the folder"
            ) from None
        except ValueError as error:  # the client's own words for what it cannot make sense of
            raise UserError(f"Kaggle's client refused {archive.slug}: {error}", f"look at {archive.page}") from None
        log.info("the connection broke; trying again in %g s", pause)
        time.sleep(pause)


def _refusal(archive: Archive, status: int, error: Exception) -> UserError:
    reasons = {
        401: ("Kaggle does not accept the token (401).", TOKEN_HELP),
        403: (
            f"Kaggle refuses {archive.slug} (403): its rules or terms are not accepted yet.",
            f"sign in, open {archive.page} and accept them",
        ),
        404: (f"Kaggle does not know {archive.slug} (404).", f"look at {archive.page}; it may have moved"),
        429: ("Kaggle refuses more downloads for now (429).", "wait some minutes and start again"),
    }
    problem, remedy = reasons.get(status, (f"Kaggle answers with an error ({error}).", "start again later"))
    return UserError(problem, remedy)
