"""One finished run of the miniature experiment for all end-to-end tests."""

import pytest
from miniature import MINIATURE, copy_project, run


@pytest.fixture(scope="session")
def chain(tmp_path_factory):
    """Folder of a finished run."""
    folder = tmp_path_factory.mktemp("session") / "chain"
    folder.mkdir()
    copy_project(folder.with_name("project"))
    (folder / "miniature.yaml").write_text(MINIATURE)
    done = run(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder
