"""The grid search: equal budgets, weights that sum to 1, and a choice that looks at validation scores alone."""

import copy
import csv
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import pytest
import yaml

from kdml.common.errors import UserError
from kdml.common.files import write_csv
from kdml.experiment.config import validated
from kdml.experiment.contents import Contents
from kdml.experiment.figures import FIGURES
from kdml.experiment.grid_search import Search, by_setting, chosen, ranked, shared_out
from kdml.experiment.loss_weights import COLUMNS
from kdml.experiment.paths import Paths
from kdml.experiment.places import Places
from kdml.experiment.plan import Plan, Run
from kdml.experiment.run_rows import run_rows
from kdml.experiment.tables import TABLES
from kdml.paper import numbers
from kdml.runs.graph import VARIANTS, LossWeights


@pytest.fixture(scope="module")
def config(root):
    return yaml.safe_load((root / "config.yaml").read_text())


@pytest.fixture(scope="module")
def search(config):
    return Search(Plan(validated(config)))


def test_every_variant_has_the_same_budget(search):
    counts = Counter((trial.run.task, trial.run.pair, trial.run.run) for trial in search.trials)
    assert len(counts) == 6 * 12 and set(counts.values()) == {9}
    assert len(search.trials) == len(set(search.trials)) == 648


def test_weights_of_a_student_sum_to_one(search):
    for trial in search.trials:
        for weights in search.weights(trial):
            assert weights.alpha + weights.beta + weights.gamma == pytest.approx(1, abs=2e-6)
            technique, _ = VARIANTS[trial.run.run]
            assert (weights.beta == 0) == (technique == "ml") and (weights.gamma == 0) == technique.startswith("kd_o")


def test_the_papers_setting_is_the_run_itself(search):
    """What the paper chose is one of the trials, with all options of the run that fills the paper's table."""
    papers = [trial for trial in search.trials if search.describe(trial)["papers"]]
    assert len(papers) == 6 * 12
    for trial in papers:
        assert search.settings(trial) == search.plan.settings(trial.run)


@pytest.mark.parametrize("alpha", [0.1, 0.2, 0.4])
def test_rest_is_shared_as_in_the_paper(alpha):
    weights = shared_out(alpha, LossWeights(0.2, 0.6, 0.2))
    assert (weights.beta, weights.gamma) == pytest.approx(((1 - alpha) * 0.75, (1 - alpha) * 0.25))


def test_papers_setting_is_tried_where_the_grid_lacks_it(config):
    own = copy.deepcopy(config)
    own["grid_search"] = {"alpha": [0.5], "seeds": [3, 4]}
    own["run"] |= {"tasks": ["hcd"], "pairs": ["resnet50-resnet18"]}
    search = Search(Plan(validated(own)))
    described = [search.describe(trial) for trial in search.trials]
    assert len(described) == 12 * 2 * 2 and {one["seed"] for one in described} == {3, 4}
    assert {(one["alpha"], one["in_grid"], one["papers"]) for one in described} == {
        (0.5, 1, 0),
        (0.2, 0, 1),
        (0.1, 0, 1),
    }


def with_shares(config, shares, alpha=(0.2,)):
    own = copy.deepcopy(config)
    own["grid_search"] = {"alpha": list(alpha), "beta_shares": shares}
    own["run"] |= {"tasks": ["hcd"], "pairs": ["resnet50-resnet18"]}
    return Search(Plan(validated(own)))


def test_the_ratio_of_beta_to_gamma_is_tried_where_a_student_has_both(config):
    search = with_shares(config, [0.25, 0.6])
    tried = {}
    for trial in search.trials:
        tried.setdefault(trial.run.run, []).append(trial)
    assert len({trial.name for trial in search.trials if trial.run.run == "kd_ml_v1"}) == len(tried["kd_ml_v1"])
    for run, trials in tried.items():
        shares = {trial.beta_share for trial in trials if search.describe(trial)["in_grid"]}
        assert shares == ({0.25, 0.6} if run.startswith("kd_ml") else {None}), run
    for trial in tried["kd_ml_v3"]:
        if trial.beta_share is not None:
            for one in search.weights(trial):
                assert one.beta == pytest.approx(0.8 * trial.beta_share) and one.alpha + one.beta + one.gamma == 1
    papers = [trial for trial in search.trials if search.describe(trial)["papers"]]
    assert sorted(trial.run.run for trial in papers) == sorted(VARIANTS), (
        "the paper's setting is tried once in each variant"
    )


