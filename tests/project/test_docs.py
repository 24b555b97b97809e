"""Documents hold: what they name exists, what they say of the code is what it says of itself, and their examples work."""

import importlib.util
import re
import shlex
import tomllib
from types import ModuleType

import numpy as np
import pytest
import torch
import yaml
from matplotlib.figure import Figure
from snakemake.utils import update_config
from snakemake_runs import ROOT
from tracked import tracked_texts

from kdml.analysis import meanings, metrics
from kdml.experiment import figures
from kdml.experiment.config import validated
from kdml.experiment.contents import Contents
from kdml.experiment.everything import every_file
from kdml.experiment.plan import Plan
from kdml.experiment.tables import TABLES
from kdml.learning.methods.base import Layers, Setting
from kdml.reporting.data import Data

PAGES = sorted(path for path in tracked_texts(ROOT) if path.endswith(".md"))
TEXTS = {page: (ROOT / page).read_text(encoding="utf-8") for page in PAGES}
CONTRIBUTING = TEXTS["CONTRIBUTING.md"]
DESIGN = "docs/why/design.md"
OF_RECIPES = {  # what a recipe makes
    "src/kdml/reporting/figures/ensembles.py", "src/kdml/learning/methods/mean_map.py",
}  # fmt: skip
FOLDERS = r"(?:src|docs|tests|workflow|profiles|benchmarks|envs|config|common|runs|data|learning|paper|experiment|analysis|inspection|reporting)"
NAMED = re.compile(rf"`({FOLDERS}/[\w./-]+\.(?:py|md|yaml|csv|json|css|smk|j2|js|png))`")


def script(name):
    """A script of docs/ as a module."""
    specification = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


# README


def test_readme_is_short_and_begins_with_a_picture_and_two_commands():
    lines = TEXTS["README.md"].splitlines()
    assert len(lines) <= 120
    assert "(docs/page.png)" in lines[2] and lines.index("## Start") < 20
    for command in ("pip install uv && uv run snakemake --profile profiles/demo", "pip install uv && uv run pytest"):
        assert any(line.startswith(command) for line in lines)


def test_picture_is_small():
    picture = ROOT / "docs/page.png"
    assert picture.read_bytes().startswith(b"\x89PNG") and picture.stat().st_size < 300_000


# What documents name


