"""What a machine is called."""

import platform

from kdml.common.machine import UNNAMED, processor

LISTED = "processor\t: 0\nmodel\t\t: 85\nmodel name\t: Some CPU @ 2.00GHz\n\nprocessor\t: 1\nmodel name\t: Other\n"


def test_linux_names_the_processor(tmp_path):
    (tmp_path / "cpuinfo").write_text(LISTED)
    assert processor(tmp_path / "cpuinfo") == "Some CPU @ 2.00GHz"


def test_elsewhere_the_system_does_or_nobody(tmp_path, monkeypatch):
    monkeypatch.setattr(platform, "processor", lambda: "i386")
    assert processor(tmp_path / "none") == "i386"
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t:\n")
    assert processor(tmp_path / "cpuinfo") == "i386"
    monkeypatch.setattr(platform, "processor", lambda: "")
    assert processor(tmp_path / "none") == UNNAMED
