"""Files appear whole or not at all: on a disk that fills up, from a process that is killed, from two that write the same."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kdml.common.errors import MachineError, UserError
from kdml.common.files import partial_of, write_json, written_whole
from kdml.common.source_code import SOURCE

# Every kind of file that the workflow writes, each too large for the disk. Prints a line for each.
WRITE_ALL = """
import sys, zipfile
from pathlib import Path
import numpy as np, pandas as pd, torch
from matplotlib.figure import Figure
from kdml.analysis import cases
from kdml.common.errors import MachineError
from kdml.common.files import write_csv, write_json, written_whole
from kdml.data.prepare import _rows
from kdml.learning import checkpoint
from kdml.learning.networks import save_networks
from kdml.runs import predictions

folder, many = Path(sys.argv[1]), np.random.default_rng(0).random(200_000)

def figure(path):
    with written_whole(path) as temporary:
        drawn = Figure()
        drawn.subplots().imshow(many.reshape(400, 500))
        drawn.savefig(temporary, dpi=300)

def array(path):
    with _rows(path, (200_000,)) as write:
        write(many.view(np.uint8))

def table(path):
    with written_whole(path) as temporary:
        pd.DataFrame({"a": many}).to_parquet(temporary)

def arrays(path):
    with written_whole(path) as temporary:
        np.savez(temporary, many=many)

WRITERS = {
    "a.json": lambda path: write_json(path, many.tolist()),
    "a.csv": lambda path: write_csv(path, [{"a": one} for one in many]),
    "a.png": figure,
    "a.npy": array,
    "a.parquet": table,
    "a.npz": arrays,
    "predictions.npz": lambda path: predictions.save(path, np.arange(200_000), {"s1": many[:, None]}),
    "checkpoint.pt": lambda path: checkpoint.save(path, {"weights": torch.from_numpy(many)}, "mine"),
    "weights.safetensors": lambda path: save_networks(path, {"s1": torch.nn.Linear(1000, 100)}),
}
for name, write in WRITERS.items():
    (folder / name).write_bytes(b"old")
    try:
        write(folder / name)
        print(name, "was written")
    except MachineError as error:
        print(name, error.problem)
assert sorted(path.name for path in folder.iterdir()) == sorted(WRITERS), list(folder.iterdir())
assert all((folder / name).read_bytes() == b"old" for name in WRITERS)
"""
LIMITED = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"


def written_by(command, folder):
    done = subprocess.run([*command, folder], cwd=SOURCE, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(line.split(" ", 1) for line in done.stdout.splitlines())


def test_every_kind_of_file_is_told_and_its_old_content_stays_when_the_system_takes_no_more(tmp_path):
    for name, problem in written_by([sys.executable, "-c", LIMITED + WRITE_ALL], tmp_path).items():
        assert problem in (f"{tmp_path / name}: File too large.", f"{tmp_path / name}: No space left on device."), name


def test_every_kind_of_file_is_told_on_a_full_disk(tmp_path):
    mount = f'mount -t tmpfs -o size=100k tmpfs {tmp_path} && exec "$@"'
    own = ["unshare", "--map-root-user", "--mount", "bash", "-c", mount, "_"]
    try:
        if subprocess.run([*own, "true"], capture_output=True, check=False).returncode:
            pytest.skip("needs a file system of its own (unshare, mount)")
    except FileNotFoundError:
        pytest.skip("needs unshare")
    found = written_by([*own, sys.executable, "-c", WRITE_ALL], tmp_path)
    assert len(found) == 9
    for name, problem in found.items():
        assert problem == f"{tmp_path / name}: No space left on device."


DIE = """
import os, signal, sys
from pathlib import Path
from kdml.common.files import written_whole
with written_whole(Path(sys.argv[1])) as temporary:
    temporary.write_text("half of i")
    print("writing", flush=True)
    if sys.argv[2] == "wait":
        sys.stdin.read()
    os.kill(os.getpid(), int(sys.argv[2]))
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_what_a_killed_process_left_goes_away_with_the_next_write(tmp_path, number):
    path = tmp_path / "table.json"
    write_json(path, "old")
    subprocess.run([sys.executable, "-c", DIE, path, str(int(number))], cwd=SOURCE, stdout=subprocess.PIPE, check=False)
    assert path.read_text() == '"old"\n' and partial_of(path).exists()
    write_json(path, "new")
    assert [one.name for one in tmp_path.iterdir()] == ["table.json"] and path.read_text() == '"new"\n'


def test_two_processes_do_not_write_one_file(tmp_path):
    path = tmp_path / "table.json"
    command = [sys.executable, "-c", DIE, path, "wait"]
    other = subprocess.Popen(command, cwd=SOURCE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "writing\n"
        with pytest.raises(MachineError, match=r"Another process writes .*table.json(.|\n)*wait until it has ended"):
            write_json(path, "mine")
        assert partial_of(path).read_text() == "half of i"
    finally:
        other.kill()
        other.wait()
    write_json(path, "mine")
    assert path.read_text() == '"mine"\n'


def test_a_failed_block_leaves_the_old_file_alone(tmp_path):
    path = tmp_path / "table.json"
    write_json(path, "old")
    with pytest.raises(ZeroDivisionError), written_whole(path) as temporary:
        temporary.write_text("half")
        _ = 1 / 0
    assert [one.name for one in tmp_path.iterdir()] == ["table.json"] and path.read_text() == '"old"\n'


def unwritable(tmp_path):
    (tmp_path / "file").touch()
    return {
        "a file for a folder": (tmp_path / "file" / "a.json", UserError, "Not a directory|File exists"),
        "a folder for the file": (tmp_path, UserError, "Is a directory"),
        "a name too long": (tmp_path / ("x" * 300 + ".json"), UserError, "File name too long"),
        "no place for files": (Path("/proc/a.json"), UserError, "No such file|Permission|not permitted"),
    }


@pytest.mark.parametrize(
    "name", ["a file for a folder", "a folder for the file", "a name too long", "no place for files"]
)
def test_a_place_that_cannot_be_written_is_named(tmp_path, name):
    path, kind, words = unwritable(tmp_path)[name]
    with pytest.raises(kind, match=words) as told:
        write_json(path, "mine")
    assert told.value.problem.startswith((f"{path}: ", f"{path.parent}: ")) and type(told.value) is kind


def test_too_many_open_files_are_told(tmp_path):
    code = (
        "import resource, sys\nfrom pathlib import Path\nfrom kdml.common.files import write_json\nfrom kdml.common.errors import run_script\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))\nheld = []\n"
        "def main():\n    while len(held) < 13:\n        held.append(open('/dev/null'))\n    write_json(Path(sys.argv[1]), 1)\nrun_script(main)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "a.json"], cwd=SOURCE, capture_output=True, text=True, check=False
    )
    assert done.returncode == 75 and "a.json: Too many open files." in done.stderr and "ulimit -n" in done.stderr
    assert "Traceback" not in done.stderr and list(tmp_path.iterdir()) == []
