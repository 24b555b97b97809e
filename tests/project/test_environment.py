"""One environment, written down once: pyproject's pins, the lock, the conda file and what is installed agree."""

import re
import subprocess
import tomllib
from importlib.metadata import PackageNotFoundError, packages_distributions, version

import pytest
import yaml
from packaging.markers import Marker
from packaging.requirements import Requirement
from tracked import tracked_texts

from kdml.common.extras import EXTRAS


@pytest.fixture(scope="module")
def lock(root):
    """(requirement, text) of every package of requirements.lock."""
    text = (root / "requirements.lock").read_text()
    blocks = re.split(r"\n(?=[a-zA-Z])", text)
    return [(Requirement(block.split(" \\")[0].strip()), block) for block in blocks if "==" in block]


def pins(requirements):
    """Pins by name; that the tests need an extra of the project itself is none."""
    found = {one.name.lower(): str(one.specifier) for one in map(Requirement, requirements)}
    return {name: pin for name, pin in found.items() if name != "kdml"}


def direct_pins(settings):
    """All that pyproject.toml pins: for everybody, for those who want an extra, for tests."""
    groups = [settings["project"]["dependencies"], *settings["project"]["optional-dependencies"].values()]
    return pins(text for group in (*groups, settings["dependency-groups"]["dev"]) for text in group)


def project(root):
    return tomllib.loads((root / "pyproject.toml").read_text())


def test_direct_dependencies_are_pinned_and_locked(root, lock):
    settings = project(root)
    direct = direct_pins(settings)
    assert all(re.fullmatch(r"==[\w.]+", pin) for pin in direct.values())
    locked = {}
    for requirement, _ in lock:
        locked.setdefault(requirement.name.lower(), set()).add(str(requirement.specifier))
    assert {name: locked.get(name) for name in direct} == {name: {pin} for name, pin in direct.items()}
    assert "exclude-newer" in settings["tool"]["uv"]


def test_what_the_pins_bring_with_them_is_fixed_too(root, lock):
    """Otherwise an index that shows more packages tomorrow would make another environment."""
    settings = project(root)
    constrained = {
        (r.name.lower(), str(r.specifier)) for r in map(Requirement, settings["tool"]["uv"]["constraint-dependencies"])
    }
    direct = direct_pins(settings)
    assert constrained == {(r.name.lower(), str(r.specifier)) for r, _ in lock if r.name.lower() not in direct}


def test_lock_has_hashes_and_no_addresses(root, lock):
    assert len(lock) > 50
    assert all("--hash=sha256:" in block for _, block in lock)
    assert "://" not in (root / "requirements.lock").read_text()


def test_installed_versions_are_the_locked_ones(lock):
    wrong = {}
    for requirement, _ in lock:
        if requirement.marker is None or Marker(str(requirement.marker)).evaluate():
            try:
                found = version(requirement.name)
            except PackageNotFoundError:
                found = "not installed"
            if not requirement.specifier.contains(found, prereleases=True):
                wrong[str(requirement)] = found
    assert wrong == {}


def test_conda_environment_has_the_same_pins(root):
    environment = yaml.safe_load((root / "envs/kdml.yaml").read_text())
    (pip,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    assert pip == project(root)["project"]["dependencies"]


def test_extras_are_those_that_the_program_asks_for(root):
    """What `kdml.common.extras` looks for before a job begins is what the extra installs; and the tests have all of them."""
    extras = project(root)["project"]["optional-dependencies"]
    assert {name: tuple(pins(texts)) for name, texts in extras.items()} == dict(EXTRAS)
    assert f"kdml[{','.join(sorted(extras))}]" in project(root)["dependency-groups"]["dev"]


def imported(root):
    """Names of the distributions that the program's own files import, as pins write them."""
    known = packages_distributions()
    files = [*(root / "src").rglob("*.py"), *(root / "workflow").rglob("*.smk"), root / "Snakefile"]
    words = re.compile(r"^\s*(?:from|import) (\w+)", re.M)
    modules = {module for path in files for module in words.findall(path.read_text(encoding="utf-8"))}
    return {re.sub(r"[-_.]+", "-", name).lower() for module in modules for name in known.get(module, ())}


def test_every_runtime_dependency_is_imported_or_says_what_it_is_for(root):
    """A reason stands as a comment beside the pin; a pin that is imported needs none, and what tests alone import is no pin of these."""
    text = (root / "pyproject.toml").read_text()
    listed = text[text.index("\ndependencies = [") : text.index("[project.optional-dependencies]")]
    reasons = dict(re.findall(r'^  "([\w-]+)==[^"]+",(?: # (.+))?$', listed, re.M))
    direct = pins(project(root)["project"]["dependencies"])
    assert set(reasons) == set(direct)
    used = imported(root)
    assert {"numpy", "torch", "snakemake", "pyyaml", "pillow"} <= used
    assert {name for name, reason in reasons.items() if not reason} - used == set()
    assert {name for name, reason in reasons.items() if reason} & used == set()
    assert {"scikit-learn", "torchmetrics", "playwright"} <= set(pins(project(root)["dependency-groups"]["dev"])) - used


REGISTRIES = re.compile(
    r"files\.pythonhosted\.org|(?<![\w.])pypi\.org|download\.pytorch\.org|conda\.anaconda\.org|repo\.anaconda\.com|registry\.npmjs\.org"
    r"|(?:huggingface\.co|github\.com)/\S+/(?:resolve|releases/download)/"
    r"|index-(?:url)\b|://(?!localhost|127\.)[^\s\"')]+\.(?:whl|tar\.gz|tgz|zip|conda|safetensors|pth)\b"
)


def test_no_download_addresses_are_committed(root):
    """A lock with addresses would tie the project to one mirror; uv.lock has them, so it stays out."""
    assert "uv.lock" in (root / ".gitignore").read_text().splitlines()
    texts = tracked_texts(root)
    assert len(texts) > 100 and "uv.lock" not in texts
    assert {name: found[0] for name, text in texts.items() if (found := REGISTRIES.search(text))} == {}


@pytest.mark.parametrize(
    ("host", "rest"),
    [
        ("files.pythonhosted", ".org/packages/ab/x"), ("https://pypi", ".org/simple"), ("https://download.pytorch", ".org/whl/cpu"),
        ("--index", "-url https://mirror"), ("https://mirror.example/kdml-1", ".whl"), ("https://huggingface.co/timm/", "r50/resolve/main/a"),
    ],
)  # fmt: skip
def test_download_addresses_are_recognised(host, rest):
    assert REGISTRIES.search(f'url = "{host}{rest}"')


def test_ignored_folders_keep_their_readme(root):
    assert (root / "results/README.md").read_text().startswith("# What appears here")


def test_what_users_put_beside_the_code_is_ignored(root, tmp_path):
    """A folder of start weights may be a link, which a pattern that ends in a slash does not match."""
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / ".gitignore").write_text((root / ".gitignore").read_text())
    (tmp_path / "weights").symlink_to(tmp_path)
    said = subprocess.run(["git", "check-ignore", "weights"], cwd=tmp_path, capture_output=True, text=True)
    assert said.stdout == "weights\n"
