"""Kaggle's own client, signed in, with the patience that it lacks; and what its failures mean in plain words.

The client is imported only when it is used: its import takes a second and signs in.
"""

import os
from pathlib import Path
from typing import Any

from kdml.common.errors import MachineError, UserError
from kdml.common.json_text import parse_json
from kdml.data.connections import failure_of

TOKEN_HELP = (
    "make a token at kaggle.com > Settings > API and put it into ~/.kaggle/access_token or KAGGLE_API_TOKEN "
    "(also accepted: ~/.kaggle/kaggle.json, KAGGLE_USERNAME with KAGGLE_KEY, or `kaggle auth login`)"
)
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


def client_class() -> type:
    """Kaggle's client, as a class: it talks to the server that KAGGLE_API_ENVIRONMENT names, and waits for no answer for ever."""
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

    return Api


def signed_in(api: Any) -> Any:
    """The client, signed in.

    Args:
        api: an object of `client_class`.

    Raises:
        UserError: Kaggle does not accept the token.
    """
    try:
        api.authenticate()
    except SystemExit:  # how the client says that no token worked
        raise wrong_token() from None
    return api


def explained(error: Exception, name: str, page: str) -> UserError:
    """A failed request in plain words; a `MachineError` if it may pass by itself.

    Args:
        error: of requests.
        name: of what was asked for, as Kaggle calls it.
        page: where a person can see it.
    """
    response = getattr(error, "response", None)
    if response is None:
        return unreachable(error)
    status = response.status_code
    refusals = {
        401: wrong_token(),
        403: UserError(
            f"Kaggle refuses {name} (403): its rules or terms are not accepted yet.",
            f"sign in with the token's account, open {page} and accept them",
        ),
        404: UserError(f"Kaggle does not know {name} (404).", f"look at {page}; it may have moved"),
        TOO_MANY_REQUESTS: MachineError(
            "Kaggle refuses more requests for now (429).", "wait some minutes and start again"
        ),
    }
    kind = MachineError if status >= FIRST_SERVER_ERROR else UserError
    return refusals.get(status, kind(f"Kaggle answers with an error ({status}).", "start again later"))


def unreachable(error: BaseException) -> UserError:
    """A connection that failed, in plain words; a `MachineError` if it may pass by itself."""
    failure = failure_of(error)
    kind = MachineError if failure.may_pass else UserError
    return kind(f"Kaggle cannot be reached, or the connection broke: {failure.reason}.", failure.remedy)


def wrong_token() -> UserError:
    """The message for a token that Kaggle does not accept."""
    return UserError("Kaggle does not accept the token (401): it is wrong or has expired.", TOKEN_HELP)
