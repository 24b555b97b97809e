"""Figures are drawn from files alone, whatever the user's surroundings, and show what there is."""

import os
import subprocess
import sys

import pytest
from place_files import graphs_file

from kdml.common.errors import UserError
from kdml.reporting.data import Data
from kdml.reporting.figures import schemes
from kdml.reporting.figures.common import save


def words(figure):
    """All texts of a figure but the numbers of its axes."""
    texts = [figure.texts, *(axes.texts for axes in figure.axes)]
    found = [text.get_text() for of in texts for text in of]
    found += [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    for axes in figure.axes:
        found += [
            axes.get_title(),
            axes.get_xlabel(),
            axes.get_ylabel(),
            *(tick.get_text() for tick in axes.get_yticklabels()),
        ]
    return " | ".join(found).replace("\n", " ")


HOSTILE = "text.usetex: True\nsavefig.facecolor: red\nsavefig.transparent: True\naxes.facecolor: yellow\nfont.size: 30\nsavefig.dpi: 20\n"


def figure_1(root, folder, **surroundings):
    """Bytes of figure 1 as PNG and PDF."""
    folder.mkdir()
    (folder / "home").mkdir()
    files = [folder / "figure_01.png", folder / "figure_01.pdf"]
    command = [sys.executable, root / "src/schemes.py", "--graphs", graphs_file(folder), "--out", *files]
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MPL", "MATPLOTLIB", "XDG", "LC_", "LANG", "TZ"))
    }
    environment = {**clean, "HOME": str(folder / "home"), **surroundings}
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [path.read_bytes() for path in files]


@pytest.mark.slow
def test_the_users_surroundings_change_nothing(root, tmp_path):
    """Neither a matplotlibrc in any of its places, nor a notebook's backend, nor language and time zone."""
    rc = tmp_path / "rc"
    for place in (rc, rc / "matplotlib"):
        place.mkdir()
        (place / "matplotlibrc").write_text(HOSTILE)
    away = {"TZ": "Pacific/Kiritimati", "LANG": "de_DE.UTF-8", "LC_ALL": "C"}
    hostile = {
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "MATPLOTLIBRC": str(rc),
        "XDG_CONFIG_HOME": str(rc),
    }
    plain = figure_1(root, tmp_path / "plain")
    assert figure_1(root, tmp_path / "hostile", **away, **hostile) == plain
    assert figure_1(root, tmp_path / "config", XDG_CONFIG_HOME=str(rc)) == plain


def test_a_matplotlibrc_where_the_workflow_runs_changes_nothing(root, tmp_path):
    (tmp_path / "matplotlibrc").write_text(HOSTILE)
    script = "from kdml.reporting.figures import common; import matplotlib as m; print(m.rcParams['font.size'], m.rcParams['text.usetex'])"
    environment = {**os.environ, "PYTHONPATH": str(root / "src")}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["8.0", "False"]


def scheme(folder, number):
    return schemes.draw(Data({"graphs": [graphs_file(folder)]}, {"number": number}))


def test_figures_are_written_by_their_names(tmp_path):
    figure = scheme(tmp_path, "2")
    with pytest.raises(UserError, match=r"f\.svg has no known form"):
        save(figure, "T", "", [tmp_path / "f.svg"])
    save(figure, "T", "", [tmp_path / "f.png"])
    assert (tmp_path / "f.png").read_bytes().startswith(b"\x89PNG")


def test_script_of_figures(root, tmp_path):
    command = [
        sys.executable,
        root / "src/figure.py",
        "--draws",
        "figures.schemes:draw",
        "--number",
        "3",
        "--title",
        "T",
    ]
    command += ["--data", f"graphs={graphs_file(tmp_path)}", "--figure"]
    done = subprocess.run(
        [*command, tmp_path / "f.png", tmp_path / "f.pdf"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "f.pdf").read_bytes().startswith(b"%PDF") and b"CreationDate" not in (
        tmp_path / "f.pdf"
    ).read_bytes()
