"""The searches screen in a real terminal: pictures, a comparison, a trial that is pruned, the best."""

from __future__ import annotations

import shutil

import pytest

from tests.tui.test_tmux import Open, draws_a_curve, terminal
from workbench.search.journal import Journal

__all__ = ["terminal"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]


def words_of(screen: str) -> str:
    return " ".join(screen.replace("│", " ").split())


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_trials_pictures_comparison_and_the_best(
    five: Journal, terminal: Open, size: tuple[int, int]
) -> None:
    kwb = terminal(size=size)
    kwb.until(lambda screen: "residual-regressor" in screen, "list of recipes")
    kwb.press("7")
    screen = kwb.until(lambda screen: "★ 1 ✓ done 0.5 3 0.03 16" in words_of(screen), "the trials")
    assert "4 ▶ running 0.65 2 0.05 16" in words_of(screen)
    assert "best 0.5 in trial 1" in screen
    # the pictures
    kwb.press("p", "p")
    kwb.until(lambda screen: "★ best" in screen and draws_a_curve(screen), "the lines")
    kwb.press("p")
    kwb.until(lambda screen: "★ best" not in screen, "the curve, where it has room")
    # in one burst: to the trials, to the second one, and compared with the best
    kwb.press("Enter", "Down", "d")
    kwb.until(lambda screen: "Two trials" in screen and draws_a_curve(screen), "the comparison")
    screen = kwb.until(lambda screen: "trial 1 trial 0" in words_of(screen), "what differs")
    assert "0.03 0.01" in words_of(screen)
    kwb.press("Escape")
    kwb.until(lambda screen: "Two trials" not in screen, "the trials again")
    # the running one is pruned
    kwb.press("Down", "x")
    kwb.until(lambda screen: "it stops after its batch" in screen, "that it stops")
    assert [trial.repetitions[0].pruned_by_hand for trial in five.read().trials] == [False] * 4 + [True]
    kwb.press("x")
    kwb.until(lambda screen: "it stops after its batch" not in screen, "that it goes on")
    assert not five.read().trials[4].repetitions[0].pruned_by_hand
    # the best one as a recipe
    kwb.press("b")
    kwb.until(lambda screen: "small-best" in screen, "its recipe")
