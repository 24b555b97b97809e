"""The interpreter is the one that Snakemake runs in, wherever it was started from and whatever `python` is first on the path."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

from snakemake_runs import ROOT


def test_snakemake_of_the_environment_from_another_folder(tmp_path):
    decoys = tmp_path / "decoys"
    decoys.mkdir()
    for name in ("python", "python3"):
        (decoys / name).write_text("#!/bin/sh\necho the wrong python >&2\nexit 7\n")
        (decoys / name).chmod(0o755)
    archive = "resources/reproduction/archives/lgg-mri-segmentation.zip"
    small = ("archives=demo", "datasets={lgg: {image_size: 32, demo_images: 60}}")
    command = [
        Path(sys.executable).parent / "snakemake",
        "--cores",
        "1",
        "-s",
        ROOT / "Snakefile",
        archive,
        "--config",
        *small,
    ]
    environment = {"PATH": f"{decoys}:/usr/bin:/bin", "HOME": str(tmp_path), "LANG": os.environ.get("LANG", "C.UTF-8")}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert zipfile.is_zipfile(tmp_path / archive)
