"""What every metric is, in a sentence each that a reader of tables understands: for the page on metrics and for model cards."""

from collections.abc import Mapping

from kdml.analysis import reliability, surfaces
from kdml.analysis.class_pixels import OF_CLASS
from kdml.analysis.metrics import AUC, AURC, AURC_DISAGREEMENT, AURC_GAIN, FOUND
from kdml.analysis.regions import SMALLEST
from kdml.analysis.temperature import LIMITS

LEFT_OUT = f"regions of fewer than {SMALLEST} pixels are left out"
T = "T is what is taken for the truth: the teacher of the same run, or a network before its rounding to integers"

_AFTER_SCALING = "with the temperature that fits the validation part best; it changes no decision"
_OF_BOTH: Mapping[str, str] = {
    "brier": "Mean square of what the probability of the positive class is off (of several classes half the sum over them):"
    " 0 is perfect, 1 always sure and wrong",
    "ece": "Expected calibration error: how far probabilities are from how often they come true, mean over"
    f" {reliability.BINS} bins of equal width; few cases make it too large",
    "brier_scaled": f"The same {_AFTER_SCALING}",
    "ece_scaled": f"The same {_AFTER_SCALING}",
    "temperature": "What logits are divided by to fit the validation part best (Guo et al. 2017); above 1 makes probabilities less"
    f" sure. The search goes from {LIMITS[0]:g} to {LIMITS[1]:g}: at the lower limit validation has no error, at the upper one"
    " probabilities there say nothing of the truth",
    "predictive_kl": "Kullback-Leibler divergence: how far the probabilities are from those of T; 0 where they are the same",
    AURC: "Area under the risk-coverage curve: mean error (of a mask 1 minus the image's F-score) over all numbers of cases"
    " that may be decided without a person, the surest first, by the network's own uncertainty; lower is better",
    AURC_DISAGREEMENT: "The same, the surest being what the students of the run disagree least on; lower is better",
    AURC_GAIN: "By how much disagreement lowers that area; higher is better",
}  # fmt: skip
_OF_PICTURES: Mapping[str, str] = {
    "accuracy": "Share of the pictures that are named right",
    "precision": "Of the pictures that are named as a class the share that is of it; mean over all classes, however rare"
    " (macro)",
    "recall": "Of the pictures of a class the share that is named so; mean over all classes, however rare (macro)",
    "sensitivity": "Of the pictures of the positive class the share that is named so: of the second of two; of several the"
    " mean over the classes, each against the rest (macro)",
    "specificity": "Of the pictures of all other classes the share that is not named as the positive one: as with sensitivity",
    "balanced_accuracy": "Of the pictures of a class the share that is named so, mean over the classes that have test cases",
    "agreement_where_right": "Of the pictures that T names right the share that is named as T does",
    "agreement_where_wrong": "Of the pictures that T names wrong the share that is named as T does",
    AUC: "Area under the ROC curve: how often a picture of the positive class has a higher probability of it than another"
    " one; of several classes the mean of each against the rest",
}  # fmt: skip
_HALF = "of which at least half is marked"
_FAR = (
    "95th percentile of the distances between the outlines of predicted and true mask, the larger of both"
    " directions, mean over the"
    " images with a lesion; where nothing is marked the image's diagonal"
)
_MET = (
    f"Normalised surface distance: share of both outlines that lies within {surfaces.TOLERANCE:g} of the other, mean"
    " over the images"
    " with a lesion; where nothing is marked 0"
)
_OF_MASKS: Mapping[str, str] = {
    "iou": "Intersection over union: pixels that are marked and lesion, of those that are either, over all images together",
    "f_score": "The Dice coefficient: twice the pixels that are marked and lesion, of those marked and those of lesions"
    " together",
    "iou_per_image": "IoU of every image, mean over them; an empty mask that is predicted empty has 100",
    "f_score_per_image": "F-score of every image, mean over them; an empty mask that is predicted empty has 100",
    "iou_per_group": "IoU of all pixels of a patient, lesion or slide, mean over these",
    "sensitivity": "Of the pixels of lesions the share that is marked",
    "specificity": "Of all other pixels the share that is not marked",
    "balanced_accuracy": "Mean of sensitivity and specificity; of several classes the share of a class's pixels that is"
    " named so, mean over them and the background",
    "false_regions": f"Marked regions that touch no lesion; {LEFT_OUT}",
    surfaces.IN_PIXELS[0]: f"{_FAR}; in pixels of the prepared image",
    surfaces.IN_PIXELS[1]: f"{_MET}; in pixels of the prepared image",
    surfaces.IN_MILLIMETRES[0]: f"{_FAR}; in millimetres, where the spacing of all pictures is known",
    surfaces.IN_MILLIMETRES[1]: f"{_MET}; in millimetres, where the spacing of all pictures is known",
    "region_brier": "Mean square of what the mean probability of a marked region is off; it is right if at least half of"
    f" it is lesion; {LEFT_OUT}",
    "region_brier_scaled": f"The same {_AFTER_SCALING}",
    "region_ece": "ECE of the marked regions, by the mean probability of their pixels; one is right if at least half of it"
    f" is lesion; {LEFT_OUT}",
    "region_ece_scaled": f"The same {_AFTER_SCALING}",
    "agreement_where_right": "Of the pixels that T names right the share that is named as T does",
    "agreement_where_wrong": "Of the pixels that T names wrong the share that is named as T does",
    FOUND: f"Share of the true regions of a class {_HALF} as it, whatever their size; {LEFT_OUT}",
    **{
        f"{FOUND}_{size}": "Share of the true regions of this size, of three with a third of the test set's regions each,"
        f" {_HALF}; {LEFT_OUT}"
        for size in ("small", "medium", "large")
    },
}  # fmt: skip
MEANINGS: Mapping[str, Mapping[str, str]] = {
    "classification": {**_OF_PICTURES, **_OF_BOTH},
    "segmentation": {**_OF_MASKS, **_OF_BOTH},
}


def meaning(metric: str, kind: str) -> str:
    """What a metric is, without a full stop; of one class of masks what it is of all.

    Args:
        metric: its name in files.
        kind: of the task.
    """
    return MEANINGS[kind][metric.partition(OF_CLASS)[0]]
