"""Push, status, pull and continue with Kaggle's real client against a local stand-in; and every refusal in plain words."""

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from fabricated import call
from kaggle_server import USER, kaggle_server, nobody_there
from snakemake_runs import ROOT

from kdml.common import project
from kdml.experiment import config_files, named_files, plan  # noqa: F401 (loaded while the project is the real one)
from kdml.kaggle import kernel, service, session

pytestmark = pytest.mark.xdist_group("kaggle")

REDUCED = ("--configfile", "profiles/reduced/experiment.yaml", "profiles/kaggle/experiment.yaml")
RULES = "https://www.kaggle.com/competitions/histopathologic-cancer-detection/rules"
FIRST, SECOND = "kdml-session-1", "kdml-session-2"
COMMITTED = ("config.yaml", "Snakefile", "requirements.lock", "src/work_for.py", *REDUCED[1:], "profiles/kaggle/config.yaml",
             "profiles/demo/config.yaml", "profiles/demo/experiment.yaml")  # fmt: skip
WEIGHTS = ("weights/resnet50_keras_in1k.safetensors", "weights/resnet18_backbone_approx.safetensors")
METHOD, SLIDES = "docs/examples/rkd.py", "mine/slides.csv"
RUN = "results/reduced/paper/hcd/p/kd_on_v3/seed-0"


@pytest.fixture
def work(account):
    with kaggle_server() as state:
        yield state.work


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A checkout of git with what the configuration reads, and beside it the start weights of the reduced study, not committed."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in COMMITTED:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    for words in (["init", "-q"], ["add", "."]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    for name in (*WEIGHTS, METHOD, SLIDES, "notes.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("mine")
    return folder


@pytest.fixture
def run(tmp_path, monkeypatch, capsys, checkout):
    """Call the script; give its exit code and all that it said."""
    monkeypatch.chdir(checkout)
    monkeypatch.setattr(project, "ROOT", checkout)

    def called(what, *words):
        code, said = call("kaggle_run", what, *words, "--directory", tmp_path / "base")
        return code, capsys.readouterr().out + said

    return called


@pytest.fixture
def pushed(work, run):
    assert run("push", 480, *REDUCED)[0] == 0
    return work


def left(files, number=1, exit_code=75, left_out=(), pack=True):
    """What a session leaves, with a part for every two files."""
    parts, digests = {}, {}
    for begin in range(0, len(files), 2):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for name in sorted(files)[begin : begin + 2]:
                member = tarfile.TarInfo(name)
                member.size, member.mtime = len(files[name]), 1000
                archive.addfile(member, io.BytesIO(files[name]))
        parts[f"state-{begin:03d}.tar"] = buffer.getvalue()
    parts |= {"reduced.zip": b"pack"} if pack else {}
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in parts.items()}
    told = {"experiment": "reduced", "number": number, "exit_code": exit_code, "left_out": list(left_out)}
    told |= {"pack": {"name": "reduced.zip", "sha256": digests.pop("reduced.zip")} if pack else None, "parts": digests}
    return parts | {"session.json": json.dumps(told).encode()}


def sent(work):
    """Names of the files of the project that was sent."""
    with tarfile.open(fileobj=io.BytesIO(work.datasets["kdml-project"][session.PROJECT])) as archive:
        return set(archive.getnames())


def told_in(kernel):
    return eval(re.search(r"^main\((.*)\)$", kernel["text"], re.M)[1])


def test_push_sends_the_project_and_starts_a_private_kernel(work, run, tmp_path):
    code, said = run("push", 480, *REDUCED, "--config", "training={epochs: 3}", "archives=/somewhere")
    assert code == 0, said
    assert "27.5 GPU hours are left" in said and f"https://www.kaggle.com/code/{USER}/{FIRST}" in said
    (kernel,) = work.kernels
    assert (kernel["slug"], kernel["newTitle"]) == (f"{USER}/{FIRST}", "kdml session 1")
    assert (
        kernel["isPrivate"]
        and kernel["enableGpu"]
        and kernel["enableInternet"]
        and kernel["machineShape"] == "NvidiaTeslaT4"
    )
    assert kernel["competitionDataSources"] == ["histopathologic-cancer-detection"]
    assert kernel["datasetDataSources"] == [f"{USER}/kdml-project"] and not kernel.get("kernelDataSources")
    told = told_in(kernel)
    assert told["minutes"] == 480 and told["experiment"] == "reduced" and told["configfile"] == list(REDUCED[1:])
    assert told["config"] == ["training={epochs: 3}"] and told["marks"] == {
        "histopathologic-cancer-detection": "train_labels.csv"
    }
    assert sent(work) == {*COMMITTED, *WEIGHTS, session.TIMES}
    with tarfile.open(fileobj=io.BytesIO(work.datasets["kdml-project"][session.PROJECT])) as archive:
        assert archive.extractfile("config.yaml").read() == (ROOT / "config.yaml").read_bytes()
    assert (
        run("status")[1]
        == f"{USER}/{FIRST}: complete: `pull` brings what it left\n27.5 GPU hours are left this week.\n"
    )


