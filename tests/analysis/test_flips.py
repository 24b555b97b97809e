"""Negative flips: planted ones are counted, by subgroup, and the worst of many is not called bad by chance."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from kdml.analysis import flips, units
from kdml.analysis.contrasts import MeasuredRuns
from kdml.analysis.counts import Measured
from kdml.analysis.few_groups import settled
from kdml.analysis.statistics import Interval
from kdml.common.errors import UserError


def cases_of(seed, n, networks, group=None, **metadata):
    """Cases of a class 0 or 1 in turns; `networks`: (run, network) -> places where it is wrong."""
    target = np.arange(n) % 2
    tables = []
    for (run, network), wrong in networks.items():
        predicted = np.where(np.isin(np.arange(n), list(wrong)), 1 - target, target)
        ids, groups = [f"i{i}" for i in range(n)], [f"g{i}" for i in (range(n) if group is None else group)]
        keys = {"run": run, "seed": seed, "id": ids, "group": groups, "network": network}
        tables.append(pd.DataFrame(keys | {"target": target, "predicted": predicted} | metadata))
    return pd.concat(tables, ignore_index=True)


def rows_of(*tables):
    cases = pd.concat(tables, ignore_index=True)
    judged = units.of_cases(cases, ["healthy", "ill"])
    measured = [
        Measured(run, seed, tuple(dict.fromkeys(mine["group"])), len(set(mine["id"])), {}, ids=tuple(mine["id"]))
        for (run, seed), mine in cases.drop_duplicates(["run", "seed", "id"]).groupby(["run", "seed"])
    ]
    found = flips.rows(MeasuredRuns(measured), judged)
    return {(row["run"], row["network"], row["against"], row["attribute"], row["subgroup"]): row for row in found}


TEACHER = ("baseline_teacher", "baseline")


def test_flips_and_gains_are_counted_by_hand():
    networks = {TEACHER: {0, 1}, ("kd_off_v1", "teacher"): {9}, ("kd_off_v1", "ensemble"): {1, 2, 4, 6}}
    rows = rows_of(cases_of(0, 40, networks))
    row = rows["kd_off_v1", "ensemble", "baseline_teacher", "", ""]
    assert (row["flips"], row["gains"]) == (100 * 3 / 40, 100 * 1 / 40) and (row["cases"], row["groups"]) == (40, 40)
    own = rows["kd_off_v1", "ensemble", "teacher", "", ""]
    assert (own["flips"], own["gains"]) == (100 * 4 / 40, 100 * 1 / 40)
    healthy = rows["kd_off_v1", "ensemble", "baseline_teacher", "class", "healthy"]
    assert healthy["flips"] == 100 * 3 / 20 and healthy["worst"] == 1 and healthy["level"] == pytest.approx(0.975)
    ill = rows["kd_off_v1", "ensemble", "baseline_teacher", "class", "ill"]
    assert ill["flips"] == 0 and ill["worst"] == 0
    # Nothing was seen in 20 independent cases: exact, not an interval of no width.
    assert (ill["low"], ill["high"]) == (0, pytest.approx(100 * (1 - 0.0125 ** (1 / 20))))


def test_total_agrees_with_an_independent_interval():
    """Of single cases and one seed the bootstrap of a share is nearly that of the binomial distribution."""
    rows = rows_of(cases_of(0, 400, {TEACHER: set(), ("a", "ensemble"): set(range(60))}))
    row = rows["a", "ensemble", "baseline_teacher", "", ""]
    exact = stats.binomtest(60, 400).proportion_ci(method="wilson")
    assert row["low"] == pytest.approx(100 * exact.low, abs=0.7) and row["high"] == pytest.approx(
        100 * exact.high, abs=0.7
    )


def test_groups_of_cases_make_the_interval_wider():
    networks = {TEACHER: set(), ("a", "ensemble"): set(range(20))}
    alone = rows_of(cases_of(0, 200, networks))["a", "ensemble", "baseline_teacher", "", ""]
    grouped = rows_of(cases_of(0, 200, networks, group=[i // 20 for i in range(200)]))[
        "a", "ensemble", "baseline_teacher", "", ""
    ]
    assert grouped["groups"] == 10 and alone["groups"] == 200 and alone["flips"] == grouped["flips"]
    assert grouped["high"] - grouped["low"] > 2 * (alone["high"] - alone["low"])


def test_small_subgroups_are_left_out_and_counted():
    site = ["back"] * 25 + ["face"] * 9 + ["unknown"] * 16
    rows = rows_of(cases_of(0, 50, {TEACHER: set(), ("a", "s1"): {30}}, metadata_site=site))
    shown = {key[3:] for key in rows}
    assert shown == {("", ""), ("class", "healthy"), ("class", "ill"), ("site", "back"), ("site", "unknown")}
    row = rows["a", "s1", "baseline_teacher", "", ""]
    assert (row["subgroups"], row["left_out"]) == (4, 1)
    assert rows["a", "s1", "baseline_teacher", "site", "back"]["level"] == pytest.approx(1 - 0.05 / 4)


def test_what_is_alike_in_the_test_set_forms_no_subgroup():
    networks = {TEACHER: set(), ("a", "ensemble"): {1, 2}}
    rows = rows_of(cases_of(0, 40, networks, metadata_site=["back"] * 40, metadata_sex=["f", "m"] * 20))
    assert {key[3] for key in rows} == {"", "class", "sex"}
    assert rows["a", "ensemble", "baseline_teacher", "", ""]["subgroups"] == 4


def test_a_column_called_class_is_not_the_true_class():
    """As where a table has the opinion of a second reader in a column `class`."""
    opinion = np.array(["healthy", "healthy", "ill"] * 20)
    rows = rows_of(cases_of(0, 60, {TEACHER: set(), ("a", "ensemble"): {0, 2}}, metadata_class=opinion))
    cases = {key[3:]: row["cases"] for key, row in rows.items() if key[:3] == ("a", "ensemble", "baseline_teacher")}
    assert cases == {
        ("", ""): 60,
        ("class", "healthy"): 30,
        ("class", "ill"): 30,
        ("class (column of the table)", "healthy"): 40,
        ("class (column of the table)", "ill"): 20,
    }


def worst_in(site, group, wrong):
    rows = rows_of(cases_of(0, 90, {TEACHER: set(), ("a", "ensemble"): wrong}, group=group, metadata_site=site))
    return [(row["subgroup"], row["low"]) for row in rows.values() if row["worst"] and row["attribute"] == "site"]


def test_the_worst_has_an_interval_where_these_tell():
    """Site c is one patient: more of it is lost than of b, and nobody knows how sure that is."""
    site, group = ["a"] * 40 + ["b"] * 40 + ["c"] * 10, [*range(80), *[80] * 10]
    ((name, low),) = worst_in(site, group, {*range(40, 60), *range(80, 90)})
    assert name == "b" and not math.isnan(low)


@pytest.mark.parametrize(
    ("rows", "worst"),
    [
        ([(5, 1), (9, 2), (9, math.nan)], 1),
        ([(0, 0), (0, 0), (50, math.nan)], 2),  # the others are all alike
        ([(5, 1), (50, math.nan)], 1),
        ([(math.nan, math.nan), (3, 1)], None),
        ([(4, 1), (4, math.nan)], None),
        ([], None),
    ],
)
def test_one_rule_says_which_is_worst(rows, worst):
    rows = [{"bad": bad, "low": low} for bad, low in rows]
    assert flips.worst_of(rows, lambda row: row["bad"]) is (None if worst is None else rows[worst])


def test_the_interval_of_the_worst_subgroup_holds_however_it_was_picked():
    """Twelve alike subgroups of 30, true rate 20 %: the worst one's interval misses the truth in at most 5 % of trials."""
    generator = np.random.default_rng(1)
    site = [f"site {i % 12}" for i in range(360)]
    missed = []
    for _ in range(12):
        wrong = set(np.flatnonzero(generator.random(360) < 0.2).tolist())
        rows = rows_of(cases_of(0, 360, {TEACHER: set(), ("a", "ensemble"): wrong}, metadata_site=site))
        worst = next(row for row in rows.values() if row["worst"])
        missed.append(not worst["low"] <= 20 <= worst["high"])
    assert sum(missed) <= 2