def test_a_share_that_is_the_papers_is_no_second_trial(config):
    """The paper's weights of kd_ml_v3 on HCD are one point of a grid that has its alphas and its ratio."""
    plan = Plan(validated(config))
    first, second = plan.papers_weights(Run("paper", "hcd", "resnet50-resnet18", "kd_ml_v3", 0))
    share = first.beta / (first.beta + first.gamma)
    assert share == pytest.approx(second.beta / (second.beta + second.gamma)), "another variant is needed for this test"
    search = with_shares(config, [round(share, 6)], {first.alpha, second.alpha})
    trials = [trial for trial in search.trials if trial.run.run == "kd_ml_v3"]
    assert all(trial.beta_share is not None for trial in trials)
    assert sum(search.describe(trial)["papers"] for trial in trials) == 1


def own_student(config, weights):
    """Two variants with a student that the paper does not have."""
    own = copy.deepcopy(config)
    own["networks"]["tiny"] = {"timm": "resnet10t", "title": "Tiny"}
    own["pairs"]["own"] = {"teacher": "resnet50", "student": "tiny"}
    own["run"] |= {
        "tasks": ["hcd"],
        "pairs": ["own"],
        "techniques": ["kd_ml", "ml"],
        "strategies": ["v1"],
        "seeds": [0],
    }
    return Plan(validated(own | {"hyperparameters": str(weights)}))


def test_rest_is_shared_as_configured_where_the_paper_does_not_know_the_student(config, tmp_path):
    """S2 of KD + ML learns from labels alone there, which says nothing of how to share: evenly then."""
    (tmp_path / "h.csv").write_text(
        f"{','.join(COLUMNS)}\n,hcd,classification,tiny,,ml,v1,0.3,0.3,0,0,0.7,0.7\n"
        ",hcd,classification,tiny,,kd_ml,v1,0.2,1,0.6,0,0.2,0\n",
        encoding="utf-8",
    )
    plan = own_student(config, tmp_path / "h.csv")
    run = Run("paper", "hcd", "own", "ml_v1", 0)
    assert plan.settings(run).supervised == {"s1": 0.3, "s2": 0.3} and plan.papers_weights(run) is None
    search = Search(plan)
    assert search.places == (("paper", "hcd", "own"),) and len(search.trials) == 2 * 9
    weights = {trial.run.run: search.weights(trial) for trial in search.trials if trial.name == "alpha-0.2-0.4"}
    assert weights == {
        "ml_v1": (LossWeights(0.2, 0, 0.8), LossWeights(0.4, 0, 0.6)),
        "kd_ml_v1": (LossWeights(0.2, 0.6, 0.2), LossWeights(0.4, 0.3, 0.3)),
    }
    described = [search.describe(trial) for trial in search.trials]
    assert {(one["papers"], one["in_grid"], one["student"]) for one in described} == {(0, 1, "tiny")}


def test_even_weights_are_a_start_where_there_are_none(config):
    plan = own_student(config, "even")
    settings = plan.settings(Run("paper", "hcd", "own", "kd_ml_v1", 0))
    assert set(settings.supervised.values()) == {1.0, 1 / 3} and {edge.weight for edge in settings.edges} == {1 / 3}
    assert plan.loss_weights(Run("paper", "hcd", "own", "ml_v1", 0)) == (LossWeights(0.5, 0, 0.5),) * 2
    assert len(Search(plan).trials) == 2 * 9


