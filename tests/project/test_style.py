"""Formatting, linting, types, structure and wording of code and workflow."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from snakemake_runs import ROOT, snakemake
from tracked import tracked_texts

BIN = Path(sys.executable).parent
CHECKS = {
    "ruff check": ["ruff", "check", "."],
    "ruff format": ["ruff", "format", "--check", "."],
    "mypy": ["mypy"],
    "snakefmt": ["snakefmt", "--check", "--compact-diff", "Snakefile", "workflow"],
}


@pytest.mark.parametrize("command", CHECKS.values(), ids=CHECKS)
def test_clean(command):
    done = subprocess.run([BIN / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_wrong_type_is_told(tmp_path):
    """The checker reads the code of all four wings, and pydantic's models as what they are."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]
    assert {"kdml.common", "kdml.runs", "kdml.experiment", "kdml.analysis"} == set(settings["packages"])
    wrong = tmp_path / "wrong.py"
    wrong.write_text("from kdml.experiment.plan import Run\n\nRun('paper', 'hcd', 'pair', 'kd_ml_v3', 'seed')\n")
    done = subprocess.run([BIN / "mypy", wrong], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and 'Argument 5 to "Run" has incompatible type "str"' in done.stdout, done.stdout


def test_what_a_checker_is_told_to_overlook_has_its_reason_beside_it():
    told = re.compile(r"# (?:type: ignore|mypy:)(.*)")
    found = {
        f"{path.relative_to(ROOT)}:{number}": rest[1]
        for folder in ("src", "benchmarks", "tests")
        for path in (ROOT / folder).rglob("*.py")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if (rest := told.search(line)) and path != Path(__file__)
    }
    assert {place: rest for place, rest in found.items() if not re.match(r"\[[\w-]+\]\s+# \w{3}", rest)} == {}


def test_snakemake_lint(tmp_path):
    done = snakemake(tmp_path, "--lint")
    assert done.returncode == 0, done.stdout + done.stderr


def test_minimum_version_is_asserted():
    assert 'min_version("9.' in (ROOT / "Snakefile").read_text()


def test_nothing_committed_names_a_place_of_this_machine():
    """The tests may point to the folder of real data beside the project; nothing else may."""
    allowed = {"tests/conftest.py", "tests/configs/real_small.yaml"}
    texts = tracked_texts(ROOT)
    assert allowed | {".ci/run", "workflow/report/templates/style.css", "workflow/schemas/config.schema.json"} <= set(
        texts
    )
    places = re.compile(r"\.\./shared\b|(?<![\w.}])/(?:home|root|Users|mnt)/\w")
    found = {name: place[0] for name, text in texts.items() if name not in allowed and (place := places.search(text))}
    assert found == {}


# What each folder of the package may import beside itself.
WINGS = {
    "common": set(),
    "runs": {"common"},
    "data": {"common", "deploy"},
    "learning": {"common", "runs", "data"},
    "inspection": {"common", "runs", "data", "learning"},
    "paper": {"common", "runs"},
    "experiment": {"common", "runs", "paper"},
    "analysis": {"common", "runs", "paper"},
    "reporting": {"common", "runs", "paper", "analysis"},
    "deploy": set(),
    "export": {"common", "runs", "data", "learning", "analysis", "deploy"},
    "packs": {"common", "runs", "experiment"},
    "kaggle": {"common", "data"},
}
RULES = {"experiment", "runs", "data", "common", "packs"}
LINES = 400  # of a module, at most


def imports_of(source):
    """Module -> modules of the package that it imports anywhere, in functions too."""
    modules = {
        ".".join(path.relative_to(source).with_suffix("").parts).removesuffix(".__init__"): path
        for path in (source / "kdml").rglob("*.py")
    }
    found = {}
    for module, path in modules.items():
        named = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                named |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{module}: imports of the package name it, so that they can be checked"
                inside = {f"{node.module}.{alias.name}" for alias in node.names}
                named |= {name if name in modules else node.module for name in inside}
        found[module] = (named & set(modules)) - {module}
    return found


def wing_of(module):
    return module.split(".")[1]


def trespasses(imports, wings):
    """(module, what it imports of a wing that its own may not)."""
    found = ((module, other) for module, others in imports.items() for other in others if "kdml" not in (module, other))
    return [(one, other) for one, other in found if wing_of(other) not in wings[wing_of(one)] | {wing_of(one)}]


def test_wings_import_only_what_they_may():
    imports = imports_of(ROOT / "src")
    assert {wing_of(module) for module in imports if module != "kdml"} == set(WINGS)
    assert trespasses(imports, WINGS) == []


def test_a_trespass_is_seen(tmp_path):
    texts = {
        "kdml/__init__": "",
        "kdml/a/x": "def f():\n    from kdml.b import y",
        "kdml/a/z": "import kdml.a.x",
        "kdml/b/y": "",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / f"{name}.py").write_text(text)
    imports = imports_of(tmp_path)
    assert trespasses(imports, {"a": set(), "b": set()}) == [("kdml.a.x", "kdml.b.y")]
    assert trespasses(imports, {"a": {"b"}, "b": set()}) == []


def test_scripts_do_not_import_each_other():
    scripts = {path.stem: path for path in (ROOT / "src").glob("*.py")}
    for name, path in scripts.items():
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        named = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
        named |= {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
        assert not named & set(scripts), name


def test_rules_import_only_what_they_may():
    """The wings that a rule loads are loaded for every job."""
    for path in [ROOT / "Snakefile", *(ROOT / "workflow").rglob("*.smk")]:
        wings = re.findall(r"^\s*(?:from|import) kdml\.(\w+)|^\s*from kdml import (\w+)", path.read_text(), re.M)
        assert {one or other for one, other in wings} <= RULES, path.name


@pytest.mark.parametrize("wing", ["experiment", "analysis", "paper", "packs"])
def test_planning_and_numbers_need_neither_torch_nor_matplotlib(wing):
    code = (
        f"import importlib, pkgutil, sys, kdml.{wing} as wing\n"
        "for module in pkgutil.walk_packages(wing.__path__, wing.__name__ + '.'):\n    importlib.import_module(module.name)\n"
        "print(*({'torch', 'matplotlib'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT / "src", capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_modules_are_short():
    long = {
        path.name: lines
        for path in (ROOT / "src").rglob("*.py")
        if (lines := len(path.read_text().splitlines())) > LINES
    }
    assert long == {}


def test_the_map_has_a_line_for_every_wing_and_says_what_it_may_import():
    text = (ROOT / "src/kdml/README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)/` \| [^|]{20,} \| ([^|]+) \|$", text, re.M)
    assert len(rows) == len(WINGS)
    assert {wing: set(others.split(", ")) - {"nothing"} for wing, others in rows} == WINGS


def test_imports_have_no_cycle():
    """Not even between modules of one wing."""
    TopologicalSorter(imports_of(ROOT / "src")).prepare()


@pytest.mark.parametrize(
    "way", ["import kdml.b", "from kdml import b", "from kdml.b import x", "def f():\n    from kdml.b import x"]
)
def test_cycles_are_seen(tmp_path, way):
    (tmp_path / "kdml").mkdir()
    for name, text in (("__init__", ""), ("a", way), ("b", "from kdml import a")):
        (tmp_path / "kdml" / f"{name}.py").write_text(text)
    assert imports_of(tmp_path) == {"kdml": set(), "kdml.a": {"kdml.b"}, "kdml.b": {"kdml.a"}}
    with pytest.raises(CycleError):
        TopologicalSorter(imports_of(tmp_path)).prepare()


def words_of(node, constants):
    """A text as far as it is written down, braces for what is filled in; None if it comes from elsewhere."""
    node = constants.get(node.id) if isinstance(node, ast.Name) else node
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return node.value if isinstance(node, ast.Constant) else None


def test_remedies_are_worded_alike():
    """After "What to do:" stands a phrase: it starts small and has no full stop."""
    seen = []
    for path in (ROOT / "src").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assigned = [node for node in ast.walk(tree) if isinstance(node, ast.Assign)]
        constants = {name.id: node.value for node in assigned for name in node.targets if isinstance(name, ast.Name)}
        calls = [
            node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "UserError"
        ]
        seen += [(path.name, words) for call in calls if (words := words_of(call.args[1], constants))]
    assert len(seen) > 100
    assert [(name, words) for name, words in seen if words[0].isupper() or words.endswith(".")] == []


# Words that continue what stands above, so that a docstring cannot be read without its neighbour.
FORBIDDEN = re.compile(
    r"(?:Likewise|Same|The same|Of|On|To|As|For|From|In|By|With|At|Also|And|Or|But|Its|Their|This|These|That|Those|It|They|So)\b"
)


def test_docstrings_can_be_read_alone():
    seen = []
    for path in [*(ROOT / "src").rglob("*.py"), *(ROOT / "benchmarks").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and (text := ast.get_docstring(node)):
                seen.append((f"{path.name}: {getattr(node, 'name', 'module')}", text.splitlines()[0]))
    assert len(seen) > 900
    assert [one for one in seen if FORBIDDEN.match(one[1])] == []


@pytest.mark.parametrize(
    "text", ["Likewise over seeds.", "To one contrast.", "The same of all splits.", "Of its folder."]
)
def test_what_only_continues_is_told(text):
    assert FORBIDDEN.match(text)


@pytest.mark.parametrize("text", ["Answer to one contrast.", "Official names.", "Total of all.", "Assign a name."])
def test_what_stands_alone_is_accepted(text):
    assert not FORBIDDEN.match(text)


@pytest.mark.slow
def test_benchmarks_follow_the_names_of_the_package():
    """They are run by hand alone, so that nothing else tells when what they import has moved."""
    names = sorted(path.stem for path in (ROOT / "benchmarks").glob("*.py"))
    assert {"cka", "engine", "methods", "planning"} < set(names)
    done = subprocess.run(
        [sys.executable, "-c", f"import {', '.join(names)}"],
        cwd=ROOT / "benchmarks", env=os.environ | {"PYTHONPATH": str(ROOT / "src")}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
