"""Terms of use that a network inherits from the archives it was trained on."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kdml.data.archives import ARCHIVES_OF


@dataclass(frozen=True)
class Licence:
    """Terms of an archive.

    Args:
        key: as Hugging Face names the licence; `other` where it has no name for it.
        terms: in words, with whom to cite.
        commercial: whether commercial use is allowed.
    """

    key: str
    terms: str
    commercial: bool


_HAM10000 = Licence(
    "cc-by-nc-4.0", "CC BY-NC 4.0 (HAM10000: Tschandl, Rosendahl, Kittler, Scientific Data 2018)", commercial=False
)
LICENCES: Mapping[str, Licence] = {
    "histopathologic-cancer-detection": Licence(
        "other",
        "rules of the competition on metastases (HCD); its patches derive from PatchCamelyon, CC0 (Veeling et al. 2018)",
        commercial=True,
    ),
    "lgg-mri-segmentation": Licence(
        "cc-by-nc-sa-4.0",
        "CC BY-NC-SA 4.0 (LGG: Buda, Saha, Mazurowski, Computers in Biology and Medicine 2019; The Cancer Imaging Archive)",
        commercial=False,
    ),
    "skin-cancer-mnist-ham10000": _HAM10000,
    "ham10000-lesion-segmentations": _HAM10000,
}
DRAWN = Licence("mit", "images drawn by this project (MIT): nobody's data, and of no medical use", commercial=True)
UNKNOWN = Licence("other", "terms of the data set's own, which are not known here", commercial=False)


def licences_of(dataset: str, drawn: bool) -> list[Licence]:
    """Terms of all archives of a data set, each once.

    Args:
        dataset: its key.
        drawn: whether its images are drawn look-alikes.
    """
    if drawn:
        return [DRAWN]
    return list(dict.fromkeys(LICENCES.get(name, UNKNOWN) for name in ARCHIVES_OF.get(dataset, ("",))))


def strictest(licences: Iterable[Licence]) -> str:
    """One licence for what is made from data under several, as Hugging Face names it: `other` where they are not the same."""
    keys = {licence.key for licence in licences}
    return keys.pop() if len(keys) == 1 else "other"