class TestOwnTask:
    """A task of one's own on a dataset of the paper: a file of weights names it by its key."""

    RUN = Run("paper", "my_hcd", "resnet50-resnet18", "ml_v1", 0)

    def plan(self, config, weights, tasks=("my_hcd",)):
        own = copy.deepcopy(config) | {"hyperparameters": str(weights)}
        own["tasks"]["my_hcd"] = own["tasks"]["hcd"] | {"title": "Mine"}
        own["run"] |= {"tasks": list(tasks), "techniques": ["ml"], "strategies": ["v1"], "methods": []}
        own["run"] |= {"pairs": ["resnet50-resnet18"]}
        return Plan(validated(own))

    def test_weights_are_found_by_its_key(self, config, tmp_path):
        row = "{},{},resnet18,,ml,v1,{},0.3,0,0,{},0.7"
        rows = [row.format("hcd", "classification", 0.1, 0.9), row.format("hcd", "my_hcd", 0.3, 0.7)]
        (tmp_path / "h.csv").write_text("\n".join([",".join(COLUMNS[1:]), *rows]))
        plan = self.plan(config, tmp_path / "h.csv", ("hcd", "my_hcd"))
        assert plan.loss_weights(self.RUN)[0].alpha == 0.3
        assert plan.loss_weights(replace(self.RUN, task="hcd"))[0].alpha == 0.1

    def test_search_writes_what_can_be_read_again(self, config, tmp_path):
        """Beside the paper's task on the same dataset, and rounded to six digits."""
        search = Search(self.plan(config, "paper", ("hcd",)))
        own = Search(self.plan(config, "even", ("hcd", "my_hcd")))
        assert {own.describe(trial)["task"] for trial in own.trials} == {"classification", "my_hcd"}
        assert {search.describe(trial)["task"] for trial in search.trials} == {"classification"}
        rows = [{name: str(value) for name, value in own.describe(trial).items()} for trial in own.trials]
        scored = [one | {"score": one["alpha"]} for one in rows]
        write_csv(tmp_path / "h.csv", [{name: one[name] for name in COLUMNS} for one in best_of(scored)])
        plan = self.plan(config, tmp_path / "h.csv", ("hcd", "my_hcd"))
        assert plan.loss_weights(self.RUN)[0] == plan.loss_weights(replace(self.RUN, task="hcd"))[0]

    def test_without_weights_the_remedy_can_be_followed(self, config):
        """`stands_for` would not help: the student is the paper's."""
        with pytest.raises(UserError) as caught:
            self.plan(config, "paper")
        assert "no weights alpha, beta, gamma for the student 'resnet18' on the task 'my_hcd'" in str(caught.value)
        assert "hyperparameters=even" in caught.value.remedy and "stands_for" not in caught.value.remedy


