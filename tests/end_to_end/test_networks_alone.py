"""Networks trained alone, without any variant, under both ways to split: from archives to the page, which says what leakage is worth."""

import csv
import statistics

import pytest
from snakemake_runs import snakemake

pytestmark = pytest.mark.xdist_group("networks_alone")
SEEDS = (0, 1)
EXPERIMENT = f"""
experiment: alone
archives: demo
run: {{tasks: [lgg, hcd], pairs: [one], techniques: [], methods: [], methods_at: [], seeds: {[*SEEDS]}, protocols: [grouped, paper]}}
datasets: {{lgg: {{image_size: 32, demo_images: 100}}, hcd: {{image_size: 32, demo_images: 60, subset: 60}}}}
split: {{fractions: [0.4, 0.2, 0.4]}}
training: {{epochs: 1, batch_size: 6, learning_rate: 1.0e-3, device: cpu, threads: 1}}
networks:
  small: {{timm: resnet18, title: S, options: {{channels: [8, 8, 8, 16], layers: [1, 1, 1, 1]}}, decoder_channels: [16, 8, 8, 8, 8]}}
pairs:
  one: {{teacher: small, student: small}}
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Everything of the experiment."""
    folder = tmp_path_factory.mktemp("alone")
    (folder / "alone.yaml").write_text(EXPERIMENT)
    done = snakemake(folder, "--cores", "2", "--configfile", folder / "alone.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "results"


def rows_of(path):
    return list(csv.DictReader(path.open()))


def test_difference_is_of_the_means_over_seeds(results):
    rows = rows_of(results / "alone/paper/lgg/one/between_protocols.csv")
    assert {row["run"] for row in rows} == {"baseline_teacher", "baseline_student"}
    values = [row for row in rows_of(results / "alone/metrics.csv") if row["task"] == "lgg" and row["metric"] == "iou"]
    means = {
        protocol: statistics.mean(float(row["value"]) for row in values if row["protocol"] == protocol)
        for protocol in ("paper", "grouped")
    }
    for row in rows:
        assert float(row["first_mean"]) == pytest.approx(means["paper"])
        assert float(row["estimate"]) == pytest.approx(means["paper"] - means["grouped"])
        assert int(row["first_groups"]) > int(row["second_groups"]) > 1, "fewer patients where they stay together"


def test_page_shows_it_beside_the_scores(results):
    page = (results / "index.html").read_text(encoding="utf-8")
    assert "What leakage is worth" in page
    (shown,) = {row["Task"] for row in rows_of(results / "tables/between_protocols.csv")}
    assert shown == "lgg", "HCD without slides is split by image both times"
