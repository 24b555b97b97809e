"""Fixtures for all tests. Real data are read from ../shared where it exists; without it those tests skip and say so."""

import os
import runpy
import shutil
import signal
import sys
from pathlib import Path

import hypothesis
import pytest
from kaggle_server import KEY, USER

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tests run side by side; more threads would only get in each other's way

# The same examples at every run, and nothing left on disk; time is no matter on a machine that others use, too.
hypothesis.settings.register_profile("kdml", derandomize=True, database=None, deadline=None)
hypothesis.settings.load_profile("kdml")

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Keep whether any phase of a test failed, for `tmp_path`."""
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report


@pytest.fixture
def tmp_path(tmp_path, request):
    """pytest's, emptied after a test that passed: kept to the end the folders came to 7 GB, more than some machines have free.

    The folder itself stays, so that no later test gets its name, by which the program may know what it read there.
    """
    yield tmp_path
    if not request.node.stash.get(FAILED, False):
        shutil.rmtree(tmp_path, ignore_errors=True)
        tmp_path.mkdir(exist_ok=True)


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's root folder."""
    return ROOT


@pytest.fixture(scope="session")
def kaggle_archives() -> Path:
    """Folder of real images in Kaggle's archive layout."""
    folder = SHARED / "data" / "kaggle"
    if not folder.is_dir():
        pytest.skip(f"needs the real archives in {folder}")
    return folder


@pytest.fixture(scope="session")
def imagenet_weights() -> Path:
    """Folder of ImageNet weights as safetensors files."""
    folder = SHARED / "weights"
    if not folder.is_dir():
        pytest.skip(f"needs the ImageNet weights in {folder}")
    return folder


@pytest.fixture
def no_token(tmp_path, monkeypatch):
    """A home without any token, and Kaggle's client imported there: its import would sign in at the real Kaggle."""
    for name in [name for name in os.environ if name.startswith("KAGGLE_")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    return home


@pytest.fixture
def account(no_token, monkeypatch):
    """A key that the local server accepts."""
    import kaggle  # noqa: F401

    monkeypatch.setenv("NO_PROXY", "localhost")
    monkeypatch.setenv("KAGGLE_API_ENVIRONMENT", "TEST")
    monkeypatch.setenv("KAGGLE_USERNAME", USER)
    monkeypatch.setenv("KAGGLE_KEY", KEY)


@pytest.fixture
def call(root, tmp_path, monkeypatch, capsys):
    """Run a script in this process, where torch is imported once; give its exit code, its message, and what it wrote."""
    import torch  # not of every test

    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)}
    threads = torch.get_num_threads()

    def run(script, rest, *more):
        out, read = tmp_path / "out", tmp_path / "in"
        read.mkdir(exist_ok=True)
        claims = root / "workflow/resources/paper/claims.yaml"
        words = [word.format(out=out, in_=read, claims=claims) for word in rest.split()]
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", [script, *words, *more])
        with pytest.raises(SystemExit) as left:
            runpy.run_path(str(root / f"src/{script}.py"), run_name="__main__")
        return left.value.code, capsys.readouterr().err, sorted(path.name for path in out.rglob("*"))

    yield run
    torch.set_num_threads(threads)
    for number, handler in handlers.items():
        signal.signal(number, handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as `quick` what neither starts a whole workflow nor says that it is slow: `pytest -m quick`."""
    for item in items:
        wing = item.path.relative_to(ROOT / "tests").parts[0]
        if wing not in ("workflow", "end_to_end", "cluster") and "slow" not in item.keywords:
            item.add_marker(pytest.mark.quick)
