"""JSON and files by name on the command line, of every script that takes them: mistakes end in a message."""

import json
import runpy
import signal
import subprocess
import sys

import pytest
import torch

from kdml.common.command_line import labelled_files, mapping_argument, runs_argument
from kdml.common.errors import UserError

# script -> (option with a list, keys that each entry has, other arguments); {out} and {in_} stand for a folder to write to and an
# empty one to read from.
LISTS = {
    "values": ("--runs", "folder run seed", "--classes 2 --out {out}/a.csv"),
    "curves": ("--runs", "folder where run seed", "--out {out}/a.csv --bands {out}/b.csv"),
    "methods": ("--runs", "run title seed folder", "--out {out}/a.csv"),
    "teachers": ("--runs", "folder seed", "--out {out}/a.csv"),
    "collect": ("--runs", "folder protocol task pair run seed", "--out {out}/a.csv"),
    "contrasts": ("--runs", "folder run seed", "--place hcd/resnet18 --classes 2 --claims {claims} --out {out}/a.csv"),
    "claims": ("--places", "protocol task pair place kind contrasts similarity costs", "--claims {claims} --protocols paper --out {out}/a.csv"),
    "similarity": ("--runs", "run seed folder split teacher", "--data {in_} --layers {out}/a.csv --upper {out}/b.csv"),
    "slices": (
        "--runs", "run folder networks",
        "--judges {in_} --data {in_} --rule hard --count 1 --images {out}/a.npz --out {out}/b.csv",
    ),
    "search_scores": ("--trials", "folder", "--scores {out}/a.csv --settings {out}/b.csv"),
    "render_index": (
        "--items", "category title caption files",
        "--title T --claims {in_}/c.html --metrics {in_}/m.csv --results {in_} --leakage {in_}/l.md --out {out}/a.html",
    ),
}  # fmt: skip

TABLE = "--kind table_01 --title T --caption C --csv {out}/a.csv --md {out}/a.md --tex {out}/a.tex --html {out}/a.html"
FIGURE = "--kind scheme --title T --pdf {out}/a.pdf --png {out}/a.png"
PAIR = "--kind classification --outputs 2 --size 32 --costs {out}/a.csv --layers {out}/b.csv"
TITLES = ' --titles {{"teacher":"T","student":"S"}}'
NETWORK = '{{"architecture":"a","backbone":{{"timm":"resnet18"}}}}'
NETWORKS = f'{{{{"teacher":{NETWORK},"student":{NETWORK}}}}}'
RUN = "--data {in_} --split {in_}/split.csv --out {out}/run"

# what is wrong -> (script, other arguments, option, its value, words of the message)
OTHERS = {
    "networks: nonsense": ("networks", PAIR + TITLES, "--networks", "nonsense", "--networks: nonsense does not"),
    "networks: a list": ("networks", PAIR + TITLES, "--networks", "[]", "--networks is not a mapping"),
    "networks: no student": ("networks", PAIR + TITLES, "--networks", '{"teacher": {}}', "lacks the key 'student'"),
    "networks: no settings": (
        "networks", PAIR + TITLES, "--networks", '{"teacher": {}, "student": {}}', "no settings of networks",
    ),
    "networks: no titles": ("networks", PAIR + " --networks {{}}", "--titles", "{}", "--titles lacks the key 'teacher'"),
    "networks: no file": ("networks", PAIR + TITLES + " --networks " + NETWORKS, "--weights", "resnet18", "resnet18 is not NAME=FILE"),
    "table: nonsense": ("render_grid", TABLE, "--graphs", "nonsense", "--graphs: nonsense does not exist"),
    "table: a list": ("render_grid", TABLE, "--graphs", "[]", "--graphs is not a mapping"),
    "table: no name": ("render_grid", TABLE, "--data", "values.csv", "--data values.csv is not NAME=FILE"),
    "figure: nonsense": ("render_figure", FIGURE, "--extra", "nonsense", "--extra: nonsense does not exist"),
    "figure: a list": ("render_figure", FIGURE, "--extra", "[]", "--extra is not a mapping"),
    "figure: no file": ("render_figure", FIGURE, "--data", "values=", "--data values= is not NAME=FILE"),
    "train: nonsense": ("train", RUN, "--settings", "nonsense", "--settings: nonsense does not exist"),
    "train: a list": ("train", RUN, "--settings", "[]", "--settings is not a mapping"),
    "train: a missing key": ("train", RUN, "--settings", '{"protocol": "paper"}', "not the settings of a run"),
    "similarity: no name": (
        "similarity", '--runs [{{"run":1,"seed":0,"folder":"f","split":"s","teacher":null}}] --data {in_} --layers {out}/a.csv --upper {out}/b.csv',
        "--weights", "=file", "--weights =file is not NAME=FILE",
    ),
}  # fmt: skip


