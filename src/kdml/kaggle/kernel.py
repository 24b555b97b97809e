"""What is sent to Kaggle: the project as a data set of the user's own, and the kernel that works with it."""

import hashlib
import json
import subprocess
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from kdml.common.errors import UserError
from kdml.common.files import sha256_of, write_json, write_text
from kdml.data.archives import ARCHIVES
from kdml.kaggle import session

TWO_GPUS = "NvidiaTeslaT4"  # what Kaggle calls a machine with two of them
PATTERN = "[a-z][a-z0-9]*(-[a-z0-9]+)*"  # of a name, which becomes part of addresses
LONGEST = 30  # signs of a name
SECRETS = ("kaggle.json", "access_token")


@dataclass(frozen=True)
class Job:
    """What a user wants of Kaggle, from the first session to the last.

    Args:
        name: of the data sets and kernels.
        minutes: to work in a session.
        experiment: its name.
        profile: that Snakemake is given, relative to the project.
        configfile, config: laid over the project's configuration.
        targets: of Snakemake; everything if none is given.
        archives: names of the archives that the experiment reads.
        internet: whether a session may use it.
        gpu: whether a session has two GPUs.
    """

    name: str
    minutes: float
    experiment: str
    profile: str
    configfile: Sequence[str] = ()
    config: Sequence[str] = ()
    targets: Sequence[str] = ()
    archives: Sequence[str] = ()
    internet: bool = True
    gpu: bool = True

    def told(self, project: str) -> dict[str, Any]:
        """What a session is told, see `kdml.kaggle.session`.

        Args:
            project: checksum of what was sent of it.
        """
        facts = {key: getattr(self, key) for key in ("minutes", "experiment", "profile", "internet", "gpu")}
        facts |= {key: list(getattr(self, key)) for key in ("configfile", "config", "targets")}
        return facts | {"project": project, "marks": {name: ARCHIVES[name].holds[0] for name in self.archives}}

    def kernel(self, user: str, number: int) -> str:
        """What Kaggle calls the kernel of a session: each has one of its own, so that no output is written over."""
        return f"{user}/{self.name}-session-{number}"

    def dataset(self, user: str, what: str) -> str:
        """What Kaggle calls a data set of the user's own: the project, or wheels."""
        return f"{user}/{self.name}-{what}"


def tracked(root: Path, also: Iterable[Path]) -> list[str]:
    """Files of the project that travel: those that are committed or about to be, and what the user names beside them.

    Args:
        root: of the project.
        also: files and folders below it.

    Returns:
        Names relative to the root, sorted.

    Raises:
        UserError: it is no checkout of git, or something lies elsewhere or does not exist.
    """
    done = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise UserError(
            f"{root} is no checkout of git, which says what belongs to the project.", "clone the repository"
        )
    names = {name for name in done.stdout.split("\0") if name and (root / name).is_file()}
    for path in also:
        place = root / path
        below = (
            [one for one in place.rglob("*") if one.is_file() and not _is_secret(one)] if place.is_dir() else [place]
        )
        if not place.exists() or not all(one.is_relative_to(root) and ".." not in one.parts for one in below):
            raise UserError(f"{path} is no file or folder below {root}.", "name it relative to the project's root")
        names |= {one.relative_to(root).as_posix() for one in below}
    return sorted(names)


def _is_secret(path: Path) -> bool:
    """Whether a file of a folder stays here: tokens, environments with passwords, git's own."""
    return path.name in SECRETS or any(part == ".git" or part.startswith(".env") for part in path.parts)


def write_project(folder: Path, dataset: str, root: Path, names: Sequence[str]) -> str:
    """Write the folder of the data set that holds the project.

    Args:
        folder: to write into.
        dataset: what Kaggle calls it.
        root: of the project.
        names: of `tracked`.

    Returns:
        Checksum of names and contents: equal ones need no upload.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _write_metadata(folder, dataset)
    digest = hashlib.sha256()
    for name in names:
        digest.update(f"{name}\n{sha256_of(root / name)}\n".encode())
    times = {name: int((root / name).stat().st_mtime) for name in names}
    about = json.dumps({"digest": digest.hexdigest(), "times": times}).encode()
    with tarfile.open(folder / session.PROJECT, "w", dereference=True) as archive:
        member = tarfile.TarInfo(session.TIMES)
        member.size = len(about)
        archive.addfile(member, BytesIO(about))
        for name in names:
            archive.add(root / name, name)
    return digest.hexdigest()


def write_wheels(folder: Path, dataset: str, wheels: Path) -> str:
    """Write the folder of the data set that holds packages for a session without internet, as links to them.

    Args:
        folder: to write into.
        dataset: what Kaggle calls it.
        wheels: folder of wheels.

    Returns:
        Checksum of names and sizes.

    Raises:
        UserError: the folder lacks torch, without which there is nothing to work with.
    """
    found = sorted(wheels.glob("*.whl"))
    if not any(path.name.startswith("torch-") for path in found):
        raise UserError(f"{wheels} holds no wheel of torch.", "make all wheels, as docs/how-to/kaggle.md says")
    folder.mkdir(parents=True, exist_ok=True)
    _write_metadata(folder, dataset)
    for path in folder.glob("*.whl"):
        path.unlink()
    for path in found:
        (folder / path.name).symlink_to(path.resolve())
    listed = "".join(f"{path.name}\n{path.stat().st_size}\n" for path in found)
    return hashlib.sha256(listed.encode()).hexdigest()


def _write_metadata(folder: Path, dataset: str) -> None:
    title = dataset.partition("/")[2].replace("-", " ")
    write_json(folder / "dataset-metadata.json", {"title": title, "id": dataset, "licenses": [{"name": "other"}]})


def write_kernel(folder: Path, kernel: str, job: Job, project: str, datasets: Sequence[str], last: str | None) -> None:
    """Write the folder of a kernel.

    Args:
        folder: to write into.
        kernel: what Kaggle calls it.
        job: what it is for.
        project: checksum of what was sent of it.
        datasets: of the user's own that it reads.
        last: the kernel whose output it goes on from.
    """
    folder.mkdir(parents=True, exist_ok=True)
    given = [ARCHIVES[name] for name in job.archives]
    write_json(folder / "kernel-metadata.json", _metadata(kernel, job, [*datasets, *_slugs(given, False)], last))
    code = Path(session.__file__).read_text(encoding="utf-8")
    write_text(folder / "session.py", f"{code}\n\nmain({job.told(project)!r})\n")


def _slugs(archives: Iterable[Any], of_competitions: bool) -> list[str]:
    return [archive.slug for archive in archives if archive.is_competition == of_competitions]


def _metadata(kernel: str, job: Job, datasets: Sequence[str], last: str | None) -> Mapping[str, Any]:
    return {
        "id": kernel,
        "title": kernel.partition("/")[2].replace("-", " "),
        "code_file": "session.py",
        "language": "python",
        "kernel_type": "script",
        "is_private": True,
        "enable_gpu": job.gpu,
        "enable_internet": job.internet,
        "dataset_sources": list(datasets),
        "competition_sources": _slugs((ARCHIVES[name] for name in job.archives), True),
        "kernel_sources": [] if last is None else [last],
    } | ({"machine_shape": TWO_GPUS} if job.gpu else {})
