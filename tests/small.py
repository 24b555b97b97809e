"""Small runs for tests: real networks of the package with few channels, 32-pixel pictures, a fraction of a second per epoch."""

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kdml.data.arrays import Arrays, Part
from kdml.learning import build
from kdml.learning.cohort import Cohort
from kdml.learning.engine import Engine, Interrupted, Surroundings
from kdml.learning.method_cohort import MethodCohort
from kdml.runs.graph import VARIANTS, LossWeights, SharingGraph, TeacherMode, paper_graph
from kdml.runs.methods import METHODS
from kdml.runs.settings import Backbone, MethodSettings, NetworkSettings, OwnEdge, RunSettings, Training

TEACHER = Backbone(timm="resnet18", options={"channels": [8, 12, 16, 24], "layers": [1, 1, 1, 1]})
STUDENT = Backbone(timm="resnet18", options={"channels": [8, 8, 8, 16], "layers": [1, 1, 1, 1]})
SIZE = 32  # pixels of a side
WEIGHTS = (LossWeights(0.2, 0.4, 0.4), LossWeights(0.4, 0.3, 0.3))


def variant_graph(variant: str) -> SharingGraph:
    """Graph of one of the paper's variants."""
    technique, strategy = VARIANTS[variant]
    return paper_graph(technique, strategy, WEIGHTS)


def settings_of(graph: SharingGraph, kind: str = "classification", **training) -> RunSettings:
    """Settings of a small run of any graph."""
    block = STUDENT if kind == "classification" else None

    def network(name: str) -> NetworkSettings:
        teacher = name == "teacher"
        return NetworkSettings(
            architecture="teacher" if teacher else "student",
            backbone=TEACHER if teacher else STUDENT,
            decoder_channels=(16, 8, 8, 8, 8),
            block_like=block if teacher else None,
        )

    defaults = {"epochs": 2, "batch_size": 4, "learning_rate": 1e-3, "device": "cpu", "threads": 1}
    return RunSettings(
        protocol="paper",
        task="task",
        kind=kind,
        classes=("a", "b") if kind == "classification" else ("lesion",),
        pair="small",
        run="test",
        seed=0,
        teacher=graph.teacher,
        supervised=dict(graph.supervised),
        edges=tuple(OwnEdge(**vars(edge)) for edge in graph.edges),
        networks={name: network(name) for name in graph.networks},
        training=Training(**(defaults | training)),
    )


def method_settings(method: str, kind: str = "classification", choice: dict | None = None, **training) -> RunSettings:
    """Settings of a small run of a method: a frozen teacher without the extra block, one student."""
    published = METHODS.get(method)
    weights = {} if published is None else {"supervised": published.supervised, "kd": published.kd}
    chosen = MethodSettings(**{"name": method, **weights, **(choice or {})})
    graph = SharingGraph(TeacherMode.FROZEN, {"s1": chosen.supervised})
    settings = settings_of(graph, kind, **training)
    networks = {name: network.model_copy(update={"block_like": None}) for name, network in settings.networks.items()}
    return settings.model_copy(update={"method": chosen, "networks": networks})


def arrays_of(kind: str = "classification", images: int = 22) -> Arrays:
    """Pictures whose second half is brighter in the centre."""
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 160, (images, SIZE, SIZE, 3), dtype=np.uint8)
    masks = np.zeros((images, SIZE, SIZE), dtype=np.uint8)
    masks[images // 2 :, 8:24, 8:24] = 1
    pixels[masks == 1] += 90
    return Arrays(pixels, masks if kind == "segmentation" else None)


def cohort_of(settings: RunSettings) -> Cohort:
    """Networks of a run; a frozen teacher keeps its random start."""
    networks = {name: build._network(settings, name, {}) for name in settings.networks}
    return Cohort(settings, networks) if settings.method is None else MethodCohort(settings, networks, SIZE)


def engine_of(
    settings: RunSettings, surroundings: Surroundings | None = None, arrays: Arrays | None = None, training: int = 14
) -> Engine:
    """An engine over 14 training and 8 validation pictures, unless others are given."""
    build.choose_device(settings)
    arrays = arrays or arrays_of(settings.kind)
    labels = (np.arange(len(arrays.images)) >= len(arrays.images) // 2).astype(np.int64)
    rows = np.random.default_rng(1).permutation(len(labels))
    parts = {
        "train": Part(rows[:training], labels[rows[:training]]),
        "validation": Part(rows[training:], labels[rows[training:]]),
    }
    surroundings = surroundings or Surroundings()
    data = build.RunData(arrays, parts)
    cohort = cohort_of(settings)
    batches = build.training_batches(settings, data, "cpu", surroundings.workers, whole=cohort.whole_batches)
    return Engine(cohort, arrays, parts["validation"], batches, settings.training, surroundings)


def interrupted(settings: RunSettings, checkpoint: Path, step: int = 6) -> Engine:
    """An engine that went on to the end from the checkpoint of one that was told to leave after some steps."""
    steps = itertools.count(1)
    surroundings = Surroundings(checkpoint=checkpoint, fingerprint="mine", should_leave=lambda: next(steps) == step)
    with pytest.raises(Interrupted):
        engine_of(settings, surroundings).run()
    resumed = engine_of(settings, replace(surroundings, should_leave=lambda: False))
    resumed.run()
    return resumed
