"""Downloads from Kaggle with its own client: resumed where a connection broke, retried, and each failure in plain words.

The client is imported only when a download starts: its import takes a second and signs in.
"""

import contextlib
import io
import logging
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kdml.common.errors import MachineError, UserError, fault_of, faults_told
from kdml.common.json_text import parse_json
from kdml.common.locks import alone_in
from kdml.data.archives import Archive
from kdml.data.connections import failure_of
from kdml.data.zipped import Zipped

log = logging.getLogger(__name__)

TOKEN_HELP = (
    "make a token at kaggle.com > Settings > API and put it into ~/.kaggle/access_token or KAGGLE_API_TOKEN "
    "(also accepted: ~/.kaggle/kaggle.json, KAGGLE_USERNAME with KAGGLE_KEY, or `kaggle auth login`)"
)
RETRIES = 3
FIRST_PAUSE = 2.0  # seconds; each further pause is five times as long, up to LONGEST_PAUSE
LONGEST_PAUSE = 60.0
TOO_MANY_REQUESTS, FIRST_SERVER_ERROR = 429, 500
PATIENCE = 60.0  # seconds without a byte after which a connection counts as broken


def token_present() -> bool:
    """Whether there is a token where Kaggle's client looks for one, without importing the client.

    Raises:
        UserError: there is one that the client could not read, which it would say of the data set.
    """
    environment = os.environ
    for name in ("KAGGLE_API_TOKEN", "KAGGLE_USERNAME", "KAGGLE_KEY"):
        value = environment.get(name, "")
        if not value.isascii() and not Path(value).exists():  # the first may name a file
            raise UserError(f"The environment variable {name} has signs that no Kaggle token has.", TOKEN_HELP)
    if environment.get("KAGGLE_USERNAME") and environment.get("KAGGLE_KEY"):
        return True
    home = Path.home() / ".kaggle"
    settings = Path(environment.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "kaggle"
    files = [home / "access_token", home / "access_token.txt", home / "credentials.json"]
    files += [Path(environment.get("KAGGLE_CONFIG_DIR") or (home if home.exists() else settings)) / "kaggle.json"]
    token = environment.get("KAGGLE_API_TOKEN")
    return any(map(_has_content, files)) or bool(token and (not Path(token).exists() or _has_content(Path(token))))


def _has_content(path: Path) -> bool:
    """Whether a file of a token holds anything.

    Raises:
        UserError: it is no plain text, such as what PowerShell writes, or is called .json and is none.
    """
    if not path.is_file() or not path.stat().st_size:
        return False
    try:
        text = path.read_text(encoding="ascii")
        if path.suffix == ".json" and not isinstance(parse_json(text), dict):
            raise ValueError("no mapping")
    except UnicodeDecodeError:
        problem = f"The Kaggle token {path} is not plain text (ASCII): it was saved in another encoding"
        raise UserError(f"{problem}, or holds other signs.", "save it as UTF-8 without a byte order mark") from None
    except OSError as error:
        raise UserError(
            f"The Kaggle token {path} cannot be read ({error.strerror}).", "make it readable for you"
        ) from None
    except ValueError as error:
        raise UserError(
            f"The Kaggle token {path} is not valid JSON ({error}).", "download it again, or delete it"
        ) from None
    return bool(text.strip())


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
    from kaggle.api.kaggle_api_extended import KaggleApi
    from kagglesdk import KaggleClient
    from kagglesdk.kaggle_env import get_env
    from requests.adapters import HTTPAdapter

    class _Patient(HTTPAdapter):
        def send(self, request, timeout=None, **options):
            """The client gives no limit of time: a server that accepts and never answers would be waited for for ever."""
            return super().send(request, timeout=PATIENCE if timeout is None else timeout, **options)

    class Api(KaggleApi):
        def build_kaggle_client(self) -> KaggleClient:
            """Talk to the server that KAGGLE_API_ENVIRONMENT names, which the client's own method does not read."""
            client = KaggleClient(
                env=get_env(),
                username=self.config_values.get(self.CONFIG_NAME_USER),
                password=self.config_values.get(self.CONFIG_NAME_KEY),
                api_token=self.config_values.get(self.CONFIG_NAME_TOKEN),
            )
            http = client.http_client()
            http._init_session()
            for scheme in ("https://", "http://"):
                http._session.mount(scheme, _Patient())
            return client

        def download_needed(self, *arguments, **options) -> bool:
            """Always: whole files never get here."""
            return True

        def download_file(self, response, outfile, http_client, quiet=True, resume=True, **options) -> None:
            """Leave retrying to `_retried`, so that there is one way of it."""
            _check_space(response, partial)
            try:
                super().download_file(
                    response, str(partial), http_client, quiet=True, resume=True, max_retries=0, timeout=PATIENCE
                )
            except ValueError:  # not the announced size: nothing to continue from
                partial.unlink(missing_ok=True)
                raise

    api = Api()
    try:
        api.authenticate()
    except SystemExit:  # how the client says that no token worked
        raise _wrong_token() from None
    return api


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
            problem = _explained(error, archive)
        except OSError as error:
            problem = fault_of(error, store / f"{archive.name}.zip") or _unreachable(error)
            raise problem from None
        except ValueError as error:  # the client's own words for what it cannot make sense of
            raise UserError(f"Kaggle's client refused {archive.slug}: {error}", f"look at {archive.page}") from None
        if not isinstance(problem, MachineError) or tried == retries:
            raise problem from None
        pause = min(first_pause * 5**tried, LONGEST_PAUSE)
        log.info("%s Trying again in %g s.", problem.problem, pause)
        time.sleep(pause)


def _explained(error: Exception, archive: Archive) -> UserError:
    """A failed request in plain words; a `MachineError` if it may pass by itself."""
    response = getattr(error, "response", None)
    if response is None:
        return _unreachable(error)
    status = response.status_code
    refusals = {
        401: _wrong_token(),
        403: UserError(
            f"Kaggle refuses {archive.slug} (403): its rules or terms are not accepted yet.",
            f"sign in with the token's account, open {archive.page} and accept them",
        ),
        404: UserError(f"Kaggle does not know {archive.slug} (404).", f"look at {archive.page}; it may have moved"),
        TOO_MANY_REQUESTS: MachineError(
            "Kaggle refuses more downloads for now (429).", "wait some minutes and start again"
        ),
    }
    kind = MachineError if status >= FIRST_SERVER_ERROR else UserError
    return refusals.get(status, kind(f"Kaggle answers with an error ({status}).", "start again later"))


def _unreachable(error: Exception) -> UserError:
    failure = failure_of(error)
    kind = MachineError if failure.may_pass else UserError
    return kind(f"Kaggle cannot be reached, or the connection broke: {failure.reason}.", failure.remedy)


def _wrong_token() -> UserError:
    return UserError("Kaggle does not accept the token (401): it is wrong or has expired.", TOKEN_HELP)
