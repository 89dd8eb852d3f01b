"""The target's clip of a pair: the whole range of motion, front and back, near and far, hands open and closed."""

from fractions import Fraction

from choreograft.studio import moves
from choreograft.studio.score import Motion, Score
from choreograft.studio.steps import turn_round, walk_to

SHOWCASE_S = 22.0
"""Length of the showcase at its own pace."""


def showcase(seconds: float, rate: Fraction, seed: int = 0) -> Motion:  # noqa: ARG001
    """All that `calibration` has, a slow full turn, walking nearer and farther, and fists.

    It takes `SHOWCASE_S` at its own pace and is played faster or slower to last `seconds`.
    """
    score = Score()
    moves.raise_arms(score, 0.3)
    moves.squat(score, 4.1)
    moves.sidestep_and_wave(score, 6.5)
    moves.raise_legs(score, 8.8)
    moves.lean(score, 11.4)
    moves.touch_head(score, 13.6)
    _turn_slowly(score, 14.3)
    _walk_about(score, 18.6)
    score.rest(SHOWCASE_S)
    return score.play(seconds, rate, SHOWCASE_S / seconds)


def _turn_slowly(score: Score, at: float) -> None:
    """Once round, with the arms in a different place for every view."""
    turn_round(score, at + 0.3, at + 4.2, 360.0)
    for start, end, left, right in (
        (0.0, 0.5, "down_out", "hang"),
        (0.7, 1.2, "side", "hip"),
        (1.4, 1.9, "diagonal", "side"),
        (2.1, 2.6, "hip", "diagonal"),
        (2.8, 3.2, "front", "front"),
        (3.5, 4.0, "hang", "hang"),
    ):
        score.arms(at + start, at + end, left, right)
    for start, end, value in ((0.1, 0.5, 1.0), (1.5, 1.9, 0.0), (2.2, 2.6, 0.7), (3.6, 4.0, 0.0)):
        for side in ("left", "right"):
            score.move(f"{side}_fist", at + start, at + end, value)


def _walk_about(score: Score, at: float) -> None:
    """To the camera with swinging arms; back again facing it, hands opening and closing before the chest."""
    walk_to(score, at, at + 0.8, (0.0, 0.42))
    score.arms(at + 0.85, at + 1.2, "fists_up", "fists_up")
    for side in ("left", "right"):
        score.move(f"{side}_fist", at + 0.85, at + 1.15, 1.0)
        score.move(f"{side}_fist", at + 1.3, at + 1.6, 0.0)
    walk_to(score, at + 1.0, at + 2.4, (0.0, -0.7), arms=False)
    score.arms(at + 1.5, at + 1.9, "stop", "offer")
    score.arms(at + 1.95, at + 2.3, "offer", "stop")
    walk_to(score, at + 2.45, at + 3.2, (0.0, 0.0))
