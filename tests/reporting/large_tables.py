"""Every kind of table from more than any demo has: both protocols, three seeds, three students, 14 methods, long words."""

from pathlib import Path

from place_files import TITLES, data_of, run_row, value_row, write

from kdml.analysis.fidelity import EXTRAS
from kdml.paper import numbers
from kdml.reporting import result_tables
from kdml.reporting.data import Data
from kdml.reporting.plain_tables import (
    architecture,
    clinic,
    clinic_teacher,
    comparison,
    contrasts,
    costs,
    detection,
    grid_search,
    losses,
    methods,
    sharing,
    similarity,
)
from kdml.reporting.table_model import Table
from kdml.runs.graph import TECHNIQUES, VARIANTS, LossWeights, paper_graph
from kdml.runs.methods import METHODS

LONG = "A network of ours with a long and telling title, MobileNet-like"
DEPARTS = "2,000 of 20,000 images; 35% of the images to test on (15%); 64 px (paper 224); network student_of_ours_small"
PROTOCOLS = ("paper", "grouped")
TASKS = ("ham10000_classification", "ham10000_segmentation", "hcd", "lgg")
NETWORKS = ("teacher", "s1", "s2", "s3", "ensemble")


def _row(run: str, sheet: str, protocol: str, task: str, **changed: str) -> dict[str, str]:
    long = {
        "teacher_title": LONG,
        "student_title": f"{LONG}, two",
        "task_title": f"{TITLES.get(task, task)} of many hospitals",
    }
    return run_row(run, sheet, protocol=protocol, task=task, **long | changed)


def _values(run: str, networks: tuple[str, ...], metrics: tuple[str, ...], **changed: str) -> list[dict[str, str]]:
    spread = {"std": "11.346", "seeds": "3", "cases": "3000", "groups": "110"} | changed
    names = [(network, metric) for network in networks for metric in metrics]
    return [value_row(run, *name, 100.0 / (place + 3), **spread) for place, name in enumerate(names)]


def _places(
    task: str, runs: dict[str, str], networks: tuple[str, ...], metrics: tuple[str, ...], **changed: str
) -> dict:
    return {
        f"{protocol}/{task}/small": (
            [_row(run, sheet, protocol, task) for run, sheet in runs.items()],
            [row for run in runs for row in _values(run, networks, metrics, **changed)],
        )
        for protocol in PROTOCOLS
    }


def tables(folder: Path) -> dict[str, Table]:
    """Tables by name."""
    made = {}
    variants = dict.fromkeys((*VARIANTS, *(f"circle_of_{n}_students_of_ours" for n in range(5))), "variants")
    for task in ("ham10000_classification", "lgg"):
        places = _places(task, variants, NETWORKS, numbers.METRICS[task])
        made[f"results_{task}"] = result_tables.results(data_of(folder / task, places, name="t"))
    taught = _places(
        "lgg", variants, NETWORKS[1:], (*numbers.METRICS["lgg"], *EXTRAS), truth="teacher", seeds="1", std="nan"
    )
    teachers = [
        {"metric": metric, "mean": "96", "std": "1", "seeds": "6", "remark": ""}
        for metric in ("iou", "f_score", EXTRAS[0])
    ]
    given = data_of(folder / "fidelity", taught, "fidelity", "t", teachers=dict.fromkeys(taught, teachers))
    made["fidelity"] = result_tables.fidelity(given)
    alone = dict.fromkeys(("baseline_teacher", "baseline_student"), "alone")
    places = {}
    for task in TASKS:
        places |= _places(task, alone, ("baseline",), numbers.METRICS[task])
    made["baselines"] = result_tables.baselines(data_of(folder / "alone", places, "baselines", "t"))
    return made | _of_places(folder) | _others(folder)


def _varied(rows: list[dict[str, str]], *names: str) -> list[dict[str, str]]:
    """Rows that differ in these columns, so that none is constant: numbers grow, words get a number."""
    return [row | {name: _other(row[name], place) for name in names} for place, row in enumerate(rows)]


def _other(value: str, place: int) -> str:
    if value.isdigit():
        return str(int(value) + place)
    try:
        return str(float(value) * (1 + place / 100))
    except ValueError:
        return f"{value} {place}"


