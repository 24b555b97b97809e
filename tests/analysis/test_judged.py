"""Which files decide the claims at which place, and what seeds without a partner leave."""

import math

import pytest

from kdml.analysis import claims, judged
from kdml.common.errors import UserError
from kdml.common.files import write_csv
from kdml.runs.run_table import COLUMNS


def place(folder, protocol="paper", student="resnet18"):
    facts = {"protocol": protocol, "task": "hcd", "pair": "p", "kind": "classification", "classes": "a;b", "seed": 0}
    facts |= {"student_network": student, "student_stands_for": student}
    facts |= {"teacher_network": "resnet50", "teacher_stands_for": "resnet50"}
    write_csv(folder / f"{protocol}.csv", [facts], COLUMNS)
    return f"{protocol}/hcd/p", folder / f"{protocol}.csv"


@pytest.fixture
def read(root):
    return claims.read_claims(root / "workflow/resources/paper/claims.yaml")


def test_files_come_to_their_places_in_the_order_of_the_tables_of_runs(tmp_path):
    runs = [place(tmp_path, "grouped"), place(tmp_path)]
    contrasts = [(runs[1][0], tmp_path / "a.csv"), (runs[0][0], tmp_path / "b.csv"), (runs[1][0], tmp_path / "c.csv")]
    found = judged.places_of({"runs": runs, "contrasts": contrasts})
    assert [one.table.facts["protocol"] for one in found] == ["grouped", "paper"]
    assert [[path.name for path in one.files["contrasts"]] for one in found] == [["b.csv"], ["a.csv", "c.csv"]]
    assert [one.files["similarity"] for one in found] == [[], []]


@pytest.mark.bad_input
def test_a_place_without_its_table_of_runs_or_its_costs_is_named(tmp_path, read):
    """Every place has one of each; without the first nothing is known of it, without the second nothing of its size."""
    name, table = place(tmp_path)
    with pytest.raises(UserError, match=rf"place {name} 0 files runs.csv .*\n.*--runs {name}=path/to/runs.csv once"):
        judged.places_of({"runs": [], "contrasts": [(name, tmp_path / "a.csv")]})
    places = judged.places_of({"runs": [(name, table)]})
    with pytest.raises(UserError, match=rf"place {name} 0 files costs.csv .*\n.*--costs {name}=path/to/costs.csv once"):
        judged.rows(read, places, ["paper"])
    with pytest.raises(UserError, match=r"2 files runs\.csv"):
        judged.places_of({"runs": 2 * [(name, table)]})


def test_similarity_is_paired_by_seed(tmp_path, read):
    """A seed without its partner is left out and named; where all are, nothing is known."""
    (claim,) = [one for one in read.claims if one.number == 8]
    lines = ["run,seed,first,second,upper_mean"]
    lines += [f"kd_ml_v3,{seed},teacher,s1,{value}" for seed, value in ((0, 0.8), (1, 0.9), (2, 0.7))]
    lines += [f"kd_ml_v1,{seed},teacher,s1,{value}" for seed, value in ((0, 0.7), (1, 0.6))]
    lines += ["kd_ml_v3,0,teacher,s2,0.8", "kd_ml_v1,1,teacher,s2,0.7"]
    (tmp_path / "upper.csv").write_text("\n".join(lines) + "\n")
    runs = place(tmp_path)
    (one,) = judged.places_of({"runs": [runs], "similarity": [(runs[0], tmp_path / "upper.csv")]})
    found = one.findings(claim)
    both = found["teacher-s1", "kd_ml_v3", "kd_ml_v1"]
    assert both.interval.estimate == pytest.approx(20) and both.seeds == 2
    assert both.remark == "interval over seeds alone; left out, without a partner: seed 2"
    apart = found["teacher-s2", "kd_ml_v3", "kd_ml_v1"]
    assert math.isnan(apart.interval.estimate) and apart.remark == "no seed in common"


def test_every_protocol_has_the_rows_of_every_claim(tmp_path, read):
    """Of what was not run, too; the pair stands in the rows of the place that was."""
    (tmp_path / "costs.csv").write_text("network,students,parameters,saved\nteacher,0,200,0\nensemble,2,170,15\n")
    runs = place(tmp_path)
    places = judged.places_of({"runs": [runs], "costs": [(runs[0], tmp_path / "costs.csv")]})
    found = judged.rows(read, places, ["paper", "grouped"])
    assert {(row["protocol"], row["claim"]) for row in found} == {
        (protocol, claim.number) for protocol in ("paper", "grouped") for claim in read.claims
    }
    named = {(row["protocol"], row["place"]) for row in found if row["pair"] == "p"}
    assert named == {("paper", "hcd/resnet18")}
