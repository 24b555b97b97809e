"""The command that shows where an experiment stands, on one that has run."""

import json

from fabricated import call


def asked(chain, capsys, *words):
    code, said = call("status", "--configfile", chain / "miniature.yaml", "--directory", chain, *words)
    assert code == 0, said
    return capsys.readouterr().out


def test_a_finished_experiment_is_done(chain, capsys):
    assert "miniature: 15 trainings   15 done" in asked(chain, capsys)
    found = json.loads(asked(chain, capsys, "--json"))
    assert found["counts"]["done"] == 15 and found["forecast"] is None and found["other_failures"] == []
    assert all(one["scores"] and one["seconds"] > 0 and one["epoch"] == 1 for one in found["trainings"])
    assert "Left to train: 0 trainings" in asked(chain, capsys, "--forecast")
    assert not list((chain / "results").rglob("progress.json"))


def test_a_live_view_ends_when_everything_is_done(chain, capsys):
    assert "15 done" in asked(chain, capsys, "--live", "3600")


def test_another_setting_makes_its_trainings_stale(chain, capsys):
    (changed := chain.parent / "changed.yaml").write_text("sharing: {temperature: 4.0}")
    code, _ = call("status", "--configfile", chain / "miniature.yaml", changed, "--directory", chain, "--forecast")
    text = capsys.readouterr().out
    assert code == 0 and "15 stale" in text and "trained with other settings" in text and "Left to train: 15" in text
