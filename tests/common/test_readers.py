"""Readers of JSON, CSV and YAML: whatever another program has left there is read as it stands, or named with its place."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kdml.common.errors import UserError
from kdml.common.files import read_csv, read_json
from kdml.common.json_text import parse_json
from kdml.common.yaml_files import check_read, read_yaml

BAD_JSON = {
    "missing": (None, "does not exist"),
    "empty": (b"", "is not valid JSON"),
    "cut off": (b'{"a": [1, 2', "is not valid JSON"),
    "UTF-16": ('{"a": 1}'.encode("utf-16"), "is not valid JSON"),
    "Latin-1": (b'{"a": "\xe9"}', "is not valid JSON"),
    "a key twice": (b'{"a": 1, "b": {"c": 1, "c": 2}}', "the key 'c' stands there twice"),
    "no number": (b'{"a": NaN}', "NaN is no number"),
    "without end": (b'{"a": -Infinity}', "-Infinity is no number"),
    "nested without end": (b"[" * 100_000, "nested too deeply"),
    "a number of a million digits": (b"1" * 10_000, "is not valid JSON"),
    "two values": (b"{} {}", "is not valid JSON"),
}


@pytest.mark.bad_input
@pytest.mark.parametrize(("content", "words"), BAD_JSON.values(), ids=BAD_JSON)
def test_bad_json_is_named(tmp_path, content, words):
    path = tmp_path / "a.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        read_json(path, "mend it")
    assert words in caught.value.problem and str(path) in caught.value.problem and caught.value.remedy == "mend it"


BAD_CSV = {
    "missing": (None, "does not exist"),
    "empty": (b"", "is empty"),
    "empty first line": (b"\n", "is empty"),
    "another column": (b"a,c\n1,2\n", "lacks the column 'b'; its first line is 'a,c'"),
    "another separator": (b"a;b\n1;2\n", "lacks the column 'b'; its first line is 'a;b'"),
    "a column twice": (b"a,b,a\n1,2,3\n", "has the column 'a' twice"),
    "too few values": (b"a,b\n1,2\n3\n", "line 3, is incomplete"),
    "too many values": (b"a,b\n1,2,3\n", "line 2, has more values"),
    "no number": (b"a,b\n1,x\n", "line 2: 'x' in b is no finite number"),
    "nothing for a number": (b"a,b\n1,\n", "line 2: '' in b is no finite number"),
    "not a number": (b"a,b\n1,nan\n", "line 2: 'nan' in b is no finite number"),
    "without end": (b"a,b\n1,2\n3,-inf\n", "line 3: '-inf' in b is no finite number"),
    "broken count": (b"a,b\n1.5,2\n", "line 2: '1.5' in a is no whole number"),
    "negative count": (b"a,b\n-1,2\n", "line 2: '-1' in a is no whole number"),
    "UTF-16": ("a,b\n1,2\n".encode("utf-16"), "cannot be read"),
    "Latin-1": (b"a,b\n\xe9,2\n", "cannot be read"),
    "a field without end": (b'a,b\n"' + b"x" * 200_000, "cannot be read (field larger"),
}


@pytest.mark.bad_input
@pytest.mark.parametrize(("content", "words"), BAD_CSV.values(), ids=BAD_CSV)
def test_bad_tables_are_named(tmp_path, content, words):
    path = tmp_path / "a.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        read_csv(path, "mend it", numbers=("b",), counts=("a",))
    assert words in caught.value.problem and str(path) in caught.value.problem and caught.value.remedy == "mend it"


MEASURES_OF_TABLES = [
    ("mean", "many"),
    ("seeds", "1.5"),
    ("p", "0,05"),
    ("upper_mean", "x"),
    ("parameters", "1e6"),
    ("value", "-"),
]


@pytest.mark.bad_input
@pytest.mark.parametrize(("column", "text"), MEASURES_OF_TABLES)
def test_a_word_where_tables_have_a_number_is_named(tmp_path, column, text):
    (tmp_path / "values.csv").write_text(f'run,{column}\nml_v1,\nml_v2,"{text}"\n')
    with pytest.raises(UserError, match=rf"values\.csv, line 3: '{text}' in {column} is no (whole )?number"):
        read_csv(tmp_path / "values.csv", "mend it")


@pytest.mark.parametrize(
    "content", [b"a,b\n1,2\n", b"\xef\xbb\xbfa,b\r\n1,2\r\n,\r\n\r\n"], ids=["plain", "of a spreadsheet"]
)
def test_sound_tables_are_read(tmp_path, content):
    (tmp_path / "a.csv").write_bytes(content)
    assert read_csv(tmp_path / "a.csv", "", numbers=("b",), counts=("a",)) == [{"a": "1", "b": "2"}]


BAD_YAML = {
    "missing": (None, "cannot be read (No such file"),
    "a key twice": ("a: 1\nb: 2\na: 3\n", "line 3 is not valid YAML: the key 'a' stands here and in line 1 already"),
    "a key twice, deeper": (
        "run:\n  seeds: [0]\n  tasks: [hcd]\n  seeds: [1]\n",
        "line 4 is not valid YAML: the key 'seeds'",
    ),
    "a key twice, in one line": ("training: {epochs: 1, epochs: 2}", "line 1 is not valid YAML: the key 'epochs'"),
    "not closed": ("a: [1, 2", "is not valid YAML"),
    "tabs": ("a:\n\tb: 1\n", "line 2 is not valid YAML"),
    "a list": ("- a\n", "holds no mapping"),
    "a word": ("hello", "holds no mapping"),
    "two documents": ("a: 1\n---\nb: 2\n", "is not valid YAML"),
    "an object of Python": ("a: !!python/object/apply:os.system [ls]\n", "line 1 is not valid YAML"),
    "an unknown anchor": ("a: *b\n", "line 1 is not valid YAML"),
    "a date that is none": ("a: 2026-99-99\n", "is not valid YAML"),
    "a list as a key": ("? [a]\n: 1\n", "line 1 is not valid YAML"),
    "nested without end": ("[" * 1_500, "is not valid YAML"),
}


@pytest.mark.bad_input
@pytest.mark.parametrize(("text", "words"), BAD_YAML.values(), ids=BAD_YAML)
def test_bad_yaml_is_named(tmp_path, text, words):
    path = tmp_path / "a.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UserError) as caught:
        read_yaml(path)
    assert words in caught.value.problem and str(path) in caught.value.problem


def test_sound_yaml_is_read(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("a: &a {b: 1}\nc: {<<: *a, d: 2}\ne: {<<: *a, b: 3}\n")
    assert read_yaml(path) == {"a": {"b": 1}, "c": {"b": 1, "d": 2}, "e": {"b": 3}}
    path.write_text("# nothing\n")
    assert read_yaml(path) == {}


@pytest.mark.parametrize(
    ("name", "text"), [("a.json", '{\n\t"a": 1}'), ("a.yaml", "__use_yte__: true\n?if True:\n  a: 1\n")]
)
def test_what_snakemake_reads_in_its_own_way_is_left_to_it(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    check_read(tmp_path / name)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("name", "text"),
    [("a.json", '{"a": 1, "a": 2}'), ("a.conf", "{a: 1, a: 2}"), ("a.yaml", "# __use_yte__\na: 1\na: 2\n")],
)
def test_a_key_twice_is_named_whatever_the_file_is_called(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match="the key 'a' stands here and in line"):
        check_read(tmp_path / name)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda more: st.lists(more, max_size=4) | st.dictionaries(st.text(), more, max_size=4),
    max_leaves=8,
)


@given(VALUES)
@settings(max_examples=50)
def test_json_comes_back(value):
    assert parse_json(json.dumps(value)) == value


@given(st.binary(max_size=80) | st.text(max_size=80).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_whatever_the_bytes_are_they_are_read_or_named(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("any") / "any.txt"
    path.write_bytes(content)
    for read in (lambda: read_json(path, ""), lambda: read_csv(path, "", counts=("a",)), lambda: read_yaml(path)):
        try:
            read()
        except UserError as error:
            assert str(path) in error.problem


@given(st.lists(st.tuples(st.integers(0, 99), st.floats(allow_nan=True)), min_size=1, max_size=5))
def test_numbers_of_a_table_are_finite_or_named_by_their_line(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("table") / "a.csv"
    path.write_text("a,b\n" + "".join(f"{a},{b}\n" for a, b in rows))
    bad = [line for line, (_, b) in enumerate(rows, 2) if not math.isfinite(b)]
    try:
        found = read_csv(path, "", numbers=("b",), counts=("a",))
    except UserError as error:
        assert f"line {bad[0]}:" in error.problem
    else:
        assert not bad and [(int(row["a"]), float(row["b"])) for row in found] == rows