class TestOtherSplits:
    """Weights that are chosen on one split serve all runs, also those that are tested on the images that chose."""

    def search(self, config, protocols, seeds, per_seed):
        own = copy.deepcopy(config)
        own["run"] |= {"protocols": protocols, "seeds": seeds}
        own["split"] |= {"per_seed": per_seed, "seed": 7}
        own["grid_search"] = {"seeds": [0, 1]}
        return Search(Plan(validated(own)))

    @pytest.mark.parametrize(
        ("protocols", "per_seed", "splits", "others"),
        [
            (["paper"], False, "paper 7", ""),
            (["grouped", "paper"], False, "grouped 7", "paper 7"),
            (["paper"], True, "paper 0, paper 1", "paper 2"),
            (["paper", "grouped"], True, "paper 0, paper 1", "grouped 0, grouped 1, grouped 2, paper 2"),
        ],
    )
    def test_are_named(self, config, root, protocols, per_seed, splits, others):
        search = self.search(config, protocols, [0, 1, 2], per_seed)
        described = search.describe(search.trials[0])
        assert (described["protocol"], described["splits"], described["other_splits"]) == (protocols[0], splits, others)
        captions = yaml.safe_load((root / "workflow/report/captions.yaml").read_text())
        caption = Contents(search.plan, captions, (TABLES, FIGURES)).tables["grid_search"].caption
        assert splits in caption and ("would be too good" in caption) == bool(others) and others in caption

    @pytest.mark.parametrize("others", ["", "grouped 0"])
    def test_are_warned_of_and_written(self, tmp_path, root, others):
        columns = {"table": "", "student": "s", "protocol": "paper", "splits": "paper 0", "other_splits": others}
        rows = [row(0.1, 0.1, 90) | columns, row(0.2, 0.2, 80, papers=1) | columns]
        settings = tmp_path / "settings.csv"
        write_csv(settings, list(ranked(by_setting(rows))))
        command = [sys.executable, root / "src/search_best.py", settings, "--out", tmp_path / "best.csv"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        (best,) = csv.DictReader((tmp_path / "best.csv").read_text().splitlines())
        assert (best["protocol"], best["splits"], best["other_splits"]) == ("paper", "paper 0", others)
        assert ("may be test images of the split grouped 0" in done.stderr) == bool(others)


def row(alpha, alpha_prime, score, seed=0, papers=0, in_grid=1, strategy="v1"):
    weights = dict.fromkeys(numbers.WEIGHTS, "0") | {"alpha": str(alpha), "alpha_prime": str(alpha_prime)}
    keys = {"dataset": "hcd", "task": "classification", "pair": "p", "technique": "ml", "strategy": strategy}
    return keys | weights | {"score": str(score), "seed": str(seed), "papers": str(papers), "in_grid": str(in_grid)}


def best_of(rows):
    """Through the two files that lie between scores and the choice."""
    as_read = [{name: str(value) for name, value in one.items()} for one in ranked(by_setting(rows))]
    return ({**one, **{name: float(one[name]) for name in SCORES if one[name] != ""}} for one in chosen(as_read))


SCORES = ("score", "seeds", "papers_score", "papers_rank", "of")


def test_best_is_chosen_by_the_mean_over_seeds():
    rows = [
        row(0.1, 0.1, 90),
        row(0.1, 0.1, 70, seed=1),
        row(0.2, 0.1, 81, papers=1),
        row(0.2, 0.1, 81, seed=1, papers=1),
    ]
    (best,) = best_of(rows)
    assert (best["alpha"], best["score"], best["seeds"]) == ("0.2", 81, 2)
    assert (best["papers_rank"], best["of"], best["papers_score"]) == (1, 2, 81)


def test_rank_of_the_paper_counts_what_is_better():
    rows = [row(0.1, 0.1, 90), row(0.2, 0.2, 80, papers=1), row(0.4, 0.1, 80), row(0.4, 0.4, 85)]
    (best,) = best_of(rows)
    assert best["alpha"] == "0.1" and (best["papers_rank"], best["of"]) == (3, 4)


def test_where_the_paper_has_no_setting_it_has_no_rank():
    (best,) = best_of([row(0.1, 0.1, 70), row(0.2, 0.2, 80)])
    assert best["alpha"] == "0.2" and (best["papers_score"], best["papers_rank"], best["of"]) == ("", "", 2)


@pytest.mark.parametrize(("papers", "frames"), [(0, 1), (1, 2)])
def test_heat_map_frames_the_best_setting_and_the_papers_where_there_is_one(tmp_path, papers, frames):
    from matplotlib.patches import Rectangle

    from kdml.reporting.data import Data
    from kdml.reporting.figures.search import draw

    write_csv(tmp_path / "s.csv", list(ranked(by_setting([row(0.1, 0.1, 70, papers=papers), row(0.2, 0.2, 80)]))))
    axes = draw(Data({"settings": [tmp_path / "s.csv"]})).axes[0]
    assert len([patch for patch in axes.patches if isinstance(patch, Rectangle)]) == frames


def test_a_setting_outside_the_grid_is_ranked_but_never_chosen():
    """Otherwise variants whose paper's setting lies outside would have had one chance more."""
    rows = [row(0.1, 0.1, 70), row(0.5, 0.5, 95, papers=1, in_grid=0)]
    (best,) = best_of(rows)
    assert best["alpha"] == "0.1" and best["papers_rank"] == 1


def test_of_equals_the_papers_is_chosen():
    rows = [row(0.1, 0.1, 80), row(0.2, 0.2, 80, papers=1)]
    assert next(best_of(rows))["alpha"] == "0.2"


def test_variants_are_chosen_for_one_by_one():
    rows = [row(0.1, 0.1, 70, papers=1), row(0.2, 0.2, 60), row(0.1, 0.1, 50, papers=1, strategy="v3")]
    assert [(one["strategy"], one["score"]) for one in best_of(rows)] == [("v1", 70), ("v3", 50)]


def test_tasks_are_chosen_for_one_by_one():
    other = {"dataset": "lgg", "task": "segmentation"}
    rows = [row(0.1, 0.1, 70, papers=1), row(0.1, 0.1, 30, papers=1) | other, row(0.2, 0.2, 50) | other]
    assert [(one["dataset"], one["alpha"], one["score"]) for one in best_of(rows)] == [
        ("hcd", "0.1", 70),
        ("lgg", "0.2", 50),
    ]


ALPHAS = {"alpha": 0.5, "alpha_prime": 0.3}
NUMBERS = {  # of the students' weights, by technique
    "ml": ALPHAS | {"beta": 0, "beta_prime": 0, "gamma": 0.5, "gamma_prime": 0.7},
    "kd_off": ALPHAS | {"beta": 0.5, "beta_prime": 0.7, "gamma": 0, "gamma_prime": 0},
    "kd_on": ALPHAS | {"beta": 0.5, "beta_prime": 0.7, "gamma": 0, "gamma_prime": 0},
    "kd_ml": ALPHAS | {"beta": 0.25, "beta_prime": 0.7, "gamma": 0.25, "gamma_prime": 0},
}


class TestWeightsFromAFile:
    RUN = Run("paper", "hcd", "resnet50-resnet18", "kd_ml_v3", 0)

    def plan(self, config, path):
        own = copy.deepcopy(config) | {"hyperparameters": str(path)}
        own["run"] |= {"tasks": ["hcd"], "pairs": ["resnet50-resnet18"], "methods_at": ["hcd/resnet50-resnet18"]}
        return Plan(validated(own))

    def write(self, path, rows, columns=COLUMNS):
        with open(path, "w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=columns)
            writer.writeheader()
            writer.writerows(rows)
        return path

    def rows(self, pair="", **weights):
        keys = {"table": 3, "dataset": "hcd", "task": "classification", "student": "resnet18", "pair": pair}
        return [
            keys | {"technique": technique, "strategy": strategy} | NUMBERS[technique] | weights
            for technique, strategy in VARIANTS.values()
        ]

    def test_they_replace_the_papers(self, config, tmp_path):
        plan = self.plan(config, self.write(tmp_path / "h.csv", self.rows()))
        settings = plan.settings(self.RUN)
        assert settings.supervised == {"teacher": 1.0, "s1": 0.5, "s2": 0.3}
        assert plan.papers_weights(self.RUN)[0] == LossWeights(0.2, 0.4, 0.4)  # what a search is compared with stays
        places = Places(plan)
        rows = run_rows(places.all[0], places, Paths("x"))
        assert {row["alpha"] for row in rows if row["run"] == self.RUN.run} == {0.5}

    def test_the_papers_own_file_is_of_that_form(self, config):
        plan = self.plan(config, numbers.FOLDER / "hyperparameters.csv")
        assert plan.settings(self.RUN) == Plan(validated(config)).settings(self.RUN)

    def test_rows_of_another_pair_are_not_taken(self, config, tmp_path):
        """And one that names the pair comes before one that names none."""
        third = {"alpha_prime": 0.4, "beta_prime": 0.3, "gamma_prime": 0.3}
        mine = self.rows(pair="resnet50-resnet18")
        mine[-1] |= third
        plan = self.plan(config, self.write(tmp_path / "h.csv", [*self.rows(), *self.rows(pair="other"), *mine]))
        assert plan.settings(self.RUN).supervised["s2"] == 0.4

    def test_marks_and_empty_lines_of_a_spreadsheet_do_not_matter(self, config, tmp_path):
        path = self.write(tmp_path / "h.csv", self.rows())
        path.write_text("\ufeff" + path.read_text() + "," * (len(COLUMNS) - 1) + "\n", encoding="utf-8")
        assert self.plan(config, path).loss_weights(self.RUN)[0].alpha == 0.5

    def test_the_same_row_twice_is_no_mistake(self, config, tmp_path):
        path = self.write(tmp_path / "h.csv", [*self.rows(), *self.rows()])
        assert self.plan(config, path).loss_weights(self.RUN)[0].alpha == 0.5

    def test_two_rows_that_differ_are_refused(self, config, tmp_path):
        last = self.rows()[-1] | {"alpha": 0.4, "beta": 0.35}
        path = self.write(tmp_path / "h.csv", [*self.rows(), last])
        said = "line 14: kd_ml_v3 of 'resnet18' on 'hcd' stands there a second time, with other weights"
        with pytest.raises(UserError, match=said):
            self.plan(config, path)

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"alpha": 0.6}, "line 13: alpha [+] beta [+] gamma of S1 is 1.1"),
            ({"gamma_prime": 0.0001}, "line 13: alpha [+] beta [+] gamma of S2 is 1.0001"),
            ({"technique": "ml"}, "line 13: beta of S1 is 0.25, but in ml students do not learn from a teacher"),
            (
                {"technique": "kd_on"},
                "line 13: gamma of S1 is 0.25, but in kd_on students do not learn from each other",
            ),
            ({"technique": "kd"}, "line 13: technique 'kd' with strategy 'v3' is no variant"),
        ],
    )
    def test_weights_that_the_variant_cannot_use_are_refused(self, config, tmp_path, change, said):
        rows = self.rows()
        rows[-1] |= change
        with pytest.raises(UserError, match=said):
            self.plan(config, self.write(tmp_path / "h.csv", rows))

    def test_weights_rounded_to_six_digits_are_taken(self, config, tmp_path):
        rows = self.rows()
        rows[-1] |= {"alpha": 0.333333, "beta": 0.333333, "gamma": 0.333333}
        assert self.plan(config, self.write(tmp_path / "h.csv", rows)).loss_weights(self.RUN)[0].beta == 0.333333

    @pytest.mark.parametrize(
        ("weights", "columns", "said"),
        [
            ({"alpha": "much"}, COLUMNS, "line 2, alpha: 'much' is no weight"),
            ({"beta": -1}, COLUMNS, "line 2, beta: '-1' is no weight"),
            ({"task": "my_hcd"}, COLUMNS, "it has some for resnet18 on my_hcd"),
            ({"student": "tiny"}, COLUMNS, "'resnet18' on the task 'hcd'; it has some for tiny on hcd.*=even"),
        ],
    )
    def test_mistakes_are_named(self, config, tmp_path, weights, columns, said):
        path = self.write(tmp_path / "h.csv", self.rows(**weights), columns)
        with pytest.raises(UserError, match=f"(?s){said}"):
            self.plan(config, path).settings(self.RUN)

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("dataset,task\nhcd,classification\n", "lacks the column 'student'; its first line is 'dataset,task'"),
            (",".join(COLUMNS), "has a first line and no other"),
            ("", "is empty"),
            (f"{','.join(COLUMNS)}\n{'x' * 200_000}", "cannot be read .field larger than field limit"),
            (None, "cannot be read .*hyperparameters=even"),
        ],
    )
    def test_files_that_cannot_be_used_are_named(self, config, tmp_path, text, said):
        if text is not None:
            (tmp_path / "h.csv").write_text(text)
        with pytest.raises(UserError, match=f"(?s){said}"):
            self.plan(config, tmp_path / "h.csv")
