"""Parameters of a teacher and its students under every reading of how they end, from the architectures alone."""

from collections.abc import Iterator, Mapping
from functools import cache
from itertools import product
from typing import Any, get_args

import torch

from kdml.learning.networks import build, parameter_count
from kdml.runs.settings import Backbone, NetworkSettings, Sharing

COLUMNS = ("place", "teacher_head", "students_head", "block", "teacher", "students")
HEADS: tuple[str, ...] = get_args(NetworkSettings.model_fields["head"].annotation)
STUDENTS = 2


def counted(teacher: str, students: Mapping[str, str], classes: int) -> Iterator[dict[str, Any]]:
    """Rows of heads.csv: parameters of the teacher, and of two students together, for every head of each, with and without block.

    Nothing is computed or downloaded: networks are built without memory for their weights.

    Args:
        teacher: timm name of its backbone.
        students: by place, timm name of the students' backbone.
        classes: of the task.

    Yields:
        `COLUMNS`; `block` is 1 for a teacher with its extra block.
    """
    for place, student in students.items():
        single = {head: _count(student, head, None, classes) for head in HEADS}
        for block in (True, False):
            alone = {head: _count(teacher, head, student if block else None, classes) for head in HEADS}
            for of_teacher, of_students in product(HEADS, HEADS):
                found = alone[of_teacher], STUDENTS * single[of_students]
                yield dict(zip(COLUMNS, (place, of_teacher, of_students, int(block), *found), strict=True))


@cache
def _count(backbone: str, head: Any, block_like: str | None, classes: int) -> int:
    like = None if block_like is None else Backbone(timm=block_like)
    settings = NetworkSettings(architecture=backbone, backbone=Backbone(timm=backbone), head=head, block_like=like)
    with torch.device("meta"):
        return parameter_count(build(settings, "classification", classes, Sharing(), None, seed=0))
