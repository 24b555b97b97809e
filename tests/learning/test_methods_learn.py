"""Every published method teaches: its student ends far above chance, or above an empty mask, on pictures that it has not seen."""

import pytest
from small import arrays_of, engine_of, method_settings, settings_of

from kdml.data.arrays import Part
from kdml.learning.batches import evaluation_batches
from kdml.learning.engine import EVALUATION_BATCH
from kdml.learning.methods import skd
from kdml.learning.validation import validate
from kdml.runs.graph import SharingGraph, TeacherMode
from kdml.runs.methods import METHODS
from kdml.runs.settings import Augmentation, Schedule

CASES = [(name, kind) for name, method in METHODS.items() for kind in method.classes]
KINDS = ("classification", "segmentation")
WANTED = {
    "classification": 0.8,
    "segmentation": 0.4,
}  # accuracy, of which chance is 0.5; IoU, which an empty mask has at 0
EPOCHS = {"classification": 10, "segmentation": 4}
SHORT = {
    "learning_rate": 5e-3,
    "batch_size": 8,
    "augmentation": Augmentation(horizontal_flip=0, vertical_flip=0, transpose=0, affine=0),
    "schedule": Schedule(factor=1),  # so few steps are no plateau
}


@pytest.fixture(autouse=True, scope="module")
def small_discriminator():
    """As small as the other networks here; at full size it would take most of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(skd, "WIDTHS", (8, 16, 32, 64))
        yield


def pictures(kind):
    """Noise; half of the pictures with a bright square, or, for classification, bright all over."""
    arrays = arrays_of(kind, images=96)
    if kind == "classification":
        arrays.images[48:] = 95 + arrays.images[48:] // 2
    return arrays


def trained(settings, teacher=None):
    """An engine after its training on 48 pictures, and 24 pictures that neither training nor validation has seen."""
    short = settings.training.model_copy(update={**SHORT, "epochs": EPOCHS[settings.kind]})
    settings = settings.model_copy(update={"training": short})
    engine = engine_of(settings, arrays=pictures(settings.kind), training=48)
    if teacher is not None:
        engine.cohort.networks["teacher"].load_state_dict(teacher)
    rows, labels = engine.validation.rows, engine.validation.labels
    engine.validation = Part(rows[:24], labels[:24])
    engine.run()
    return engine, Part(rows[24:], labels[24:])


def score(engine, part, learner):
    batches = evaluation_batches(engine.arrays, part, EVALUATION_BATCH)
    return validate(engine.cohort, batches, "cpu")[learner].score


@pytest.fixture(scope="module")
def teachers():
    """Weights of a teacher of each kind, which has learnt its task."""
    found = {}
    for kind in KINDS:
        settings = settings_of(SharingGraph(TeacherMode.ONLINE, {"teacher": 1.0}), kind)
        settings = settings.model_copy(
            update={"networks": {"teacher": method_settings("at", kind).networks["teacher"]}}
        )
        engine, unseen = trained(settings)
        assert score(engine, unseen, "teacher") > WANTED[kind]
        found[kind] = engine.cohort.networks["teacher"].state_dict()
    return found


@pytest.mark.parametrize(("method", "kind"), CASES)
def test_student_learns(teachers, method, kind):
    engine, unseen = trained(method_settings(method, kind), teachers[kind])
    assert score(engine, unseen, "s1") > WANTED[kind]
