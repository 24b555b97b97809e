"""Terms that networks inherit from their data."""

import pytest

from kdml.data.archives import ARCHIVES
from kdml.data.licences import DRAWN, LICENCES, licences_of, strictest


def test_every_archive_has_its_terms():
    assert LICENCES.keys() == ARCHIVES.keys()


@pytest.mark.parametrize(
    ("dataset", "key", "commercial"),
    [("hcd", "other", True), ("lgg", "cc-by-nc-sa-4.0", False), ("ham10000", "cc-by-nc-4.0", False), ("mine", "other", False)],
)  # fmt: skip
def test_data_sets_have_those_of_their_archives(dataset, key, commercial):
    found = licences_of(dataset, drawn=False)
    assert len(found) == 1 and strictest(found) == key and all(one.commercial for one in found) == commercial


def test_drawn_images_have_the_projects_own():
    assert licences_of("lgg", drawn=True) == [DRAWN]


def test_several_terms_are_no_single_licence():
    assert strictest(LICENCES.values()) == "other"


def test_terms_are_those_that_the_documents_say(root):
    said = (root / "docs/how-to/images.md").read_text()
    assert all(words in said for words in ("CC BY-NC 4.0", "CC BY-NC-SA 4.0", "CC0"))
