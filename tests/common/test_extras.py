"""Packages that only some need are asked for before anything runs."""

import pytest

from kdml.common import extras
from kdml.common.errors import UserError


def test_installed_packages_pass():
    extras.need("export", "this test")


@pytest.mark.bad_input
def test_a_missing_package_is_named_with_its_extra(monkeypatch):
    monkeypatch.setattr(extras, "EXTRAS", {"more": ("json", "no_such_package")})
    with pytest.raises(UserError) as told:
        extras.need("more", "this test")
    assert told.value.problem == "this test needs the package no_such_package, which is not installed."
    assert "uv sync --extra more" in told.value.remedy and "pip install json no_such_package" in told.value.remedy