def _of_places(folder: Path) -> dict[str, Table]:
    runs = dict.fromkeys((*METHODS, "kd_ml_v3"), "methods")
    places = _places("hcd", runs, ("s1", "ensemble"), ("accuracy",))
    described = [
        {"run": run, "title": f"{LONG} {run}", "student_parameters": "11e6", "adaptor_parameters": "2e6", "adversary_parameters": "1e6",
         "stages": "2", "weights": f"similarity 3750, attention 2.5, adversary 0.0005, {run}", "options": f"temperature 4, layers f1 f2 f3 f4 of {run}",
         "departures": f"{DEPARTS} {run}"}
        for run in METHODS
    ]  # fmt: skip
    against = _varied([_contrast("methods", run, "s1", "accuracy") for run in METHODS], "estimate", "p", "p_holm")
    of_methods = {"methods": dict.fromkeys(places, described), "contrasts": dict.fromkeys(places, against)}
    made = {"table_10": methods.table(data_of(folder / "methods", places, "methods", "t", **of_methods))}
    rows = [
        _contrast("reference", run, network, metric)
        for run in VARIANTS
        for network, metric in (("s1", "iou"), ("ensemble", "iou_per_group"))
    ]
    rows = _varied(rows, "estimate", "p", "p_holm", "by_seed", "p_seeds", "seeds_ahead", "remark", "test")
    found = {metric: {"of": "226", "sizes": "12,345 to 23,456 px"} for metric in detection.SIZES}
    values = [
        row | found.get(row["metric"], {})
        for run in VARIANTS
        for row in _values(run, ("s1", "both"), (*found, "false_regions"))
    ]
    asked = (*clinic.DECISIONS, *clinic.SURFACES, *clinic.PROBABILITIES, *clinic.OF_REGIONS, *clinic.REFERRAL)
    decided = [row for run in VARIANTS for row in _values(run, ("s1", "ensemble"), asked)]
    disagreeing = [
        {"family": "referral", "left": f"{technique}_v3", "right": f"{technique}_{other}", "network": "ensemble", "estimate": "-12.34",
         "low": "-23.45", "high": "-1.23", "p": "0.0001", "p_holm": "0.5", "cases": "3000"}
        for technique in TECHNIQUES
        for other in ("v1", "v2")
    ]  # fmt: skip
    classes = [f"a class with a long name {number}" for number in range(7)]
    confused = [
        {"run": run, "network": "ensemble", "true": true, "predicted": predicted, "mean": "1234.5", "share": "12.3", "seeds": "3"}
        for run in VARIANTS
        for true in classes
        for predicted in classes
    ]  # fmt: skip
    cost = {"students": "3", "parameters": "23508032", "saved": "-51.6", "macs": "4.1e9", "bytes": "94e6", "latency_ms": "1234.5",
            "size": "224", "threads": "4", "machine": "Linux x86_64"}  # fmt: skip
    costed = _varied(
        [cost | {"network": name} for name in costs.SCORED], "parameters", "saved", "macs", "bytes", "latency_ms"
    )
    cka = [
        {"run": run, "first": "teacher", "second": student, "mean": "0.5", "std": "0.1", "seeds": "3", "remark": DEPARTS, "code_hash": "a b"}
        for run in VARIANTS
        for student in ("s1", "s3")
    ]  # fmt: skip
    score = {
        "of": "teacher",
        "students": "0",
        "run": "kd_on_v1",
        "network": "teacher",
        "mean": "70",
        "low": "60",
        "high": "80",
        "cases": "3000",
    }
    files = {
        "contrasts": (contrasts, {"contrasts": rows}), "detection": (detection, {"values": values}),
        "similarity": (similarity, {"similarity": _varied(cka, "mean", "std", "remark")}),
        "clinic": (clinic, {"values": decided, "confusion": confused, "contrasts": _varied(disagreeing, "estimate", "p", "p_holm")}),
        "clinic_teacher": (clinic_teacher, _of_clinic()),
        "compression": (costs, {"costs": costed, "scores": [score]}),
    }  # fmt: skip
    for name, (module, kinds) in files.items():
        given = {
            f"{kind}:{place}": [write(folder / name / f"{kind}.csv", of)]
            for kind, of in kinds.items()
            for place in places
        }
        described_runs = {f"runs:{place}": [write(folder / name / "runs.csv", places[place][0])] for place in places}
        made[name] = module.table(Data(given | described_runs))
    return made


