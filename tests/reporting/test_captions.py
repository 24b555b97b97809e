"""What captions must say, wherever it is."""

import re

import yaml

from kdml.analysis.regions import SMALLEST


def test_whoever_counts_true_regions_says_which_are_left_out(root):
    """Of every caption that calls regions or lesions found, flipped or calibrated."""
    captions = yaml.safe_load((root / "workflow/report/captions.yaml").read_text())
    slices = captions["slices"]
    texts = {name: one["caption"] for name, one in captions.items() if "caption" in one} | slices
    counting = r"connected regions? of the true|regions of the true|[Rr]egions? of the truth|region counts as found|marked regions? of masks|masks how often a marked region|masks: regions"
    found = {name for name, text in texts.items() if re.search(counting, " ".join(text.split()))}
    assert found >= {
        "detection",
        "detection_by_lesion",
        "detection_by_size",
        "clinic",
        "clinic_reliability",
        "clinic_teacher",
        "clinic_flips",
        "telling",
        "spread",
    }
    said = re.compile(rf"(regions|lesions|those) of fewer than {SMALLEST} pixels|regions of {SMALLEST} pixels or more")
    assert [name for name in found if not said.search(" ".join(texts[name].split()))] == []
