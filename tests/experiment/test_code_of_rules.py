"""Which files decide what a script makes, told from their text alone."""

import ast
import re
import shutil
import subprocess
import sys

import pytest

from kdml.common.errors import UserError
from kdml.experiment.code_of_rules import BESIDES, SOURCE, closure, code_of, imported_by

FILES = {
    "script.py": "import json\nfrom kdml import first\nfrom elsewhere import kdml\n",
    "other.py": "import kdml.deep.module as one\n",
    "lazy.py": "def main():\n    from kdml.second import name\n",
    "kdml/__init__.py": "",
    "kdml/first.py": "from kdml.second import attribute\n",
    "kdml/second.py": "from . import first, third\n",
    "kdml/third.py": "import torch\nfrom kdml.missing import nothing\n",
    "kdml/unused.py": "from kdml import first\n",
    "kdml/deep/__init__.py": "",
    "kdml/deep/module.py": "from .beside import thing\nfrom ..third import other\n",
    "kdml/deep/beside.py": "",
    "kdml/deep/page.html": "",
}


@pytest.fixture
def source(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path.resolve()


@pytest.mark.parametrize(
    ("script", "modules"),
    [
        ("script.py", ["__init__.py", "first.py", "second.py", "third.py"]),
        ("lazy.py", ["__init__.py", "first.py", "second.py", "third.py"]),
        ("other.py", ["__init__.py", "deep/__init__.py", "deep/beside.py", "deep/module.py", "third.py"]),
    ],
)
def test_closure_follows_imports_wherever_they_stand(source, script, modules):
    found = closure(source / script, source, {})
    assert found == {source / script, *(source / "kdml" / name for name in modules)}


def test_what_is_named_at_run_time_only_has_to_be_said(source):
    besides = {"kdml/third.py": ("kdml/deep/*",), "kdml/unused.py": ("other.py",)}
    found = closure(source / "script.py", source, besides)
    assert {source / "kdml/deep/page.html", source / "kdml/deep/beside.py"} <= found
    assert source / "kdml/unused.py" not in found and source / "other.py" not in found


def modules_of(script):
    return {path.stem for path in closure(SOURCE / script)}


def test_scripts_of_this_project():
    assert {"statistics", "measured", "contrasts", "registry"} <= modules_of("contrasts.py")
    assert {"curves", "histories", "files"} <= modules_of("curves.py")
    assert not {"statistics", "measured", "tables", "grids", "engine"} & modules_of("curves.py")
    assert {"common", "schemes", "compression", "search", "style"} <= modules_of("render_figure.py")
    assert not {"rendering", "base.html"} & modules_of("render_figure.py")
    for script in ("render_table.py", "render_grid.py", "render_claims.py", "render_index.py"):
        assert {"base.html", "macros.html"} <= {path.name.removesuffix(".j2") for path in closure(SOURCE / script)}
    assert not {"statistics", "tables", "grids"} & modules_of("evaluate.py")


def loaded_by(script):
    """Modules of the package that really are loaded once the script is imported."""
    code = (
        f"import sys; sys.path.insert(0, {str(SOURCE)!r}); __import__({script.removesuffix('.py')!r});"
        "print(*(module.__file__ for name, module in list(sys.modules.items()) if name.split('.')[0] == 'kdml'))"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.parametrize("script", ["render_claims.py", "contrasts.py", "search_best.py", "slices.py"])
def test_nothing_that_is_loaded_is_missed(script):
    assert {str(path) for path in closure(SOURCE / script)} >= set(loaded_by(script))


def test_whatever_reads_the_projects_files_or_imports_by_a_made_name_is_listed():
    """The registry builds methods by name: for trainings alone, whose runs carry a hash of their method."""
    for path in SOURCE.rglob("*.py"):
        text, name = path.read_text(), path.relative_to(SOURCE).as_posix()
        if re.search(r'/ "workflow"|import_module\(|__import__\(', text):
            assert name in {*BESIDES, "kdml/registry.py"}, name
    assert all(any(SOURCE.glob(pattern)) for patterns in BESIDES.values() for pattern in patterns)


def test_the_hash_follows_content_and_not_the_place(source, tmp_path_factory):
    def hashed(folder):
        for function in (code_of, imported_by):
            function.cache_clear()  # one process plans once; files do not change under it
        return code_of("script.py", folder)

    before = hashed(source)
    elsewhere = tmp_path_factory.mktemp("elsewhere").resolve() / source.name
    shutil.copytree(source, elsewhere)
    assert hashed(elsewhere) == before
    (source / "kdml/unused.py").write_text("changed = True\n")
    assert hashed(source) == before
    (source / "kdml/third.py").write_text("changed = True\n")
    assert hashed(source) != before


def test_a_file_that_is_no_python_is_named(source):
    (source / "kdml/third.py").write_text("fine = 1\nfine fine\n")
    with pytest.raises(UserError, match=r"third\.py, line 2: invalid syntax"):
        closure(source / "script.py", source, {})


# Trainings and their data are not made again because of an edit: `run.json` records their code, and tables refuse a mixture.
LEFT_ALONE = {"train", "train_trial", "fetch", "prepare", "split", "weights", "draw_demo"}


def test_every_rule_that_trains_nothing_follows_its_code(root):
    rules = {}
    for path in (root / "workflow/rules").glob("*.smk"):
        for text in re.split(r"^(?=rule )", path.read_text(), flags=re.M)[1:]:
            name = re.match(r"rule (\w+):", text)[1]
            rules[name] = re.findall(r'script=f"\{SRC\}/(\S+)"', text), re.findall(r'code=code_of\("(\S+)"\)', text)
    scripted = {name for name, (script, _) in rules.items() if script}
    assert scripted >= LEFT_ALONE and len(scripted) > 20
    for name in scripted:
        script, code = rules[name]
        assert code == ([] if name in LEFT_ALONE else script), name
    for script, _ in rules.values():
        assert all(ast.parse((SOURCE / name).read_text()) for name in script)