def _of_clinic() -> dict[str, list[dict[str, str]]]:
    """Files of a student in the teacher's place, with long names of subgroups and wide numbers."""
    who = {"seeds": "3", "cases": "3000", "groups": "1234"}
    judged = who | {
        "network": "ensemble",
        "metric": "accuracy",
        "margin": "2",
        "estimate": "-12.34",
        "low": "-23.45",
        "high": "-1.23",
    }
    judged |= {"verdict": "not good enough", "power": "0.99", "detectable": "12.3", "remark": ""}
    flipped = who | {
        "network": "ensemble",
        "flips": "12.34",
        "low": "1.23",
        "high": "23.45",
        "gains": "12.34",
        "subgroups": "20",
    }
    flipped |= {"left_out": "3", "attribute": "", "subgroup": "", "worst": "0"}
    worst = {"attribute": "region size", "subgroup": "medium (12345 to 23456 px)", "worst": "1"}
    second = who | {
        "single": "s2",
        "metric": "accuracy",
        "single_mean": "81.23",
        "ensemble_mean": "82.34",
        "gained": "-12.34",
    }
    second |= {"low": "-23.45", "high": "-1.23", "validation": "84.56", "ensemble": "ensemble", "third": ""}
    taught = second | {"run": "a_third_student_of_ours", "ensemble": "sources", "third": "s3", "third_mean": "81.23"}
    taught |= {
        f"{name}{end}": value
        for name in ("over_single", "over_ensemble")
        for end, value in (("", "-12.34"), ("_low", "-23.45"), ("_high", "-1.23"))
    }
    against = ("baseline_teacher", "baseline_student", "teacher")
    costed = {"parameters": "23456789", "macs": "4123456789", "latency_ms": "123.4"}
    scored = [{"run": run, "network": network, **costed} for run in VARIANTS for network in ("s2", "ensemble")]
    scored += [{"run": taught["run"], "network": network, **costed} for network in ("s2", "sources", "s3")]
    return {
        "non_inferiority": _varied(
            [{"run": run, "against": one, **judged} for run in VARIANTS for one in against[::2]], "estimate", "power", "detectable"
        ),
        "flips": _varied(
            [{"run": run, "against": one, **flipped, **more} for run in VARIANTS for one in against for more in ({}, worst)],
            "flips", "gains", "cases",
        ),
        "second_student": _varied(
            [*({"run": run, **second} for run in VARIANTS), taught], "gained", "single_mean", "ensemble_mean"
        ),
        "scores": _varied(scored, "parameters", "macs", "latency_ms"),
    }  # fmt: skip


def _contrast(family: str, right: str, network: str, metric: str) -> dict[str, str]:
    return {
        "family": family, "right": right, "metric": metric, "network": network, "estimate": "-12.345", "low": "-23.4", "high": "0.123",
        "p": "0.0001", "p_holm": "0.5", "by_seed": "-12.345 -11.2 10.3", "p_seeds": "0.12", "seeds_ahead": "0.667", "test": "Wilcoxon over groups",
        "p_cases": "0.1 3.2e-5 0.123", "remark": "undefined in seed 2: no group has a lesion", "seeds": "3", "cases": "3000",
    }  # fmt: skip


def _others(folder: Path) -> dict[str, Table]:
    even = (LossWeights(1, 1, 1), LossWeights(1, 1, 1))
    graphs = [
        {"variant": name, "source": edge.source, "learner": edge.learner, "knowledge": str(edge.knowledge)}
        for name, key in VARIANTS.items()
        for edge in paper_graph(*key, even).edges
    ]
    graphs += [
        {"variant": "circle_of_five_students", "source": f"s{n + 1}", "learner": f"s{n}", "knowledge": "predictions"}
        for n in range(1, 5)
    ]
    layers = [{"part": f"encoder {n}", "output": "128×128", LONG: "[1×1, 64; 3×3 dw, 64; 1×1, 256] × 6; " * 3, f"{LONG} (teacher)": "3×3, 16; " * 9} for n in range(9)]  # fmt: skip
    settings = [
        dict.fromkeys(numbers.WEIGHTS, "0.45") | {"task": "", "dataset": "ham10000", "pair": "resnet50-mobilenet", "technique": technique,
         "strategy": strategy, "score": "83.2", "papers_score": "81", "papers_rank": "12", "of": "120"}
        for technique, strategy in VARIANTS.values()
    ]  # fmt: skip
    settings = [row | {"task": "segmentation"} for row in settings]
    compared = [
        {"table": table, "protocol": protocol, "task": task, "pair": "small", "run": run, "network": network, "metric": metric,
         "paper_mean": "81.97", "paper_std": "11.681", "mean": "70.833", "std": "12.3", "low": "57", "high": "83", "seeds": "3", "cases": "3000",
         "difference": "-11.1", "difference_low": "-25.3", "difference_high": "12.2", "interval": "Welch over 3 and 3 runs",
         "departures": f"{DEPARTS} {network}", "remark": ""}
        for table, task, metric in (("3", "hcd", "accuracy"), ("14", "ham10000_classification", "precision"))
        for protocol in PROTOCOLS for run in VARIANTS for network in ("s1", "ensemble")
    ]  # fmt: skip
    settings = _varied(settings, *numbers.WEIGHTS, "pair", "score", "papers_score", "papers_rank", "of")
    compared = _varied(compared, "paper_mean", "mean", "difference", "interval", "departures", "remark")
    given = {
        "graphs": graphs,
        "layers": _varied(layers, *list(layers[0])[1:]),
        "settings": settings,
        "comparison": compared,
    }
    data = Data({name: [write(folder / f"{name}.csv", rows)] for name, rows in given.items()})
    return {
        "table_01": sharing.table(data), "table_05": losses.table(data), "table_06": architecture.table(data),
        "grid_search": grid_search.table(data), "comparison": comparison.table(data),
    }  # fmt: skip
