"""The published methods of table 10: titles, kinds of task, and the weights of their losses unless the configuration has others."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class PublishedMethod:
    """A published method.

    Args:
        title: as the paper's table 10 has it.
        classes: kind of task -> `module:class` below `kdml.learning.methods`.
        supervised: weight of the task's loss, unless the configuration gives one.
        kd: likewise of plain distillation beside it; where a publication has another, the method's departures say so.
    """

    title: str
    classes: Mapping[str, str]
    supervised: float = 1.0
    kd: float = 0.0


# In the order of table 10.
METHODS: Mapping[str, PublishedMethod] = {
    "fitnet": PublishedMethod(
        "FitNet", {"classification": "fitnet:FitNet", "segmentation": "fitnet:SegmentationFitNet"}
    ),
    "at": PublishedMethod("AT", {"classification": "at:AT", "segmentation": "at:SegmentationAT"}),
    "sp": PublishedMethod("SP", {"classification": "sp:SP"}),
    "srrl": PublishedMethod("SRRL", {"classification": "srrl:SRRL"}),
    "vid": PublishedMethod("VID", {"classification": "vid:VID"}),
    "simkd": PublishedMethod("SimKD", {"classification": "simkd:SimKD"}, supervised=0.0),
    "semckd": PublishedMethod("SemCKD", {"classification": "semckd:SemCKD"}, kd=1.0),
    "skd": PublishedMethod("SKD", {"segmentation": "skd:SKD"}),
    "ifvd": PublishedMethod("IFVD", {"segmentation": "ifvd:IFVD"}),
    "cwd": PublishedMethod("CWD", {"segmentation": "cwd:CWD"}),
    "dsd": PublishedMethod("DSD", {"segmentation": "dsd:DSD"}),
    "emkd": PublishedMethod("EMKD", {"segmentation": "emkd:EMKD"}),
}  # fmt: skip