def anchors(text):
    """Anchors of a page's headings, as forges make them."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", text, flags=re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    text = re.sub(r"```.*?```", "", TEXTS[page], flags=re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not target.startswith(("https://", "http://")):
            path, _, anchor = target.partition("#")
            found = (ROOT / page).parent / path if path else ROOT / page
            assert found.exists(), target
            if anchor:
                assert anchor in anchors(found.read_text(encoding="utf-8")), target


@pytest.mark.parametrize("page", [page for page in PAGES if page != "CHANGELOG.md"])
def test_files_that_are_named_exist(page):
    lacking = {
        name
        for name in NAMED.findall(TEXTS[page])
        if not any((folder / name).exists() for folder in (ROOT, ROOT / "src/kdml", ROOT / "results"))
    }
    assert lacking <= OF_RECIPES


def test_named_files_are_seen():
    assert NAMED.findall("`src/kdml/x.py`, `runs/graph.py`; `results/a.csv`") == ["src/kdml/x.py", "runs/graph.py"]
    assert sum(len(NAMED.findall(text)) for text in TEXTS.values()) > 40


def rules():
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "Snakefile", *(ROOT / "workflow").rglob("*.smk"))]
    return {name for text in texts for name in re.findall(r"^(?:rule|use rule \w+ as) (\w+)", text, re.M)}


def test_rules_that_the_demo_page_names_exist():
    rows = re.findall(r"^\| [\w ]+ \| (`[^|]+) \|", TEXTS["docs/start/demo.md"], re.M)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert len(named) > 10 and named <= rules()


WITH_A_VALUE = ("--profile", "--cores", "--config", "--directory", "--report", "--configfile")


def targets(command):
    """What a command line asks Snakemake for."""
    words = iter(shlex.split(command, comments=True)[3:])
    for word in words:
        if word in WITH_A_VALUE:
            next(words)
        elif not word.startswith("-") and "=" not in word and not word.endswith(".yaml"):
            yield word


def test_targets_of_commands_exist(paper_inputs):
    """What `snakemake` is asked for is a rule, or a table or figure."""
    contents = paper_inputs.contents
    known = rules() | contents.named(contents.tables).keys() | contents.named(contents.figures).keys()
    known |= {"ensembles_hcd_small", "small"}  # of a recipe, and the demo's pair, of which a zip is asked for
    commands = [
        (page, command)
        for page, text in TEXTS.items()
        for command in re.findall(r"^(uv run snakemake .*)$|`(uv run snakemake [^`]+)`", text, re.M)
    ]
    asked = [(page, target) for page, found in commands for target in targets("".join(found))]
    assert len(asked) >= 5
    assert [(page, target) for page, target in asked if target.rpartition("/")[2].partition(".")[0] not in known] == []


def test_make_targets_are_listed():
    targets = set(re.findall(r"^([\w-]+): #", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    rows = re.search(r"\| `make` \| \|\n.*?\n\n", CONTRIBUTING, re.S)[0]
    assert set(re.findall(r"`([\w-]+)`", " ".join(re.findall(r"^\| (`[^|]+) \|", rows, re.M)))) - {"make"} == targets


def test_every_kind_of_file_below_results_is_explained(paper_inputs):
    said = TEXTS["results/README.md"]
    names = {path.rpartition("/")[2] for path in every_file(paper_inputs) if "/tables/" not in path}
    names = {
        name for name in names if not name.startswith(("figure_", "split-", "leakage")) and "/figures/" not in name
    }
    of_figures = {f"{name}.{suffix}" for name in paper_inputs.contents.figures for suffix in ("png", "pdf")}
    lacking = {name for name in names - of_figures if f"`{name}`" not in said and name != "table"}
    assert {name for name in lacking if f"/{name}`" not in said} == set()


# Pages that are made from the code


@pytest.mark.parametrize("name", script("write_reference").WRITTEN)
def test_reference_is_up_to_date(name):
    """`make schema` writes it."""
    assert (ROOT / "docs/reference" / name).read_text(encoding="utf-8") == script("write_reference").WRITTEN[name]()


def test_a_key_without_a_meaning_is_seen():
    writer = script("write_reference")
    schema = {"properties": {"new": {"type": "integer", "default": 1}}, "$defs": {}}
    with pytest.raises(ValueError, match="new has no meaning"):
        writer.Keys(schema, {}).page()


@pytest.fixture(scope="module")
def paper_inputs():
    return script("list_contents").inputs_of([])


def test_list_has_every_table_and_figure(paper_inputs):
    lines = list(script("list_contents").lines_of(paper_inputs))
    listed = {name for line in lines if line.startswith("  ") for name in re.split(r"  +| = ", line.strip())}
    contents = paper_inputs.contents
    assert contents.named(contents.tables).keys() | contents.named(contents.figures).keys() <= listed


def test_page_on_contents_names_what_there_is(paper_inputs):
    contents = paper_inputs.contents
    names = contents.named(contents.tables).keys() | contents.named(contents.figures).keys()
    page = TEXTS["docs/reference/contents.md"]
    numbered = {name for name in names if re.fullmatch(r"(?:table|figure)_\d+", name)}
    assert set(re.findall(r"`((?:table|figure)_\d+)`", page)) == numbered
    for name in re.findall(r"`(\w+(?:_<\w+>)+)`", page):
        if not name.startswith("baselines"):
            assert any(re.fullmatch(re.sub(r"<\w+>", r"[\\w-]+", name), known) for known in names), name
    over_all = page.partition("## Over all places")[2]
    # Some kinds are of experiments that run more than the paper's.
    assert set(re.findall(r"^\| `(\w+)`", over_all, re.M)) <= names | contents.kinds.keys()


# Examples


def laid_over(*parts):
    """config.yaml with parts laid over it."""
    merged = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    for part in parts:
        update_config(merged, part)
    return merged


@pytest.mark.parametrize("page", [page for page in PAGES if page.startswith("docs/how-to")])
def test_examples_are_valid_configurations(page):
    """All of a page's examples together, because later ones build upon earlier ones."""
    parts = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", TEXTS[page], re.S)]
    for part in parts:
        if str(part.get("hyperparameters", "")).endswith(".csv"):
            part["hyperparameters"] = (
                "workflow/resources/paper/hyperparameters.csv"  # the example's is made by a search
            )
    Plan(validated(laid_over(*parts)))


# Recipes


def recipe(word):
    """Heading and text of one."""
    return re.search(rf"^### A {word}: (.*?)\n(.*?)(?=^### |\Z)", CONTRIBUTING, re.S | re.M).groups()


