"""Terms that networks inherit from their data."""

import pytest

from kdml.data.archives import ARCHIVES
from kdml.data.licences import DRAWN, LICENCES, Licence, commercial_use, licences_of, strictest


def test_every_archive_has_its_terms():
    assert LICENCES.keys() == ARCHIVES.keys()


@pytest.mark.parametrize(
    ("dataset", "key", "commercial"),
    [("hcd", "other", True), ("lgg", "cc-by-nc-sa-4.0", False), ("ham10000", "cc-by-nc-4.0", False), ("mine", "other", None)],
)  # fmt: skip
def test_data_sets_have_those_of_their_archives(dataset, key, commercial):
    found = licences_of(dataset, drawn=False)
    assert len(found) == 1 and strictest(found) == key and commercial_use(found) is commercial


@pytest.mark.parametrize(
    ("stated", "key", "terms"),
    [
        ("cc-by-4.0", "cc-by-4.0", "cc-by-4.0"), ("Ours; ask the clinic", "other", "Ours; ask the clinic"),
        ("", "other", "licence not stated"),
    ],
)  # fmt: skip
def test_data_of_ones_own_have_what_is_stated_and_nothing_is_made_up(stated, key, terms):
    (found,) = licences_of("mine", False, stated)
    assert found.key == key and terms in found.terms and "mine" in found.terms and found.commercial is None


def test_commercial_use_is_allowed_only_where_all_terms_say_so():
    free, unknown, barred = (Licence("other", "", commercial) for commercial in (True, None, False))
    assert commercial_use([free, free]) is True
    assert commercial_use([free, unknown]) is None
    assert commercial_use([unknown, barred]) is False


def test_drawn_images_have_the_projects_own():
    assert licences_of("lgg", drawn=True) == [DRAWN]


def test_several_terms_are_no_single_licence():
    assert strictest(LICENCES.values()) == "other"


def test_terms_are_those_that_the_documents_say(root):
    said = (root / "docs/how-to/images.md").read_text()
    assert all(words in said for words in ("CC BY-NC 4.0", "CC BY-NC-SA 4.0", "CC0"))
