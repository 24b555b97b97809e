"""JSON and files by name on the command line, of every script that takes them: mistakes end in a message."""

import json
import subprocess
import sys
from argparse import ArgumentParser

import pytest

from kdml.common.command_line import (
    auto_or_count,
    labelled_files,
    list_argument,
    mapping_argument,
    minutes,
    positive,
)
from kdml.common.errors import UserError
from kdml.reporting.data import labelled_texts, texts_by_name

ENTRIES = (
    "index",
    "--contents",
    "name category title caption files",
)  # a list of mappings: script, option, keys of each
PAGE = "--title T --claims {in_}/c.csv --readings {in_}/e.csv --design {in_}/f.csv --comparison {in_}/d.csv --metrics {in_}/m.csv --runs {in_}/r.csv --leakage {in_}/l.csv --out {out}/a.html"
DRAWN = "--title T --caption C --table {out}/a.csv {out}/a.md {out}/a.tex {out}/a.html"
FIGURES = " --figures beside={out}/b.pdf"
RUN = "--data {in_} --split {in_}/split.csv --out {out}/run"
JUDGED = "--claims {claims} --protocols paper --heads {in_}/h.csv --readings {out}/r.csv --design {out}/d.csv --out {out}/a.csv"
SIMILARITY = "--group kd --data {in_} --layers {out}/a.csv --upper {out}/b.csv"
OWN = "--dataset mine --record {in_}/r.json --size 32 --out {out}"
WEIGHTS = "--name w --timm resnet18 --out {out}/a.safetensors"

# what is wrong -> (script, other arguments, option, its value, words of the message)
OTHERS = {
    "networks: nonsense": ("networks", "--out {out}", "--pairs", "nonsense", "--pairs: nonsense does not"),
    "networks: a list": ("networks", "--out {out}", "--pairs", "[]", "--pairs is not a mapping"),
    "networks: no settings": ("networks", "--out {out}", "--pairs", '{"t/p": {"teacher": {}}}', "--pairs describe no pairs"),
    "weights: nonsense": ("weights", WEIGHTS, "--weights", "nonsense", "--weights: nonsense does not exist"),
    "weights: a list": ("weights", WEIGHTS, "--weights", "[]", "--weights is not a mapping"),
    "weights: no entry": ("weights", WEIGHTS, "--weights", "{}", "give either `timm`"),
    "train: nonsense": ("train", RUN, "--settings", "nonsense", "--settings: nonsense does not exist"),
    "train: a list": ("train", RUN, "--settings", "[]", "--settings is not a mapping"),
    "train: a missing key": ("train", RUN, "--settings", '{"protocol": "paper"}', "not the settings of a run"),
    "similarity: no table": ("similarity", SIMILARITY, "--runs", "nonsense.csv", "nonsense.csv does not exist"),
    "evaluate: no table": ("evaluate", "--sheet variants --data {in_} --out {out}", "--runs", "nonsense.csv", "nonsense.csv does not exist"),
    "between_protocols: no table": ("between_protocols", "--sheets alone --cases {in_}/c.parquet --out {out} --runs nonsense.csv other.csv", "--regions", "r.parquet", "nonsense.csv"),
    "values: no table": ("values", "--sheet variants --cases {in_}/c.parquet --out {out}", "--runs", "nonsense.csv", "nonsense.csv does not exist"),
    "claims: no place": ("claims", JUDGED, "--runs", "runs.csv", "--runs runs.csv is not NAME=FILE"),
    "table: no name": ("table", DRAWN + " --draws plain_tables.costs:table", "--data", "values.csv", "--data values.csv is not NAME=FILE"),
    "table: nothing draws it": ("table", DRAWN + " --data a=b", "--draws", "nonsense:table", "kdml.reporting has no nonsense:table"),
    "figure: no file": (
        "figure", "--title T --figure {out}/a.pdf --draws figures.search:draw", "--data", "settings=", "--data settings= is not NAME=FILE",
    ),
    "results: no name": ("results", DRAWN + FIGURES + " --name n --kind results", "--data", "values.csv", "values.csv is not NAME=FILE"),
    "results: no such figure": ("results", DRAWN + " --name n --kind results --data a=b", "--figures", "nonsense={out}/b.pdf", "no figure 'nonsense'"),
    "clinic: no name": ("clinic", "--tables {out}/clinic.csv --figures {out}/clinic_referral.pdf", "--data", "values.csv", "--data values.csv is not NAME=FILE"),
    "check_data: no name": ("check_data", "--out {out}/a.json", "--data", "folder", "--data folder is not NAME=FILE"),
    "check_data: no protocol": ("check_data", "--data a=b --out {out}/a.json", "--used", "grouped", "--used grouped is not NAME=TEXT"),
    "prepare: nonsense": ("prepare", OWN, "--own", "nonsense", "--own: nonsense does not exist"),
    "prepare: a list": ("prepare", OWN, "--own", "[]", "--own is not a mapping"),
    "prepare: no data set": ("prepare", OWN, "--own", '{"names": "mine"}', "--own is no data set"),
    "export: no split": ("export", "--runs {in_}/r.csv --data {in_} --out {out}/a --zip {out}/a.zip", "--leakage", "report.json", "--leakage report.json is not NAME=FILE"),
    "publish: a list": ("publish", "--out {out}/a.zip", "--listed", "[]", "--listed is not a mapping"),
    "leakage: no name": ("leakage", "--splits {in_}/s.csv --out {out}/l.md", "--tasks", "T", "--tasks T is not NAME=TEXT"),
    "schemes: no name": ("schemes", "--graphs {in_}/g.csv --out {out}/table_01.csv", "--titles", "T", "--titles T is not NAME=TEXT"),
}  # fmt: skip