def blocks(word, language="python"):
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```", recipe(word)[1], re.S | re.M)
    return [re.sub(rf"^{indent}", "", block, flags=re.M) for indent, block in found]


@pytest.mark.parametrize(("word", "at_most"), [("figure", 3), ("metric", 3), ("published method", 2), ("look", 1)])
def test_recipes_take_few_files(word, at_most):
    heading, text = recipe(word)
    files = re.findall(r"^\d\. `([^`]+)`", text, re.M) or ["workflow/report/style.yaml"]
    assert heading.partition(", and ")[0] == f"{len(files)} file{'s' * (len(files) > 1)}" and len(files) <= at_most


def test_recipe_of_a_figure(tmp_path, paper_inputs):
    module, line = blocks("figure")
    (words,) = blocks("figure", "yaml")
    namespace = ModuleType("ensembles").__dict__
    exec(module, namespace)
    table = tmp_path / "compression.csv"
    table.write_text("run,of,mean\nkd_ml_v3,ensemble,81.2\nkd_ml_v3,s1,80\nml_v1,ensemble,70\n")
    drawn = namespace["draw"](Data({"scores": [table]}))
    assert isinstance(drawn, Figure) and len(drawn.axes[0].lines[0].get_xdata()) == 2
    kinds = figures.FIGURES | eval(f"{{{line}}}", vars(figures))
    captions = paper_inputs.contents.captions | yaml.safe_load(words)
    contents = Contents(paper_inputs.plan, captions, (TABLES, kinds))
    added = [item for name, item in contents.figures.items() if name.startswith("ensembles_")]
    assert len(added) == 6
    files = [dict(kinds["ensembles"].made_from(item, paper_inputs)) for item in added]
    assert all(of_item["scores"].endswith("compression.csv") for of_item in files)


def test_recipe_of_a_metric():
    function, line, words = blocks("metric")
    namespace = dict(vars(metrics))
    exec(function, namespace)
    (metric,) = eval(f"({line})", namespace)
    assert eval(f"{{{words}}}").keys() == {metric.name} and "_OF_MASKS" in vars(meanings)
    columns = {"tp": np.array([3, 0]), "fp": np.array([1, 0]), "fn": np.array([9, 0]), "tn": np.array([0, 9])}
    assert metric.of_counts(metric.of_cases(columns, 0).sum(axis=0)) == pytest.approx(0.75)


def test_recipe_of_a_method():
    namespace = {}
    exec(blocks("published method")[0], namespace)
    method = namespace["MeanMap"](Setting({"f4": (2, 3, 3)}, {"f4": (4, 3, 3)}, 5))
    student, teacher = (
        Layers({"f4": torch.full((5, c, 3, 3), value)}, torch.zeros(5, 2)) for c, value in ((2, 1.0), (4, 3.0))
    )
    assert method(student, teacher, torch.zeros(5)) == {"map": torch.tensor(4.0)}
    assert namespace["MeanMap"].kind == "classification" and "`mean_map`" in blocks("published method", "markdown")[0]


# Versions and words


def test_changes_say_whether_trainings_become_void():
    text = TEXTS["CHANGELOG.md"]
    entries = [" ".join(entry.split()) for entry in re.findall(r"^- (.*?)(?=^[-#]|^$|\Z)", text, re.S | re.M)]
    assert len(entries) > 10
    assert [entry for entry in entries if not re.search(r"Trains anew: (?:yes|no)$", entry)] == []
    newest = re.search(r"^## \[([\d.]+)\]", text, re.M)[1]
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == newest
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == newest


def unwanted_words():
    rows = re.findall(
        r"^\| [^|]+ \| [^|]+ \| ([^|]+) \|$", TEXTS[DESIGN].partition("## Words")[2].partition("\n## ")[0], re.M
    )
    return [word for row in rows[1:] for word in row.strip().split(", ") if word]


def test_one_word_for_one_thing():
    """The words of the last column of the list in docs/why/design.md stand nowhere else."""
    words = unwanted_words()
    assert {"rival", "sitting", "catalogue"} <= set(words)
    unwanted = re.compile(rf"(?<![a-zA-Z])(?:{'|'.join(words)})s?(?![a-z])", re.I)
    allowed = {DESIGN, "CHANGELOG.md", "src/kdml/experiment/old_names.py", ".snakemake-workflow-catalog.yml"}
    texts = {
        name: text
        for name, text in tracked_texts(ROOT).items()
        if not name.startswith("tests/") and name not in allowed
    }
    assert {name: found[0] for name, text in texts.items() if (found := unwanted.search(text))} == {}
    assert unwanted.search("run_rivals") and unwanted.search("The Sitting,") and not unwanted.search("transitting")
