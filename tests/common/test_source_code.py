"""What a file does and imports, told from its text alone."""

import pytest

from kdml.common.errors import UserError
from kdml.common.source_code import closure, code_in, digest_of, imported_by

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
    assert closure([source / script], source) == {source / script, *(source / "kdml" / name for name in modules)}


def test_imports_of_a_file_elsewhere(source, tmp_path_factory):
    file = tmp_path_factory.mktemp("mine") / "mine.py"
    file.write_text("import numpy\nfrom kdml.deep import beside\nfrom . import other\n")
    assert imported_by(file, source) == {
        source / "kdml" / name for name in ("__init__.py", "deep/__init__.py", "deep/beside.py")
    }


CODE = '''"""A module."""
import math

HALF = 0.5
"""Of a whole."""


class One:
    """A class."""

    def area(self, radius: float = 1.0, *, times=None) -> float:
        """A method."""
        return HALF * math.pi * radius**2 if times is None else [*times, {"a": 1, **times}]
'''
SAME = {
    "comment": CODE.replace("import math", "import math  # for pi"),
    "docstring of the module": CODE.replace("A module.", "Another module."),
    "docstring of a class": CODE.replace("A class.", "Another class."),
    "docstring of a function": CODE.replace("A method.", "Another method."),
    "no docstring of a constant": CODE.replace('"""Of a whole."""', ""),
    "layout": CODE.replace("HALF * math.pi", "(HALF *\n            math.pi)").replace("\n\n", "\n\n\n"),
    "quotes": CODE.replace('"a"', "'a'"),
    "way of writing a number": CODE.replace("0.5", "5e-1"),
}
OTHER = {
    "operator": CODE.replace("radius**2", "radius*2"),
    "constant": CODE.replace("0.5", "0.25"),
    "type of a constant": CODE.replace("radius: float = 1.0", "radius: float = 1"),
    "None for a number": CODE.replace("times=None", "times=0"),
    "name": CODE.replace("radius", "r"),
    "annotation": CODE.replace("radius: float", "radius: int"),
    "import": CODE.replace("import math", "import cmath as math"),
    "a text that is used": CODE.replace('"a"', '"b"'),
    "where a star stands": CODE.replace('{"a": 1, **times}', '{**times, "a": 1}'),
    "another kind of argument": CODE.replace("*, ", ""),
}


def digest_of_text(folder, text):
    (folder / "one.py").write_text(text)
    return code_in(folder / "one.py").digest


@pytest.mark.parametrize("text", SAME.values(), ids=SAME)
def test_words_and_layout_do_not_count(tmp_path, text):
    assert text != CODE and digest_of_text(tmp_path, text) == digest_of_text(tmp_path, CODE)


@pytest.mark.parametrize("text", OTHER.values(), ids=OTHER)
def test_code_counts(tmp_path, text):
    assert text != CODE and digest_of_text(tmp_path, text) != digest_of_text(tmp_path, CODE)


def test_digest_is_the_same_in_every_version_of_python(tmp_path):
    """A value that was taken once, with 3.11 to 3.13; newer ones have more fields, which are empty here."""
    assert digest_of_text(tmp_path, CODE)[:16] == "98d89f843d74e302"


def test_files_count_by_their_name_within_the_source(source, tmp_path_factory):
    files = closure([source / "script.py"], source)
    before = digest_of(files, source)
    elsewhere = tmp_path_factory.mktemp("elsewhere").resolve()
    (elsewhere / "moved").mkdir()
    for path in files:
        moved = elsewhere / "moved" / path.relative_to(source)
        moved.parent.mkdir(exist_ok=True)
        moved.write_text(path.read_text())
    assert digest_of(closure([elsewhere / "moved/script.py"], elsewhere / "moved"), elsewhere / "moved") == before
    assert digest_of(files - {source / "kdml/third.py"}, source) != before


def test_a_file_that_is_no_python_is_named(source):
    (source / "kdml/third.py").write_text("fine = 1\nfine fine\n")
    with pytest.raises(UserError, match=r"third\.py, line 2: invalid syntax"):
        closure([source / "script.py"], source)