def test_all_data_sets_of_the_full_experiment_are_attached(work, run):
    assert run("push", 480)[0] == 0
    (kernel,) = work.kernels
    assert kernel["datasetDataSources"][1:] == [
        "mateuszbuda/lgg-mri-segmentation", "kmader/skin-cancer-mnist-ham10000", "tschandl/ham10000-lesion-segmentations",
    ]  # fmt: skip
    assert told_in(kernel)["configfile"] == ["profiles/kaggle/experiment.yaml"]


def test_without_internet_wheels_travel_as_a_data_set(work, run, tmp_path):
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    code, said = run("push", 480, *REDUCED, "--wheels", wheels)
    assert code == 2 and "holds no wheel of torch" in said and not work.kernels
    (wheels / "torch-2.13.0-cp312-none-any.whl").write_bytes(b"wheel")
    assert run("push", 480, *REDUCED, "--wheels", wheels, "--no-gpu")[0] == 0
    (kernel,) = work.kernels
    assert not kernel["enableInternet"] and not kernel["enableGpu"] and not kernel.get("machineShape")
    assert kernel["datasetDataSources"] == [f"{USER}/kdml-project", f"{USER}/kdml-wheels"]
    assert work.datasets["kdml-wheels"] == {"torch-2.13.0-cp312-none-any.whl": b"wheel"}


def test_what_is_not_committed_travels_when_it_is_named(work, run):
    assert run("push", 480, *REDUCED, "--also", "notes.txt")[0] == 0
    assert "notes.txt" in sent(work)
    code, said = run("push", 480, *REDUCED, "--also", "../elsewhere", "--name", "other")
    assert code == 2 and "../elsewhere is no file or folder below" in said


OWN = ("methods={mine: {method: \"docs/examples/rkd.py:RKD\", title: M, options: {tap: f3}}}",
       "hyperparameters=workflow/resources/paper/hyperparameters.csv", "datasets={hcd: {slides: mine/slides.csv}}")  # fmt: skip


def test_what_the_configuration_names_travels_too(work, run, checkout):
    """A method and tables of one's own are as much part of the experiment as its configuration, committed or not."""
    table = checkout / "workflow/resources/paper/hyperparameters.csv"
    table.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / table.relative_to(checkout), table)
    assert (
        run("push", 480, "--config", "run={tasks: [hcd], methods: [mine], methods_at: [hcd/resnet50-resnet18]}", *OWN)[
            0
        ]
        == 0
    )
    assert {METHOD, SLIDES, table.relative_to(checkout).as_posix()} <= sent(work) and not {
        *WEIGHTS,
        "notes.txt",
    } & sent(work)


def test_a_configuration_that_was_edited_since_is_read_again(work, run, checkout):
    mine = checkout / "mine.yaml"
    mine.write_text("run: {tasks: [hcd]}")
    assert run("push", 480, "--configfile", "mine.yaml")[0] == 0 and SLIDES not in sent(work)
    mine.write_text("run: {tasks: [hcd]}\ndatasets: {hcd: {slides: mine/slides.csv}}")
    assert run("continue")[0] == 0 and SLIDES in sent(work)
    mine.write_text("run: {tasks: [hcd]}\ndatasets: {hcd: {slides: mine/lost.csv}}")
    code, said = run("continue")
    assert code == 2 and "`datasets.hcd.slides: mine/lost.csv` is no file" in said and len(work.kernels) == 2


