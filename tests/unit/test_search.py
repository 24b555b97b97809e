"""The grid search: equal budgets, weights that sum to 1, and a choice that looks at validation scores alone."""

import copy
import csv
import subprocess
import sys
from collections import Counter

import pytest
import yaml

from kdml import paper
from kdml.catalogue import Catalogue
from kdml.config import validated
from kdml.errors import UserError
from kdml.hyperparameters import COLUMNS
from kdml.plan import Plan, Run
from kdml.search import Search, by_setting, chosen, shared_out
from kdml.sharing import VARIANTS, LossWeights


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


def test_a_student_that_the_paper_does_not_know_stops_a_search_and_nothing_else(config, tmp_path):
    """With weights of one's own it can be trained; only a search needs the paper's."""
    own = copy.deepcopy(config)
    own["networks"]["tiny"] = {"timm": "resnet10t", "title": "Tiny"}
    own["pairs"]["own"] = {"teacher": "resnet50", "student": "tiny"}
    own["run"] |= {"tasks": ["hcd"], "pairs": ["own"], "techniques": ["ml"], "strategies": ["v1"], "seeds": [0]}
    own["hyperparameters"] = str(tmp_path / "h.csv")
    (tmp_path / "h.csv").write_text(
        f"{','.join(COLUMNS)}\n,hcd,classification,tiny,,ml,v1,0.3,0.3,0,0,0.7,0.7\n", encoding="utf-8"
    )
    plan = Plan(validated(own))
    assert plan.settings(Run("paper", "hcd", "own", "ml_v1", 0)).supervised == {"s1": 0.3, "s2": 0.3}
    search = Search(plan)
    assert search.places == (("paper", "hcd", "own"),)
    with pytest.raises(UserError, match="no weights alpha, beta, gamma for the student 'tiny'"):
        _ = search.trials


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
        caption = Catalogue(search.plan, captions).grids_on_request["grid_search"].caption
        assert splits in caption and ("would be too good" in caption) == bool(others) and others in caption

    @pytest.mark.parametrize("others", ["", "grouped 0"])
    def test_are_warned_of_and_written(self, tmp_path, root, others):
        columns = {"table": "", "student": "s", "protocol": "paper", "splits": "paper 0", "other_splits": others}
        with open(tmp_path / "scores.csv", "w", newline="") as file:
            rows = [row(0.1, 0.1, 90) | columns, row(0.2, 0.2, 80, papers=1) | columns]
            writer = csv.DictWriter(file, fieldnames=rows[0])
            writer.writeheader()
            writer.writerows(rows)
        command = [sys.executable, root / "src/search_best.py", tmp_path / "scores.csv", "--out", tmp_path / "best.csv"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        (best,) = csv.DictReader((tmp_path / "best.csv").read_text().splitlines())
        assert (best["protocol"], best["splits"], best["other_splits"]) == ("paper", "paper 0", others)
        assert ("may be test images of the split grouped 0" in done.stderr) == bool(others)


def row(alpha, alpha_prime, score, seed=0, papers=0, in_grid=1, strategy="v1"):
    numbers = dict.fromkeys(paper.WEIGHTS, "0") | {"alpha": str(alpha), "alpha_prime": str(alpha_prime)}
    keys = {"dataset": "hcd", "task": "classification", "pair": "p", "technique": "ml", "strategy": strategy}
    return keys | numbers | {"score": str(score), "seed": str(seed), "papers": str(papers), "in_grid": str(in_grid)}


def test_best_is_chosen_by_the_mean_over_seeds():
    rows = [
        row(0.1, 0.1, 90),
        row(0.1, 0.1, 70, seed=1),
        row(0.2, 0.1, 81, papers=1),
        row(0.2, 0.1, 81, seed=1, papers=1),
    ]
    (best,) = chosen(by_setting(rows))
    assert (best["alpha"], best["score"], best["seeds"]) == ("0.2", 81, 2)
    assert (best["papers_rank"], best["of"], best["papers_score"]) == (1, 2, 81)


def test_rank_of_the_paper_counts_what_is_better():
    rows = [row(0.1, 0.1, 90), row(0.2, 0.2, 80, papers=1), row(0.4, 0.1, 80), row(0.4, 0.4, 85)]
    (best,) = chosen(by_setting(rows))
    assert best["alpha"] == "0.1" and (best["papers_rank"], best["of"]) == (3, 4)


def test_a_setting_outside_the_grid_is_ranked_but_never_chosen():
    """Otherwise variants whose paper's setting lies outside would have had one chance more."""
    rows = [row(0.1, 0.1, 70), row(0.5, 0.5, 95, papers=1, in_grid=0)]
    (best,) = chosen(by_setting(rows))
    assert best["alpha"] == "0.1" and best["papers_rank"] == 1


def test_of_equals_the_papers_is_chosen():
    rows = [row(0.1, 0.1, 80), row(0.2, 0.2, 80, papers=1)]
    assert next(chosen(by_setting(rows)))["alpha"] == "0.2"


def test_variants_are_chosen_for_one_by_one():
    rows = [row(0.1, 0.1, 70, papers=1), row(0.2, 0.2, 60), row(0.1, 0.1, 50, papers=1, strategy="v3")]
    assert [(one["strategy"], one["score"]) for one in chosen(by_setting(rows))] == [("v1", 70), ("v3", 50)]


def test_tasks_are_chosen_for_one_by_one():
    other = {"dataset": "lgg", "task": "segmentation"}
    rows = [row(0.1, 0.1, 70, papers=1), row(0.1, 0.1, 30, papers=1) | other, row(0.2, 0.2, 50) | other]
    assert [(one["dataset"], one["alpha"], one["score"]) for one in chosen(by_setting(rows))] == [
        ("hcd", "0.1", 70),
        ("lgg", "0.2", 50),
    ]


class TestWeightsFromAFile:
    RUN = Run("paper", "hcd", "resnet50-resnet18", "kd_ml_v3", 0)

    def plan(self, config, path):
        own = copy.deepcopy(config) | {"hyperparameters": str(path)}
        own["run"] |= {"tasks": ["hcd"], "pairs": ["resnet50-resnet18"], "rivals_at": ["hcd/resnet50-resnet18"]}
        return Plan(validated(own))

    def write(self, path, rows, columns=COLUMNS):
        with open(path, "w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=columns)
            writer.writeheader()
            writer.writerows(rows)
        return path

    def rows(self, pair="", **weights):
        keys = {"table": 3, "dataset": "hcd", "task": "classification", "student": "resnet18", "pair": pair}
        numbers = {"alpha": 0.5, "alpha_prime": 0.3, "beta": 0.25, "beta_prime": 0.7, "gamma": 0.25, "gamma_prime": 0}
        return [
            keys | {"technique": technique, "strategy": strategy} | numbers | weights
            for technique, strategy in VARIANTS.values()
        ]

    def test_they_replace_the_papers(self, config, tmp_path):
        plan = self.plan(config, self.write(tmp_path / "h.csv", self.rows()))
        settings = plan.settings(self.RUN)
        assert settings.supervised == {"teacher": 1.0, "s1": 0.5, "s2": 0.3}
        assert plan.papers_weights(self.RUN)[0] == LossWeights(0.2, 0.4, 0.4)  # what a search is compared with stays
        assert plan.describe(self.RUN)["alpha"] == 0.5

    def test_the_papers_own_file_is_of_that_form(self, config):
        plan = self.plan(config, paper.FOLDER / "hyperparameters.csv")
        assert plan.settings(self.RUN) == Plan(validated(config)).settings(self.RUN)

    def test_rows_of_another_pair_are_not_taken(self, config, tmp_path):
        rows = [*self.rows(pair="other", alpha=0.9), *self.rows(pair="resnet50-resnet18", alpha=0.6)]
        plan = self.plan(config, self.write(tmp_path / "h.csv", rows))
        assert plan.settings(self.RUN).supervised["s1"] == 0.6

    @pytest.mark.parametrize(
        ("weights", "columns", "said"),
        [
            ({"alpha": "much"}, COLUMNS, "line 2, alpha: 'much' is no weight"),
            ({"beta": -1}, COLUMNS, "line 2, beta: '-1' is no weight"),
            ({"student": "tiny"}, COLUMNS, "no weights for kd_ml_v1 of the student 'resnet18' on the task 'hcd'"),
        ],
    )
    def test_mistakes_are_named(self, config, tmp_path, weights, columns, said):
        path = self.write(tmp_path / "h.csv", self.rows(**weights), columns)
        with pytest.raises(UserError, match=said):
            self.plan(config, path).settings(self.RUN)

    def test_missing_column_and_missing_file_are_named(self, config, tmp_path):
        (tmp_path / "h.csv").write_text("dataset,task\nhcd,classification\n")
        for name, said in (("h.csv", "no column 'student'"), ("none.csv", "cannot be read")):
            with pytest.raises(UserError, match=said):
                self.plan(config, tmp_path / name).settings(self.RUN)
