"""A SLURM cluster, and one experiment that went through everything that happens on one."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster_runs import EXPERIMENT, afflict
from slurm_here import SlurmHere, what_is_missing
from snakemake_runs import snakemake


@pytest.fixture(scope="session")
def slurm() -> Iterator[SlurmHere]:
    """A running cluster; tests that use it belong to the xdist group `cluster`, because there is one."""
    if missing := what_is_missing():
        pytest.skip(f"no SLURM can be started here: {missing}")
    with tempfile.TemporaryDirectory(prefix="kdml-slurm-") as folder:  # short: a socket lies in it
        cluster = SlurmHere(Path(folder))
        try:
            try:
                cluster.start()
            except AssertionError as error:
                said = "".join(path.read_text()[-500:] for path in Path(folder).glob("*.out"))
                pytest.skip(f"no SLURM can be started here: {error}\n{said}")
            yield cluster
        finally:
            cluster.stop()


@pytest.fixture(scope="session")
def undisturbed(slurm, tmp_path_factory) -> Path:
    """Folder of the experiment, run without a scheduler and without any fault."""
    folder = tmp_path_factory.mktemp("undisturbed")
    (folder / "experiment.yaml").write_text(EXPERIMENT)
    done = snakemake(folder, "--cores", "2", "all", "--configfile", folder / "experiment.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="session")
def afflicted(slurm, tmp_path_factory):
    """The same experiment on the cluster, whose every training met with something, and what was seen meanwhile."""
    folder = tmp_path_factory.mktemp("afflicted")
    (folder / "experiment.yaml").write_text(EXPERIMENT)
    return afflict(slurm, folder)
