"""Which files decide what a script makes, told from their text alone."""

import re
import shutil
import subprocess
import sys

import pytest

from kdml.common.source_code import SOURCE
from kdml.experiment.code_of_rules import BESIDES, closure, code_of

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


def test_what_is_named_at_run_time_only_has_to_be_said(source):
    besides = {"kdml/third.py": ("kdml/deep/*",), "kdml/unused.py": ("other.py",)}
    found = closure(source / "script.py", source, besides)
    assert {source / "kdml/deep/page.html", source / "kdml/deep/beside.py"} <= found
    assert source / "kdml/unused.py" not in found and source / "other.py" not in found


def modules_of(script):
    return {path.stem for path in closure(SOURCE / script)}


def test_scripts_of_this_project():
    assert {"statistics", "contrasts", "methods"} <= modules_of("contrasts.py")
    assert not {"engine", "networks"} & modules_of("contrasts.py")
    for script in ("results.py", "table.py", "claims_page.py", "index.py"):
        assert {"base.html", "macros.html"} <= {path.name.removesuffix(".j2") for path in closure(SOURCE / script)}
    assert {"style", "claims"} <= modules_of("schemes.py") | modules_of("claims.py")


def test_of_tables_and_figures_only_what_draws_it_counts(tmp_path):
    source = tmp_path.resolve() / "src"
    shutil.copytree(SOURCE, source)
    shutil.copytree(SOURCE.parent / "workflow", tmp_path / "workflow")
    kinds = ("figures.compression:draw", "figures.detection:draw")

    def hashed():
        code_of.cache_clear()
        return [code_of("figure.py", source, draws) for draws in kinds]

    before = hashed()
    drawn = source / "kdml/reporting/figures/compression.py"
    drawn.write_text(drawn.read_text() + "\nADDED = 1\n")
    after = hashed()
    assert (after[0] != before[0], after[1] != before[1]) == (True, False)


def loaded_by(script):
    """Modules of the package that really are loaded once the script is imported."""
    code = (
        f"import sys; sys.path.insert(0, {str(SOURCE)!r}); __import__({script.removesuffix('.py')!r});"
        "print(*(module.__file__ for name, module in list(sys.modules.items()) if name.split('.')[0] == 'kdml'))"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.parametrize("script", ["claims_page.py", "contrasts.py", "search_best.py", "slices.py"])
def test_nothing_that_is_loaded_is_missed(script):
    assert {str(path) for path in closure(SOURCE / script)} >= set(loaded_by(script))


def test_whatever_reads_the_projects_files_or_imports_by_a_made_name_is_listed():
    """Methods are imported by name for trainings alone, whose runs carry a hash of their method."""
    for path in SOURCE.rglob("*.py"):
        text, name = path.read_text(), path.relative_to(SOURCE).as_posix()
        if re.search(r'/ "workflow"|import_module\(|__import__\(', text):
            assert name in {*BESIDES, "kdml/learning/methods/loading.py", "kdml/reporting/draws.py"}, name
    assert all(any(SOURCE.glob(pattern)) for patterns in BESIDES.values() for pattern in patterns)


def test_the_hash_follows_code_and_not_words_or_the_place(source, tmp_path_factory):
    def hashed(folder):
        code_of.cache_clear()  # one process plans once; files do not change under it
        return code_of("script.py", folder)

    before = hashed(source)
    elsewhere = tmp_path_factory.mktemp("elsewhere").resolve() / source.name
    shutil.copytree(source, elsewhere)
    assert hashed(elsewhere) == before
    (source / "kdml/unused.py").write_text("changed = True\n")
    (source / "kdml/third.py").write_text('"""Words."""\nimport torch  # more\nfrom kdml.missing import nothing\n')
    assert hashed(source) == before
    (source / "kdml/third.py").write_text("changed = True\n")
    assert hashed(source) != before


def test_what_is_no_code_counts_byte_by_byte(tmp_path):
    (tmp_path / "workflow/report/templates").mkdir(parents=True)
    shutil.copytree(SOURCE, tmp_path / "src")
    style = tmp_path / "workflow/report/templates/style.css"

    def hashed(text):
        style.write_text(text)
        code_of.cache_clear()
        return code_of("claims_page.py", (tmp_path / "src").resolve())

    assert hashed("a {}") != hashed("a { }")


def test_a_methods_title_counts_where_titles_are_shown_and_its_loss_does_not(tmp_path):
    source = tmp_path.resolve() / "src"
    shutil.copytree(SOURCE, source)
    method = source / "kdml/learning/methods/sp.py"

    def hashed(old, new):
        method.write_text(method.read_text().replace(old, new))
        code_of.cache_clear()
        return code_of("results.py", source)

    before = hashed("", "")
    assert hashed("PUBLISHED_WEIGHT = 3000.0", "PUBLISHED_WEIGHT = 1.0") == before
    assert hashed('title = "SP"', 'title = "S P"') != before


# Trainings and their data are not made again because of an edit: `run.json` records their code, and tables refuse a mixture.
LEFT_ALONE = {"train", "fetch", "prepare", "split", "weights", "draw_demo"}
OF_PLACES = {"export_place": "export.py"}  # the rule `export` is what a user asks for: that of all places


def test_every_rule_that_trains_nothing_follows_its_code(root):
    rules = {}
    for path in (root / "workflow/rules").glob("*.smk"):
        for text in re.split(r"^(?=(?:use )?rule )", path.read_text(), flags=re.M)[1:]:
            if name := re.match(r"rule (\w+):", text):
                code = re.findall(r'code=code_(?:of|that_draws)\(\s*"(\S+)"', text)
                rules[name[1]] = re.findall(r'program=program\("(\S+)"\)', text), code
    scripted = {name for name, (script, _) in rules.items() if script}
    assert scripted >= LEFT_ALONE and len(scripted) > 20
    for name in scripted:
        script, code = rules[name]
        assert script == [OF_PLACES.get(name, f"{name}.py")], name
        assert code == ([] if name in LEFT_ALONE else script), name


def test_every_script_is_of_a_rule_or_a_tool(root):
    """Scripts are named as their rules; the others are called by hand."""
    text = "".join(path.read_text() for path in (root / "workflow/rules").glob("*.smk"))
    named = set(re.findall(r'program=program\("(\S+)"\)', text))
    assert {path.name for path in (root / "src").glob("*.py")} == named | {
        "settings.py",
        "status.py",
        "work_for.py",
        "kaggle_run.py",
        "predict.py",
    }
