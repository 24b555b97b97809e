"""The forest of the claims: a lane for each, a row for every contrast that was run, verdicts beside them, on a page of a journal."""

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from place_files import claim_row, write
from reporting.drawn import words
from reporting.printed import faults

from kdml.analysis.claims import Answer, Verdict
from kdml.common.errors import UserError
from kdml.reporting.data import Data
from kdml.reporting.figures import claims
from kdml.reporting.figures.common import MARKS, save


def drawn(folder, rows):
    return claims.draw(Data({"claims": [write(folder / "claims.csv", rows, ("claim",))]}))


def texts(axes):
    return [text.get_text() for text in axes.texts]


def dots(axes, marker="o"):
    """(place, colour) of single marks, from top to bottom."""
    lines = [line for line in axes.lines if line.get_marker() == marker]
    return [
        (float(line.get_xdata()[0]), line.get_color()) for line in sorted(lines, key=lambda line: line.get_ydata()[0])
    ]


def test_a_row_for_every_contrast_that_was_run(tmp_path):
    """The largest on top; black is answered, grey open; diamonds are the paper's, where it has one."""
    rows = [
        claim_row("1", estimate="-3", low="-4", high="-1", answer=Answer.NO, paper_estimate="1.5"),
        claim_row("1", estimate="2", answer=Answer.OPEN),
        claim_row("1", estimate="nan", low="nan", high="nan", answer=Answer.NOT_RUN, paper_estimate="0.5"),
    ]
    (axes,) = drawn(tmp_path, rows).axes
    assert dots(axes) == [(2.0, MARKS["open"]), (-3.0, MARKS["other"])]
    assert [x for x, _ in dots(axes, "D")] == [1.5]
    whiskers = [tuple(map(float, line.get_xdata())) for line in axes.lines if len(line.get_xdata()) == 2]
    assert {(-4.0, -1.0), (0.5, 2.0)} <= set(whiskers) and axes.get_xlim()[0] == -axes.get_xlim()[1]


def test_verdicts_stand_beside_the_lanes(tmp_path):
    rows = [
        claim_row("1"),
        claim_row("7", answer=Answer.NOT_RUN, estimate="", verdict=Verdict.NOTHING),
        claim_row("10", left="", right="", estimate="15.2", low="", high="", answer=Answer.YES),
        claim_row("11", left="", right="", answer=Answer.OTHER, verdict=Verdict.OTHER),
    ]
    (axes,) = drawn(tmp_path, rows).axes
    shown = texts(axes)
    assert {"holds", "undecided", "not run", "15 % saved", "not comparable", "here", "the paper's numbers"} <= set(
        shown
    )
    assert [label.get_text().split()[0] for label in axes.get_yticklabels()] == ["1", "7", "10", "11"]
    assert len(dots(axes)) == 1


@pytest.mark.parametrize("contrasts", [1, 12, 23])
@pytest.mark.parametrize("protocols", [("paper",), ("paper", "grouped")])
def test_it_fits_a_page(tmp_path, contrasts, protocols):
    """Also with eleven claims, the long ones, under both protocols; nothing lies on anything else."""
    rows = [
        claim_row(str(claim), protocol, title="KD + ML with V3 beats published methods ok", estimate=str(place - 5), low="-30", high="40", paper_estimate="1")
        for protocol in protocols
        for claim in range(1, 12)
        for place in range(contrasts)
    ]  # fmt: skip
    figure = drawn(tmp_path, rows)
    save(figure, "t", "", [tmp_path / "claims.pdf"])
    assert faults(tmp_path / "claims.pdf") == [] and len(figure.axes) == len(protocols)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    for axes in figure.axes:
        of_rows = [
            text.get_window_extent(renderer) for text in (*axes.texts, *axes.get_yticklabels()) if text.get_visible()
        ]
        inside = axes.get_window_extent(renderer)
        assert all(box.x1 <= inside.x0 + 1 or box.x0 >= inside.x1 for box in of_rows)
        assert all(box.x0 >= 0 and box.x1 <= figure.bbox.x1 for box in of_rows)
        assert not any(
            a.overlaps(b) for place, a in enumerate(of_rows) for b in of_rows[place + 1 :] if a.width and b.width
        )


def test_no_claims_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"claims\.csv has no rows"):
        drawn(tmp_path, [])


def test_a_claim_that_denies_a_gain_says_which_way_it_points(tmp_path):
    rows = [
        claim_row("1"),
        claim_row("9", rule="not_all_above", title="It does not rise"),
        claim_row("4", at_least="1.5"),
    ]
    figure = claims.draw(Data({"claims": [write(tmp_path / "claims.csv", rows)]}))
    assert "It does not rise (right of 0: it does)" in words(figure) and "V3 beats V1 (" not in words(figure)
    dotted = [line for line in figure.axes[0].lines if line.get_linestyle() == ":"]
    assert [list(line.get_xdata()) for line in dotted] == [[1.5, 1.5]]


@pytest.mark.parametrize("protocols", [("paper",), ("paper", "grouped")])
def test_why_there_is_nothing_does_not_reach_the_verdict(tmp_path, protocols):
    """An experiment of networks alone answers no claim; words on other data stand where there is room for them."""
    nothing = {"answer": Answer.NOT_RUN, "estimate": "", "verdict": Verdict.NOTHING, "paper_estimate": "1"}
    rows = [claim_row("6", protocol, place="ham10000_segmentation/resnet18", **nothing) for protocol in protocols]
    rows += [claim_row("1", protocol) for protocol in protocols]
    figure = drawn(tmp_path, rows)
    save(figure, "t", "", [tmp_path / "claims.pdf"])
    assert faults(tmp_path / "claims.pdf") == []
    said = "not run on HAM10000" if len(protocols) == 1 else "not run"
    assert all(said in texts(axes) for axes in figure.axes)
