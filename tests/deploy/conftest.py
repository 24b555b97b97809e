"""An exported folder of each kind of task, and predictions by its own program where nothing but its requirements can be imported."""

import os
import subprocess
import sys

import pytest
from exported_place import ExportedPlace

# What an exported folder's program may import beside Python itself: its requirements, and what these bring with them.
ALLOWED = ("__main__", "kdml", "numpy", "PIL", "onnxruntime", "flatbuffers", "google", "packaging", "coloredlogs", "humanfriendly", "sympy", "mpmath", "defusedxml", "olefile")  # fmt: skip
WALL = f"""
import sys

class Wall:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in sys.stdlib_module_names and top not in {ALLOWED}:
            raise ModuleNotFoundError(f"no module named {{name}}", name=name)

sys.meta_path.insert(0, Wall())
"""


@pytest.fixture(scope="session", params=["classification", "segmentation"])
def place(request, tmp_path_factory):
    made = ExportedPlace(tmp_path_factory.mktemp("exported"), request.param)
    made.add("kd_ml_v3", {"s1": 0.6, "s2": 0.7, "teacher": 0.9})
    code, said = made.export()
    assert code == 0, said
    return made


@pytest.fixture(scope="session")
def walled(tmp_path_factory):
    """Call predict.pyz of a folder in a process in which neither torch nor the rest of the project can be imported."""
    wall = tmp_path_factory.mktemp("wall")
    (wall / "sitecustomize.py").write_text(WALL)

    def call(folder, *words):
        environment = os.environ | {"PYTHONPATH": str(wall)}
        command = [sys.executable, folder / "predict.pyz", *map(str, words)]
        return subprocess.run(command, env=environment, cwd=wall, capture_output=True, text=True, check=False)

    return call
