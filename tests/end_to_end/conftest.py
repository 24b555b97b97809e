"""One finished run of the miniature experiment for all end-to-end tests, whichever process they run in."""

import fcntl

import pytest
from miniature import MINIATURE, copy_project, copy_run, run


@pytest.fixture(scope="session")
def chain(tmp_path_factory, worker_id):
    """Folder of a finished run, to be read only."""
    base = tmp_path_factory.getbasetemp()
    shared = (base if worker_id == "master" else base.parent) / "miniature"
    shared.mkdir(exist_ok=True)
    folder = shared / "chain"
    with open(shared / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            folder.mkdir()
            copy_project(shared / "project")
            (folder / "miniature.yaml").write_text(MINIATURE)
            done = run(folder)
            (shared / "said").write_text(f"{done.returncode}\n{done.stdout}{done.stderr}")
    said = (shared / "said").read_text()
    assert said.startswith("0\n"), said
    return folder


@pytest.fixture
def own_chain(chain, tmp_path):
    """The same as a copy, for a test that changes it."""
    return copy_run(chain, tmp_path)


@pytest.fixture(scope="module")
def own_copy(chain, tmp_path_factory):
    """A copy for all tests of a module, one of which adds to it."""
    return copy_run(chain, tmp_path_factory.mktemp("own"))