def test_tokens_and_passwords_of_a_folder_stay_here(tmp_path):
    """Hidden files of a folder may be part of what it is for; these are not."""
    for name in (
        "mine/weights.safetensors",
        "mine/.config",
        "mine/.env",
        "mine/.env.local",
        "mine/kaggle.json",
        "mine/.git/config",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    assert kernel.tracked(tmp_path, [Path("mine")]) == ["mine/.config", "mine/weights.safetensors"]


def test_continue_attaches_the_last_output_and_sends_nothing_again(pushed, run):
    sent = dict(pushed.datasets)
    pushed.datasets["kdml-project"] = {}  # would be filled again
    assert run("continue", "--minutes", 30)[0] == 0
    first, second = pushed.kernels
    assert second["slug"] == f"{USER}/{SECOND}" and second["kernelDataSources"] == [f"{USER}/{FIRST}"]
    assert pushed.datasets["kdml-project"] == {} and sent["kdml-project"]
    assert told_in(second) == told_in(first) | {"minutes": 30}


def test_continue_after_a_failure_starts_the_same_session_again(pushed, run):
    run("continue")
    pushed.states[SECOND] = ("ERROR", "out of memory")
    code, said = run("continue")
    assert code == 0 and "out of memory" in said
    assert [(one["slug"], one.get("kernelDataSources")) for one in pushed.kernels[1:]] == [
        (f"{USER}/{SECOND}", [f"{USER}/{FIRST}"])
    ] * 2


def test_pull_brings_results_and_pack_with_their_times(pushed, run, tmp_path):
    base = tmp_path / "base"
    files = {f"{RUN}/checkpoint.pt": b"c1", "results/reduced/data/hcd/images.npy": b"a", "results/tables/table_03.html": b"of others", "results/reduced/splits.csv": b"s", "resources/reduced/weights/a.safetensors": b"w",
             "logs/reduced/train/x.log": b"l", ".snakemake/metadata/x": b"m"}  # fmt: skip
    pushed.outputs[FIRST] = left(files)
    code, said = run("pull")
    assert code == 0 and "Session 1: 4 files" in said and "`continue` goes on" in said and "reduced.zip" in said
    assert (base / RUN / "checkpoint.pt").read_bytes() == b"c1" and (
        base / RUN / "checkpoint.pt"
    ).stat().st_mtime == 1000
    assert (base / "resources/kaggle_run/kdml/output/reduced.zip").read_bytes() == b"pack"
    assert not (base / "results/reduced/splits.csv").exists()
    assert not (base / "results/tables").exists() and not (base / ".snakemake").exists()
    os.utime(base / RUN / "checkpoint.pt", (2000, 2000))  # as if another name had brought the same, later
    assert run("pull")[1].startswith("Session 1: 0 files") and (base / RUN / "checkpoint.pt").stat().st_mtime == 1000
    # The next session: the training has ended, and the arrays had no room.
    run("continue")
    left_out = ["results/reduced/data/hcd/images.npy"]
    pushed.outputs[SECOND] = left(
        {
            f"{RUN}/run.json": b"{}",
            "logs/reduced/train/x.log": b"longer",
            "resources/reduced/weights/a.safetensors": b"w",
        },
        2,
        0,
        left_out,
    )
    code, said = run("pull")
    assert (
        code == 0 and "Session 2: 2 files" in said and "Everything is made." in said and "1 files had no room" in said
    )
    assert not (base / RUN / "checkpoint.pt").exists() and (base / RUN / "run.json").exists()
    assert (base / "logs/reduced/train/x.log").read_bytes() == b"longer" and (base / left_out[0]).exists()


def test_pull_writes_over_nothing_of_another_origin(pushed, run, tmp_path):
    here = tmp_path / "base" / RUN
    here.mkdir(parents=True)
    (here / "run.json").write_text("trained here")
    pushed.outputs[FIRST] = left({f"{RUN}/a.csv": b"a", f"{RUN}/run.json": b"trained there"})
    code, said = run("pull")
    assert code == 2 and "run.json is another one than the session's" in said and "--directory" in said
    assert [path.name for path in here.iterdir()] == ["run.json"] and (here / "run.json").read_text() == "trained here"
    # One that was pulled and edited since is somebody's, too.
    (here / "run.json").unlink()
    assert run("pull")[0] == 0
    (here / "a.csv").write_text("edited")
    pushed.outputs[FIRST] = left({f"{RUN}/a.csv": b"b"})
    assert run("pull")[0] == 2 and (here / "a.csv").read_text() == "edited"


def test_what_arrives_damaged_is_told_and_not_taken(pushed, run, tmp_path):
    pushed.outputs[FIRST] = left({f"{RUN}/a.csv": b"a"})
    whole = pushed.outputs[FIRST]["state-000.tar"]
    pushed.outputs[FIRST]["state-000.tar"] = whole[:-1] + b"?"
    code, said = run("pull")
    assert (
        code == 75
        and "state-000.tar" in said
        and "did not arrive whole" in said
        and not (tmp_path / "base/results").exists()
    )
    pushed.outputs[FIRST]["state-000.tar"] = whole
    assert run("pull")[0] == 0


def test_a_name_that_leads_elsewhere_is_refused(pushed, run, tmp_path):
    files = left({f"{RUN}/a.csv": b"a"}, pack=False)
    told = json.loads(files["session.json"])
    told["parts"] = {"../../evil.tar": "0"}
    pushed.outputs[FIRST] = files | {"session.json": json.dumps(told).encode()}
    code, said = run("pull")
    assert code == 2 and "'../../evil.tar', which is no file of a session" in said


@pytest.mark.parametrize(
    ("state", "why", "what", "code", "words"),
    [
        ("RUNNING", "", "pull", 75, ["has not ended (running)"]),
        ("QUEUED", "", "continue", 75, ["has not ended (queued)"]),
        (
            "ERROR",
            "Your notebook ran out of disk",
            "pull",
            2,
            ["failed (Your notebook ran out of disk)", "read its log"],
        ),
        ("ERROR", "", "status", 2, ["failed (error)", "read its log", "`continue`"]),
        ("CANCEL_ACKNOWLEDGED", "", "status", 2, ["failed (cancel_acknowledged)"]),
        ("COMPLETE", "", "pull", 2, ["left nothing to go on from", f"{FIRST}.log"]),
    ],
)
def test_states_that_are_no_end(state, why, what, code, words, pushed, run):
    pushed.states[FIRST] = (state, why)
    found, said = run(what)
    assert found == code and all(word in said for word in words), said


@pytest.mark.parametrize("what", ["push", "continue"])
def test_a_session_of_no_time_is_not_started(what, work, run):
    if what == "continue":
        run("push", 480, *REDUCED)
    code, said = run("push", 0, *REDUCED) if what == "push" else run("continue", "--minutes", 0)
    assert code == 2 and "A session of 0 minutes" in said and len(work.kernels) == (what == "continue")


@pytest.mark.parametrize(
    ("target", "refused"), [("nonsense", True), ("results/kaggle/nonsense/run.json", True), ("splits", False)]
)
def test_targets_are_planned_before_a_session_is_spent_on_them(target, refused, work, tmp_path, monkeypatch, capsys):
    """In the real checkout: what can be made is what Snakemake says."""
    monkeypatch.chdir(ROOT)
    code, said = call(
        "kaggle_run", "push", 30, "--config", "run={tasks: [hcd]}", "--target", target, "--directory", tmp_path
    )
    said += capsys.readouterr().out
    assert (code, len(work.kernels)) == ((2, 0) if refused else (0, 1)), said
    assert (f"does not plan --target {target}: No rule to produce" in said) == refused


def test_running_is_said_by_status(pushed, run):
    pushed.states[FIRST], pushed.hours = ("RUNNING", ""), None
    assert run("status") == (0, f"{USER}/{FIRST}: running\n")


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        (
            {"not_given": {"invalidCompetitionSources": ["histopathologic-cancer-detection"]}},
            2,
            ["rules are not accepted", RULES],
        ),
        ({"not_given": {"invalidDatasetSources": ["x/y"]}}, 2, ["does not give x/y"]),
        ({"refusal": "Maximum weekly GPU quota of 30.00 hours has been reached."}, 75, ["Maximum weekly GPU quota"]),
        ({"refusal": "kdml-session-1: the title is taken"}, 2, ["the title is taken"]),
        ({"hours": (30, 30)}, 75, ["GPU hours of this week are used until 2026-12-05", "--no-gpu"]),
        ({"unpacking": ["BLOBS_RECEIVED"] * 9}, 75, ["still processes the data set", "same command again"]),
        ({"unpacking": ["FAILED"]}, 2, ["is failed at Kaggle"]),
        ({"lost": {session.PROJECT}}, 75, [f"{session.PROJECT} could not be sent"]),
    ],
    ids=["rules", "data set", "quota of kernel", "refused", "quota", "processing", "unpacking failed", "upload"],
)
def test_refusals_are_told_and_the_same_command_goes_on(changes, code, words, work, run):
    for name, value in changes.items():
        setattr(work, name, value)
    found, said = run("push", 480, *REDUCED, "--patience", 0)
    assert (
        found == code and all(word in said for word in words) and "What to do:" in said and "Traceback" not in said
    ), said
    work.not_given, work.refusal, work.hours, work.unpacking, work.lost = {}, "", (0, 30), [], set()
    assert run("push", 480, *REDUCED)[0] == 0
    code, said = run("push", 480, *REDUCED)
    assert code == 2 and "Session 1 of kdml was started from here already" in said and "`continue`" in said


