"""A session on Kaggle: install, take over what the last one left, work for some minutes, leave a pack and what the next needs.

This file is sent to Kaggle alone and runs there before anything is installed: it needs nothing but Python. What it is told is
the mapping that `kdml.kaggle.kernel` writes below it.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

TREE = "KDML_KAGGLE_TREE"  # environment variable: another folder than /kaggle, for a trial
PYTHON = "KDML_KAGGLE_PYTHON"  # environment variable: the Python of an environment that is installed already
PROJECT = "kdml-project.tar"
TIMES = "kdml-project.json"  # in it: a checksum, and times of change, which are lost where Kaggle unpacks
SESSION = "session.json"
PART = 2**30  # bytes of a part of the state, unless a single file has more
ROOM = 19 * 10**9  # bytes of the 20 GB that Kaggle keeps of a session; the rest is for the pack and the log
DEPTH = 4  # folders below /kaggle/input where something that was attached may begin
MANY = 5000  # entries of a folder that holds images and nothing else
TIME_IS_UP = 75  # exit code of src/work_for.py
PUBLISHING = 30  # minutes at most for the pack
STATE = ("results", "resources", "logs", ".snakemake/metadata", ".snakemake/incomplete")
WEIGHTS = ".safetensors"


class Refused(Exception):
    """What keeps a session from its work, in words."""


def folders(top: Path, depth: int = DEPTH) -> Iterator[Path]:
    """Folders below one, the outer before the inner, as Kaggle mounts what is attached under one of several names."""
    ahead = [(top, 0)]
    while ahead:
        folder, level = ahead.pop(0)
        yield folder
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name) if level < depth else []
        if len(entries) < MANY:
            ahead += [(Path(entry.path), level + 1) for entry in entries if entry.is_dir()]


def found(places: Sequence[Path], mark: str) -> Path | None:
    """The outermost folder that holds a file or folder of a name."""
    return next((folder for folder in places if (folder / mark).exists()), None)


def put_project(places: Sequence[Path], project: Path, digest: str) -> None:
    """Copy the project, which Kaggle shows as the archive that was sent or as the folder that it unpacked it into.

    Args:
        places: folders of all that is attached.
        project: where it is put, with its times of change, by which Snakemake sees what an edit decides.
        digest: checksum of what was sent last.

    Raises:
        Refused: it is not attached, or only what was sent before.
    """
    if (packed := found(places, PROJECT)) is not None and (packed / PROJECT).is_file():
        with tarfile.open(packed / PROJECT) as archive:
            archive.extractall(project, filter="data")
    elif (unpacked := found(places, TIMES)) is not None:
        shutil.copytree(unpacked, project)
    else:
        raise Refused("The data set with the project is not attached.")
    about = json.loads((project / TIMES).read_text(encoding="utf-8"))
    if about["digest"] != digest:
        raise Refused("Kaggle has attached the project as it was sent before: `continue` again in some minutes.")
    for name, time in about["times"].items():
        os.utime(project / name, (time, time))


def link_archives(places: Sequence[Path], marks: Mapping[str, str], folder: Path) -> None:
    """Bring the archives into one folder under their names, as links to where Kaggle has unpacked them.

    Args:
        places: folders of all that is attached.
        marks: name of an archive -> a name at its top.
        folder: of links.

    Raises:
        Refused: one is not attached.
    """
    folder.mkdir()
    for name, mark in marks.items():
        if (place := found(places, mark)) is None:
            raise Refused(f"{name} is not attached: no folder below /kaggle/input holds {mark}.")
        (folder / name).symlink_to(place, target_is_directory=True)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, as hex digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def restore(places: Sequence[Path], folder: Path, experiment: str) -> int:
    """Unpack what an earlier session left, with its times of change, by which Snakemake sees what is made.

    Args:
        places: folders of all that is attached.
        folder: where the workflow works.
        experiment: that is worked on.

    Returns:
        Number of sessions before this one.

    Raises:
        Refused: it is of another experiment, or not whole.
    """
    if (last := found(places, SESSION)) is None:
        return 0
    told = json.loads((last / SESSION).read_text(encoding="utf-8"))
    if told["experiment"] != experiment:
        raise Refused(f"The session that is attached is of the experiment {told['experiment']}, not {experiment}.")
    for name, digest in told["parts"].items():
        if not (last / name).is_file() or sha256_of(last / name) != digest:
            raise Refused(f"{last / name} is missing or not what the last session wrote.")
        with tarfile.open(last / name) as part:
            part.extractall(folder, filter="data")
    return told["number"]


def install_commands(project: Path, environment: Path, wheels: Path | None) -> list[list[str]]:
    """Commands that make an environment with the locked versions.

    Args:
        project: with its lock.
        environment: folder to make.
        wheels: folder with all packages as wheels, for a machine without internet; None for the package index.
    """
    python = str(environment / "bin/python")
    lock = project / ("requirements.lock" if wheels is None else "requirements.plain")
    # Wheels that somebody built have other checksums than those of the index: of these the versions alone are compared.
    source = [] if wheels is None else ["--no-index", "--find-links", str(wheels), "--no-deps"]
    install = ["-m", "pip", "--python", python, "install", "--quiet", *source, "--requirement", str(lock)]
    return [[sys.executable, "-m", "venv", "--without-pip", str(environment)], [sys.executable, *install]]


def without_checksums(lock: str) -> str:
    """The requirements of a lock, a line each."""
    lines = (line for line in lock.splitlines() if line and not line.startswith((" ", "#")))
    return "".join(f"{line.removesuffix(chr(92)).rstrip()}\n" for line in lines)


def install(project: Path, temp: Path, places: Sequence[Path], internet: bool) -> str:
    """Install what the project needs.

    Returns:
        The Python to work with.

    Raises:
        Refused: it could not be installed.
    """
    if ready := os.environ.get(PYTHON):
        return ready
    wheels = None
    if not internet:
        wheels = next((folder for folder in places if any(folder.glob("torch-*.whl"))), None)
        if wheels is None:
            raise Refused("The internet is off, and no data set with wheels (torch-*.whl) is attached.")
        plain = without_checksums((project / "requirements.lock").read_text(encoding="utf-8"))
        (project / "requirements.plain").write_text(plain, encoding="utf-8")
    for command in install_commands(project, temp / "environment", wheels):
        if (code := subprocess.run(command, check=False).returncode) != 0:
            raise Refused(f"Installing ended with exit code {code}: {' '.join(command)}")
    return str(temp / "environment/bin/python")


def check_gpu(python: str) -> None:
    """Look whether torch finds the GPU before hours are spent without it.

    Raises:
        Refused: it does not.
    """
    code = "import sys, torch; print(torch.__version__, torch.version.cuda); sys.exit(not torch.cuda.is_available())"
    if subprocess.run([python, "-c", code], check=False).returncode != 0:
        raise Refused("torch finds no GPU: the session has none, or its driver is older than this torch wants.")


def work(python: str, project: Path, folder: Path, archives: Path, told: Mapping[str, Any]) -> tuple[int, Path | None]:
    """Run the workflow for some minutes, and make a pack of what is finished.

    Args:
        python: to run with.
        project: its root.
        folder: to work in.
        archives: folder of archives.
        told: what the session was told.

    Returns:
        (exit code of the workflow, path of the pack; None if nothing is finished).
    """
    part, values = folder / "finished.yaml", [*told["config"], f"archives={archives}"]
    at = ["--profile", told["profile"], "--directory", str(folder)]
    as_told = [*at, *laid(told["configfile"], values)]

    def run(*command: str) -> int:
        return subprocess.run([python, *command], cwd=project, check=False).returncode

    code = run("src/work_for.py", str(told["minutes"]), *told["targets"], *as_told)
    if run("src/status.py", *as_told, "--finished", str(part)) != 0:
        return code, None
    # What was trained is packed after this: a page that takes too long must not cost it.
    finished = laid([*told["configfile"], str(part)], values)
    published = run("src/work_for.py", str(PUBLISHING), "publish", *at, *finished)
    pack = folder / f"results/{told['experiment']}.zip"
    return code, pack if published == 0 and pack.exists() else None


def laid(files: Sequence[str], values: Sequence[str]) -> list[str]:
    """Words of Snakemake's command line for what is laid over the project's configuration.

    Args:
        files: configuration files.
        values: `KEY=VALUE` each, laid over the files.
    """
    options = {"--configfile": files, "--config": values}
    return [word for option, given in options.items() if given for word in (option, *given)]


def state_files(folder: Path) -> list[Path]:
    """Files that the next session goes on from, those first that cost most to make again: records, weights, prepared arrays."""
    names = (path for top in STATE for path in (folder / top).rglob("*") if path.is_file() and not path.is_symlink())
    kept = (path for path in names if ".partial" not in path.name and not path.name.endswith((".lock", ".zip")))
    return sorted(kept, key=lambda path: (path.suffix == ".npy", path.suffix == WEIGHTS, path.as_posix()))


def leave_state(folder: Path, out: Path, room: int) -> tuple[dict[str, str], list[str]]:
    """Pack what the next session goes on from, and remove it where it was, so that both never lie there in full.

    Args:
        folder: that was worked in.
        out: where the parts are written.
        room: bytes that they may have together.

    Returns:
        (SHA-256 of each part by its name, names of the files that had no room).
    """
    parts: list[list[Path]] = [[]]
    filled, left_out = 0, []
    for path in state_files(folder):
        size = path.stat().st_size + 2 * tarfile.BLOCKSIZE
        if size > room:
            left_out.append(path.relative_to(folder).as_posix())
            continue
        room -= size
        if parts[-1] and filled + size > PART:
            parts.append([])
            filled = 0
        parts[-1].append(path)
        filled += size
    digests = {}
    for number, paths in enumerate(part for part in parts if part):
        name = f"state-{number:03d}.tar"
        with tarfile.open(out / name, "w") as archive:
            for path in paths:
                archive.add(path, path.relative_to(folder).as_posix())
                path.unlink()
        digests[name] = sha256_of(out / name)
    return digests, left_out


def names_of(paths: Iterable[str]) -> str:
    """A few of many names, for a line of the log."""
    listed = list(paths)
    return ", ".join(listed[:3]) + (f" and {len(listed) - 3} more" if len(listed) > 3 else "")


def session(told: Mapping[str, Any]) -> None:
    """Do all of it.

    Args:
        told: see `kdml.kaggle.kernel.Job.told`.

    Raises:
        Refused: it cannot be done; nothing was worked on.
    """
    tree = Path(os.environ.get(TREE, "/kaggle"))
    out, temp = tree / "working", tree / "temp" / "kdml"
    shutil.rmtree(temp, ignore_errors=True)
    folder = temp / "work"
    folder.mkdir(parents=True)
    places = list(folders(tree / "input"))
    put_project(places, temp / "project", told["project"])
    link_archives(places, told["marks"], temp / "archives")
    before = restore(places, folder, told["experiment"])
    python = install(temp / "project", temp, places, told["internet"])
    if told["gpu"]:
        check_gpu(python)
    code, pack = work(python, temp / "project", folder, temp / "archives", told)
    room = ROOM
    if pack is not None:
        shutil.copy2(pack, out / pack.name)
        room -= pack.stat().st_size
    parts, left_out = leave_state(folder, out, room)
    shutil.rmtree(temp)
    facts = {"experiment": told["experiment"], "number": before + 1, "exit_code": code, "parts": parts}
    facts |= {"pack": pack and {"name": pack.name, "sha256": sha256_of(out / pack.name)}, "left_out": left_out}
    (out / SESSION).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    said = {0: "Everything is made.", TIME_IS_UP: "The time was up; `continue` goes on."}
    print(said.get(code, f"Snakemake ended with exit code {code}: look above for what failed."))
    if lost := [name for name in left_out if name.endswith(WEIGHTS)]:
        print(f"No room for weights, so these trainings will run again: {names_of(lost)}.")


def main(told: Mapping[str, Any]) -> None:
    """Run a session; what keeps it from its work is its last word, and it fails."""
    try:
        session(told)
    except Refused as problem:
        sys.exit(f"Error: {problem}")
