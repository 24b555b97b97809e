"""Terms of use that a network inherits from the archives it was trained on."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kdml.data.archives import ARCHIVES_OF


@dataclass(frozen=True)
class Licence:
    """Terms of an archive.

    Args:
        key: as Hugging Face names the licence; `other` where it has no name for it.
        terms: in words, with whom to cite.
        commercial: whether commercial use is allowed; None where nobody has said so.
    """

    key: str
    terms: str
    commercial: bool | None


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
NAMED = re.compile(r"[a-z0-9]+([.-][a-z0-9]+)*")  # how Hugging Face names licences
# Whether commercial use is allowed, by what such a name is in small letters; of names that are not here nobody has said so.
COMMERCIAL: Mapping[re.Pattern[str], bool] = {
    re.compile(r"cc-by-nc(-sa|-nd)?(-\d\.\d)?"): False,
    re.compile(r"cc0(-1\.0)?|cc-by(-sa|-nd)?(-\d\.\d)?"): True,
    re.compile(r"mit|apache-2\.0|bsd-[23]-clause|unlicense|odc-by(-1\.0)?|pddl(-1\.0)?|odbl(-1\.0)?"): True,
    re.compile(r"cdla-permissive-[12]\.0|cdla-sharing-1\.0"): True,
}


def licences_of(dataset: str, drawn: bool, stated: str = "") -> list[Licence]:
    """Terms of all archives of a data set, each once.

    Args:
        dataset: its key.
        drawn: whether its images are drawn look-alikes.
        stated: what the configuration says of a user's own data set: a licence as Hugging Face names it, in small or large
            letters, or its terms in words.
    """
    if drawn:
        return [DRAWN]
    if dataset in ARCHIVES_OF:
        return list(dict.fromkeys(LICENCES[name] for name in ARCHIVES_OF[dataset]))
    if not stated:
        return [Licence("other", f"licence not stated: ask whoever owns the pictures of '{dataset}'", commercial=None)]
    named = stated.strip().lower()
    key = named if NAMED.fullmatch(named) else "other"
    return [Licence(key, f"{stated.strip()} (data set '{dataset}')", _allowed(named))]


def _allowed(name: str) -> bool | None:
    """Whether a licence allows commercial use; None for one that is not among the known ones."""
    return next((allowed for names, allowed in COMMERCIAL.items() if names.fullmatch(name)), None)


def commercial_use(licences: Iterable[Licence]) -> bool | None:
    """Whether what is made from data under several licences may be used commercially; None where one does not say."""
    said = {licence.commercial for licence in licences}
    return False if False in said else None if None in said else True


def strictest(licences: Iterable[Licence]) -> str:
    """One licence for what is made from data under several, as Hugging Face names it: `other` where they are not the same."""
    keys = {licence.key for licence in licences}
    return keys.pop() if len(keys) == 1 else "other"