def test_it_waits_for_what_is_being_unpacked(work, run, monkeypatch):
    monkeypatch.setattr(service, "PAUSE", 0)
    work.unpacking = ["NOT_YET_PERSISTED", "BLOBS_DECOMPRESSED"]
    assert run("push", 480, *REDUCED)[0] == 0 and not work.unpacking


@pytest.mark.parametrize("what", ["status", "pull", "continue"])
def test_nothing_was_pushed(what, no_token, run):
    """Which is known without Kaggle, and so before a token is asked for."""
    code, said = run(what)
    assert code == 2 and "Nothing was pushed under the name kdml" in said


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--name", "Mine_1"], "--name Mine_1 cannot be part of an address"),
        (["--configfile", "/elsewhere.yaml"], "/elsewhere.yaml cannot be read"),
        (["--profile", "profiles/demo", "--config", "sharing={temperature: -1}"], "sharing.temperature"),
        (["--config", "datasets={mine: {source: x, image_size: 32}}", "tasks={mine: {title: M, dataset: mine, kind: segmentation, classes: [a]}}",
          "run={tasks: [mine], methods: []}"], "`datasets.mine` is your own and not at Kaggle"),
        (["--config", "datasets={hcd: {slides: mine/lost.csv}}"], "`datasets.hcd.slides: mine/lost.csv` is no file"),
        (["--config", "datasets={hcd: {slides: /elsewhere/slides.csv}}"], "`datasets.hcd.slides: /elsewhere/slides.csv` leads out of the project"),
        (["--config", "datasets={hcd: {slides: ../slides.csv}}"], "`datasets.hcd.slides: ../slides.csv` leads out of the project"),
        (["--config", "datasets={hcd: {slides: ~/slides.csv}}"], "`datasets.hcd.slides: ~/slides.csv` leads out of the project"),
        ([*REDUCED, "--config", "weights={resnet50: {path: weights/lost.safetensors}}"],
         "`weights.resnet50.path: weights/lost.safetensors` is no file"),
        (["--config", "hyperparameters=lost.csv"], "hyperparameters: "),
        (["--config", "methods={mine: {method: \"lost.py:M\"}}", "run={tasks: [hcd], methods: [mine], methods_at: [hcd/resnet50-resnet18]}"],
         "methods: `method: lost.py:M`"),
    ],
)  # fmt: skip
def test_bad_input(words, said, account, run, tmp_path):
    code, found = run("push", 480, *words)
    assert code == 2 and said in found, found
    assert not (tmp_path / "base/resources").exists()


def test_no_token_wrong_token_and_no_network(no_token, run, monkeypatch):
    import kaggle  # noqa: F401

    code, said = run("push", 480, *REDUCED)
    assert code == 2 and "There is no Kaggle token" in said and "access_token" in said
    monkeypatch.setenv("KAGGLE_API_ENVIRONMENT", "TEST")
    monkeypatch.setenv("NO_PROXY", "localhost")
    monkeypatch.setenv("KAGGLE_API_TOKEN", "a-wrong-one")
    with kaggle_server():
        code, said = run("push", 480, *REDUCED)
    assert code == 2 and "does not accept the token" in said
    monkeypatch.delenv("KAGGLE_API_TOKEN")
    monkeypatch.setenv("KAGGLE_USERNAME", USER)
    monkeypatch.setenv("KAGGLE_KEY", "any")
    with nobody_there():
        code, said = run("push", 480, *REDUCED)
    assert code == 75 and "cannot be reached" in said