def test_seeds_that_differ_widen_the_interval():
    tables = [cases_of(s, 300, {TEACHER: set(), ("a", "ensemble"): set(range(w))}) for s, w in enumerate((3, 30, 60))]
    row = rows_of(*tables)["a", "ensemble", "baseline_teacher", "", ""]
    by_seed = [1.0, 10.0, 20.0]
    reach = stats.t.ppf(0.975, 2) * np.std(by_seed, ddof=1) / math.sqrt(3)
    assert row["seeds"] == 3 and row["flips"] == pytest.approx(np.mean(by_seed))
    assert row["high"] == pytest.approx(np.mean(by_seed) + reach) and row["low"] == 0


def test_regions_of_masks_are_found_or_not():
    keys = {"run": "a", "seed": 0, "network": "ensemble"}
    ids = [f"i{i}" for i in range(30)]
    cases = pd.DataFrame([keys | {"id": one, "group": one, "metadata_sex": "fm"[one in ids[:9]]} for one in ids])
    found = pd.DataFrame(
        [
            keys | {"id": one, "group": one, "region": 0, "class": 1 + i % 3 // 2, "area": 10 + i, "share": i / 30}
            for i, one in enumerate(ids)
        ]
    )
    teacher = {"run": "baseline_teacher", "network": "baseline"}
    cases, found = (pd.concat([table, table.assign(**teacher)], ignore_index=True) for table in (cases, found))
    found.loc[found["run"] == "baseline_teacher", "share"] = 0.5
    one = units.of_regions(cases, found, ["lesion"])[0]
    assert one.right["a", "ensemble"].sum() == 15 and one.right[TEACHER].all()
    sizes = {
        name.partition(" (")[0]: int(inside.sum())
        for (attribute, name), inside in one.subgroups.items()
        if attribute == "region size"
    }
    assert (
        sizes == {"small": 10, "medium": 10, "large": 10}
        and one.subgroups["sex", "m"].tolist() == [True] * 9 + [False] * 21
    )
    assert "class" not in {attribute for attribute, _ in one.subgroups}
    several = units.of_regions(cases, found, ["core", "cyst"])[0].subgroups
    assert (several["class", "core"].sum(), several["class", "cyst"].sum()) == (20, 10)
    with pytest.raises(UserError, match="not measured on the same cases or regions"):
        units.of_regions(cases, found.iloc[1:], ["lesion"])


def test_what_was_never_seen_has_the_exact_bound():
    found, remark = settled(Interval(0.0, 0.0, 0.0, 1.0), 30)
    assert stats.binom.pmf(0, 30, found.high / 100) == pytest.approx(0.025) and (found.low, remark) == (0, "")