@pytest.fixture
def call(root, tmp_path, monkeypatch, capsys):
    """Run a script in this process, where torch is imported once; give its exit code, its message, and what it wrote."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)}
    threads = torch.get_num_threads()

    def run(script, rest, *more):
        out, read = tmp_path / "out", tmp_path / "in"
        read.mkdir()
        claims = root / "workflow/resources/paper/claims.yaml"
        words = [word.format(out=out, in_=read, claims=claims) for word in rest.split()]
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", [script, *words, *more])
        with pytest.raises(SystemExit) as left:
            runpy.run_path(str(root / f"src/{script}.py"), run_name="__main__")
        return left.value.code, capsys.readouterr().err, sorted(path.name for path in out.rglob("*"))

    yield run
    torch.set_num_threads(threads)
    for number, handler in handlers.items():
        signal.signal(number, handler)


def assert_explained(code, message, written, words):
    assert code == 2 and words in message and "What to do" in message, message
    assert written == []


@pytest.mark.parametrize("mistake", ["nonsense", "no JSON", "nothing", "no mappings", "a missing key"])
@pytest.mark.parametrize("script", LISTS)
def test_lists(call, script, mistake):
    if (script, mistake) == ("claims", "nothing"):
        return  # an experiment may have no place that a claim is about; all claims are then not run
    option, keys, rest = LISTS[script]
    keys = keys.split()
    entry = json.dumps([dict.fromkeys(keys[:-1], "x")])
    value, words = {
        "nonsense": ("nonsense", f"{option}: nonsense does not exist"),
        "no JSON": ("[nonsense", f"{option} is not valid JSON"),
        "nothing": ("[]", f"{option} is an empty list"),
        "no mappings": ("[1]", f"{option} is not a list of mappings"),
        "a missing key": (entry, f"{option}, entry 1, lacks the key '{keys[-1]}'"),
    }[mistake]
    assert_explained(*call(script, rest, option, value), words)


@pytest.mark.parametrize(("script", "rest", "option", "value", "words"), OTHERS.values(), ids=OTHERS)
def test_mappings_and_files(call, script, rest, option, value, words):
    assert_explained(*call(script, rest, option, value), words)


def test_a_script_of_its_own_process_says_it_and_no_more(root, tmp_path):
    command = [
        sys.executable,
        root / "src/values.py",
        "--runs",
        "nonsense",
        "--classes",
        "2",
        "--out",
        tmp_path / "a.csv",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and done.stderr.startswith("Error: --runs: nonsense") and "Traceback" not in done.stderr
    assert not (tmp_path / "a.csv").exists()


def test_every_script_that_takes_json_or_files_is_here(root):
    """Each reads them through kdml.common.command_line or as a run's settings, and each is called above."""
    taking = {
        path.stem
        for path in (root / "src").glob("*.py")
        if any(word in path.read_text() for word in ("JSON", "NAME=FILE", "LABEL=FILE", "json.loads"))
    }
    not_given_any = {
        "fetch",
        "settings",
        "split",
        "weights",
    }  # they write it; the last reads one entry of the configuration
    assert taking - not_given_any == {*LISTS, *(script for script, *_ in OTHERS.values())}
    assert not any("json.loads" in path.read_text() for path in (root / "src").glob("*.py"))


def test_text_and_file_are_read_alike(tmp_path):
    (tmp_path / "runs.json").write_text('[{"folder": "f", "seed": 0}]')
    for given in ('[{"folder": "f", "seed": 0}]', str(tmp_path / "runs.json")):
        assert runs_argument(given, ("folder", "seed")) == [{"folder": "f", "seed": 0}]
    assert mapping_argument(' {"a": 1}', "--titles", ("a",)) == {"a": 1}
    with pytest.raises(UserError, match="cannot be read"):
        runs_argument(str(tmp_path), ("folder",))


def test_files_keep_their_order_and_may_share_a_name():
    given = ["values=a.csv", "values:paper/hcd=b=c.csv", "values=d.csv"]
    found = [(name, str(path)) for name, path in labelled_files(given, "--data")]
    assert found == [("values", "a.csv"), ("values:paper/hcd", "b=c.csv"), ("values", "d.csv")]
