"""How things are called in tables and figures."""

import math
from collections.abc import Mapping

from kdml.runs.graph import STRATEGIES, TECHNIQUES, VARIANTS
from kdml.runs.methods import METHODS

METRICS: Mapping[str, str] = {
    "accuracy": "Accuracy",
    "precision": "Precision",
    "recall": "Recall",
    "auc": "AUC",
    "iou": "IoU",
    "f_score": "F-score",
    "iou_per_group": "IoU, mean of groups",
    "predictive_kl": "KL (nats)",
    "agreement_where_right": "Agreement, T right",
    "agreement_where_wrong": "Agreement, T wrong",
    "found_small": "Small regions found",
    "found_medium": "Medium regions found",
    "found_large": "Large regions found",
    "false_regions": "False regions per 100 images",
}
NETWORKS: Mapping[str, str] = {"teacher": "T", "ensemble": "Ensemble", "baseline": "alone", "both": "Both"}
ARCHITECTURES: Mapping[str, str] = {"resnet50": "ResNet50", "resnet18": "ResNet18", "mobilenet": "MobileNet"}
PROTOCOLS: Mapping[str, str] = {
    "paper": "split by image, as in the paper",
    "grouped": "split by patient, lesion or slide",
}
TASKS: Mapping[str, str] = {
    "hcd": "metastasis classification (HCD)",
    "lgg": "glioma segmentation (LGG)",
    "ham10000_classification": "skin-lesion classification (HAM10000)",
    "ham10000_segmentation": "skin-lesion segmentation (HAM10000)",
}
ALONE: Mapping[str, str] = {"baseline_teacher": "Teacher network alone", "baseline_student": "Student network alone"}
SHORT_TASKS: Mapping[str, str] = {
    "hcd": "HCD",
    "lgg": "LGG",
    "ham10000_classification": "HAM10000 classification",
    "ham10000_segmentation": "HAM10000 segmentation",
}


def mean_and_spread(mean: float, std: float) -> str:
    """As `96.68 ± 0.584`; the spread of a single seed is a dash."""
    return f"{mean:.2f} ± {'–' if math.isnan(std) else f'{std:.3f}'}"


def counted(number: str | int, what: str) -> str:
    """As `1 thread` or `4 threads`."""
    return f"{number} {what}" if str(number) == "1" else f"{number} {what}s"


def run(name: str) -> str:
    """A variant as `KD + ML V3`; methods as they are published; baselines in words; own names as they are."""
    if name in VARIANTS:
        technique, strategy = VARIANTS[name]
        return f"{TECHNIQUES[technique].title} {STRATEGIES[strategy].title}"
    if name in METHODS:
        return METHODS[name].title
    return ALONE.get(name) or ARCHITECTURES.get(name, name)


def network(name: str) -> str:
    """T, S1, S2, Ensemble; pairs as `T – S1`."""
    return " – ".join(NETWORKS.get(part, part.upper()) for part in name.split("-"))


def network_order(name: str) -> tuple[int, str]:
    """Teacher, students, ensemble, both."""
    return {"baseline": 0, "teacher": 0, "ensemble": 2, "both": 3}.get(name, 1), name


def run_order(name: str) -> tuple[int, str]:
    """Alone, the paper's variants and methods in its order, then own ones."""
    order = [*ALONE, *ARCHITECTURES, *VARIANTS, *METHODS]
    return (order.index(name), "") if name in order else (len(order), name)


def task(name: str) -> str:
    """The paper's tasks in a word or two; own names as they are."""
    return SHORT_TASKS.get(name, name)
