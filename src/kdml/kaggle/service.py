"""What is asked of Kaggle: data sets of the user's own, kernels, their states and outputs; each failure in plain words."""

import contextlib
import io
import logging
import re
import time
from collections.abc import Iterator
from pathlib import Path

from kdml.common.errors import MachineError, UserError, faults_told
from kdml.data.archives import ARCHIVES
from kdml.data.kaggle_client import TOKEN_HELP, client_class, explained, signed_in, token_present

log = logging.getLogger(__name__)

PAUSE = 10.0  # seconds between two looks at a data set
UNKNOWN = (403, 404)  # how Kaggle answers for a data set that is not there
PASSING = re.compile("quota|limit|maximum|concurrent", re.IGNORECASE)  # refusals that time alone mends
KERNELS, DATASETS = "https://www.kaggle.com/code", "https://www.kaggle.com/datasets"


class Service:
    """Kaggle, with the account of the token.

    Raises:
        UserError: there is no token, it is wrong, or it does not say whose it is.
    """

    def __init__(self) -> None:
        if not token_present():
            raise UserError("There is no Kaggle token.", TOKEN_HELP)

        class Api(client_class()):
            def _upload_file(self, file_name, *arguments, **options):
                """The client goes on without a file that it could not send."""
                sent = super()._upload_file(file_name, *arguments, **options)
                if sent is None:
                    raise MachineError(f"{file_name} could not be sent to Kaggle.", "start again later")
                return sent

        with self._told("your account", "https://www.kaggle.com/settings"):
            self.api = signed_in(Api())
            self.user = self.api.config_values.get(self.api.CONFIG_NAME_USER)
        if not self.user:
            raise UserError("The Kaggle token does not say whose it is.", "set KAGGLE_USERNAME to the account's name")

    @contextlib.contextmanager
    def _told(self, name: str, page: str, unknown: list[int] | None = None) -> Iterator[None]:
        """Run a block so that what fails in it is a message; the client prints advice that is not ours.

        Args:
            name: of what is asked for.
            page: where a person can see it.
            unknown: filled with the status where there is no such thing, which is no failure then.
        """
        from requests.exceptions import RequestException

        try:
            with contextlib.redirect_stdout(io.StringIO()), faults_told():
                yield
        except RequestException as error:
            status = getattr(error.response, "status_code", None)
            if unknown is None or status not in UNKNOWN:
                raise explained(error, name, page) from None
            unknown.append(status)
        except ValueError as error:  # the client's own words for what it cannot make sense of
            raise UserError(f"Kaggle's client refused {name}: {error}", f"look at {page}") from None

    def gpu_hours_left(self) -> float | None:
        """Hours of GPU that are left this week; None where Kaggle does not say.

        Raises:
            MachineError: there are none.
        """
        with self._told("your GPU hours", "https://www.kaggle.com/settings"):
            answer = self.api.quota_view()
        quota = answer.gpu_quota
        if quota is None or quota.total_time_allowed is None:
            return None
        used = quota.time_used.total_seconds() if quota.time_used else 0.0
        left = quota.total_time_allowed.total_seconds() - used
        if left <= 0:
            again = f" until {answer.quota_refresh_time:%Y-%m-%d %H:%M} UTC" if answer.quota_refresh_time else ""
            raise MachineError(
                f"The GPU hours of this week are used{again}.", "start again then, or work with --no-gpu"
            )
        return left / 3600

    def send(self, folder: Path, dataset: str) -> None:
        """Make a data set of a folder, or a new version of it.

        Raises:
            UserError: Kaggle refuses it.
        """
        page, missing = f"{DATASETS}/{dataset}", []
        with self._told(dataset, page, missing):
            self.api.dataset_status(dataset)
        with self._told(dataset, page):
            if missing:
                answer = self.api.dataset_create_new(str(folder), quiet=True)
            else:
                answer = self.api.dataset_create_version(str(folder), "pushed", quiet=True, delete_old_versions=True)
        if answer.error:
            raise UserError(f"Kaggle refuses the data set {dataset}: {answer.error}", f"look at {page}")

    def wait_for(self, dataset: str, minutes: float) -> None:
        """Wait until Kaggle has unpacked a data set.

        Raises:
            UserError: Kaggle could not.
            MachineError: it takes longer than that.
        """
        end = time.monotonic() + 60 * minutes
        while True:
            with self._told(dataset, f"{DATASETS}/{dataset}"):
                state = self.api.dataset_status(dataset)
            if state == "ready":
                return
            if state in ("failed", "deleted"):
                raise UserError(f"The data set {dataset} is {state} at Kaggle.", f"look at {DATASETS}/{dataset}")
            if time.monotonic() + PAUSE > end:
                raise MachineError(
                    f"Kaggle still processes the data set {dataset} ({state}).",
                    "give the same command again in some minutes",
                )
            time.sleep(PAUSE)

    def start(self, folder: Path, kernel: str) -> str:
        """Save a kernel, which starts it.

        Returns:
            Address of its page.

        Raises:
            UserError: something that it needs may not be attached.
            MachineError: Kaggle has no place for it now.
        """
        with self._told(kernel, f"{KERNELS}/{kernel}"):
            answer = self.api.kernels_push(str(folder))
        if answer.error:
            kind = MachineError if PASSING.search(answer.error) else UserError
            raise kind(f"Kaggle does not start {kernel}: {answer.error}", "mend what it says, or wait, and start again")
        if refused := list(answer.invalid_competition_sources):
            pages = [one.page for one in ARCHIVES.values() if one.is_competition and one.slug in refused]
            raise UserError(
                f"Kaggle does not give {', '.join(refused)} to {kernel}: its rules are not accepted yet.",
                f"sign in with the token's account, open {', '.join(pages)} and accept them; then start again",
            )
        if refused := [*answer.invalid_dataset_sources, *answer.invalid_kernel_sources]:
            raise UserError(
                f"Kaggle does not give {', '.join(refused)} to {kernel}.",
                "look whether it exists and is yours, start again",
            )
        return str(answer.url or f"{KERNELS}/{kernel}")

    def state(self, kernel: str) -> tuple[str, str]:
        """Where a kernel is, as one of Kaggle's words in small letters, and why it failed, if it did."""
        with self._told(kernel, f"{KERNELS}/{kernel}"):
            answer = self.api.kernels_status(kernel)
        return answer.status.name.lower(), answer.failure_message or ""

    def fetch(self, kernel: str, name: str, folder: Path) -> None:
        """Download one file of what a kernel left, and its log."""
        with self._told(kernel, f"{KERNELS}/{kernel}"):
            self.api.kernels_output(kernel, str(folder), file_pattern=f"^{re.escape(name)}$", force=True)
