"""Formatting and linting of code and workflow."""

import ast
import re
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from snakemake_runs import ROOT, snakemake
from tracked import tracked_texts

BIN = Path(sys.executable).parent
CHECKS = {
    "ruff check": ["ruff", "check", "."],
    "ruff format": ["ruff", "format", "--check", "."],
    "snakefmt": ["snakefmt", "--check", "--compact-diff", "Snakefile", "workflow"],
}


@pytest.mark.parametrize("command", CHECKS.values(), ids=CHECKS)
def test_clean(command):
    done = subprocess.run([BIN / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


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


# What is further down may import what is further up, never the other way.
FLOORS = [
    ["errors", "project"], ["files", "sharing", "registry", "options", "arguments", "sources"],
    ["compression", "config", "paper", "provenance", "predictions", "metrics", "ensemble", "fidelity", "detection", "statistics", "wording", "rendering"],
    ["settings", "taps", "feasibility", "histories", "evaluation", "chosen_slices"], ["data", "weights", "collect", "comparison", "losses"],
    ["methods", "measured", "models", "hyperparameters", "tables", "grids", "contrasts"], ["plan", "paths", "cohort"],
    ["method_cohort", "search", "checkpoint", "catalogue", "claims", "cka", "costs"], ["validation", "engine", "verdicts", "architecture", "figures", "analyses", "ingredients"],
    ["assemble", "inference"],
]  # fmt: skip


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


def test_imports_run_one_way():
    level = {name: number for number, names in enumerate(FLOORS) for name in names}
    for module, others in imports_of(ROOT / "src").items():
        for mine, other in ((module, other) for other in others if module != "kdml" and other != "kdml"):
            assert level[other.split(".")[1]] <= level[mine.split(".")[1]], f"{mine} imports {other}"


def test_imports_have_no_cycle():
    """Not even between modules of one floor or of one folder."""
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