def assert_explained(code, message, written, words):
    assert code == 2 and words in message and "What to do" in message, message
    assert written == []


@pytest.mark.parametrize("mistake", ["nonsense", "no JSON", "nothing", "no mappings", "a missing key"])
def test_lists(call, mistake):
    script, option, keys = ENTRIES
    keys = keys.split()
    entry = json.dumps([dict.fromkeys(keys[:-1], "x")])
    value, words = {
        "nonsense": ("nonsense", f"{option}: nonsense does not exist"),
        "no JSON": ("[nonsense", f"{option} is not valid JSON"),
        "nothing": ("[]", f"{option} is an empty list"),
        "no mappings": ("[1]", f"{option} is not a list of mappings"),
        "a missing key": (entry, f"{option}, entry 1, lacks the key '{keys[-1]}'"),
    }[mistake]
    assert_explained(*call(script, PAGE, option, value), words)


@pytest.mark.parametrize(("script", "rest", "option", "value", "words"), OTHERS.values(), ids=OTHERS)
def test_mappings_and_files(call, script, rest, option, value, words):
    assert_explained(*call(script, rest, option, value), words)


def test_a_script_of_its_own_process_says_it_and_no_more(root, tmp_path):
    command = [sys.executable, root / "src/metrics.py", "nonsense.csv", "--out", tmp_path / "a.csv"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (
        done.returncode == 2 and done.stderr.startswith("Error: nonsense.csv does") and "Traceback" not in done.stderr
    )
    assert not (tmp_path / "a.csv").exists()


def test_every_script_that_takes_json_or_files_by_name_is_here(root):
    """Each reads them through kdml.common.command_line or as a run's settings, and each is called above."""
    texts = {path.stem: path.read_text(encoding="utf-8") for path in (root / "src").glob("*.py")}
    readers = (
        "list_argument(",
        "mapping_argument(",
        "labelled_files(",
        "Data.labelled(",
        "labelled_texts(",
        "texts_by_name(",
    )
    taking = {name for name, text in texts.items() if any(reader in text for reader in readers)}
    assert taking | {"train"} <= {ENTRIES[0], *(script for script, *_ in OTHERS.values())}
    assert len(taking) > 8
    assert not any("json.loads" in text for text in texts.values())


def test_text_and_file_are_read_alike(tmp_path):
    (tmp_path / "items.json").write_text('[{"name": "n", "files": 0}]')
    for given in ('[{"name": "n", "files": 0}]', str(tmp_path / "items.json")):
        assert list_argument(given, "--contents", ("name", "files")) == [{"name": "n", "files": 0}]
    assert mapping_argument(' {"a": 1}', "--titles", ("a",)) == {"a": 1}
    with pytest.raises(UserError, match="cannot be read"):
        list_argument(str(tmp_path), "--contents", ("name",))


def test_files_keep_their_order_and_may_share_a_name():
    given = ["values=a.csv", "values:paper/hcd=b=c.csv", "values=d.csv"]
    found = [(name, str(path)) for name, path in labelled_files(given, "--data")]
    assert found == [("values", "a.csv"), ("values:paper/hcd", "b=c.csv"), ("values", "d.csv")]


def test_texts_keep_their_order_and_may_share_a_name():
    """A data set is split by several protocols; of captions the last counts."""
    given = ["hcd=paper", "lgg=grouped", "hcd=grouped=", "lgg="]
    assert labelled_texts(given, "--used") == [
        ("hcd", "paper"),
        ("lgg", "grouped"),
        ("hcd", "grouped="),
        ("lgg", ""),
    ]
    assert texts_by_name(given, "--captions") == {"hcd": "grouped=", "lgg": ""}


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("read", "text"),
    [
        (positive, "0"),
        (positive, "-1"),
        (minutes, "nan"),
        (minutes, "inf"),
        (minutes, "-1"),
        (auto_or_count, "-5"),
        (auto_or_count, "abc"),
    ],
)
def test_numbers_out_of_range_are_refused(read, text, capsys):
    parser = ArgumentParser()
    parser.add_argument("--number", type=read)
    with pytest.raises(SystemExit) as ended:
        parser.parse_args([f"--number={text}"])
    assert ended.value.code == 2 and "--number" in capsys.readouterr().err
