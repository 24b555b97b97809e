"""Terms that networks inherit from their data."""

import re

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
    ("stated", "key", "terms", "commercial"),
    [
        ("cc-by-4.0", "cc-by-4.0", "cc-by-4.0", True), ("CC-BY-NC-4.0", "cc-by-nc-4.0", "CC-BY-NC-4.0", False),
        ("Ours; ask the clinic", "other", "Ours; ask the clinic", None), ("", "other", "licence not stated", None),
        ("our-own-1.0", "our-own-1.0", "our-own-1.0", None), ("free to use, mit", "other", "free to use, mit", None),
    ],
)  # fmt: skip
def test_data_of_ones_own_have_what_is_stated_and_nothing_is_made_up(stated, key, terms, commercial):
    (found,) = licences_of("mine", False, stated)
    assert found.key == key and terms in found.terms and "mine" in found.terms and found.commercial is commercial


@pytest.mark.parametrize(
    ("allowed", "names"),
    [
        (False, "cc-by-nc-4.0 cc-by-nc-sa-4.0 cc-by-nc-nd-3.0 cc-by-nc-2.0"),
        (True, "cc0-1.0 cc-by-4.0 cc-by-sa-3.0 cc-by-nd-4.0 mit apache-2.0 odc-by pddl odbl"),
        (None, "unknown other gpl-3.0-or-so cc-by-nc-plus cc-by-nc-4.0-but mitt odbl-nc"),
    ],
)
def test_what_known_licences_say_of_commercial_use(allowed, names):
    assert {licences_of("mine", False, name)[0].commercial for name in names.split()} == {allowed}


def test_licences_that_are_understood_are_said_to_be(root):
    """In the configuration's description, and on the page about one's own data."""
    from kdml.experiment.datasets import Dataset

    for text in (Dataset.model_fields["licence"].description, (root / "docs/how-to/own_task.md").read_text()):
        names = re.findall(r"`((?:cc0|cc-by|mit|apache|odc|pddl|odbl)[\w.*-]*)`", text)
        found = {name: licences_of("mine", False, name.replace("-*", "-4.0"))[0].commercial for name in names}
        assert len(found) >= 9 and all(said is ("-nc" not in name) for name, said in found.items()), found


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
