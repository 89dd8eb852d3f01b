"""A clip that nothing is wrong with raises no finding, and every damage raises its own and no other."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest

from choreograft.check.filmed import Filmed
from choreograft.check.findings import judge_clip
from choreograft.pose.track import MaskSequence
from choreograft.video.size import Size
from filmed_dancer import OVERHEAD, RATE, SIZE, STAND, Shot, dance_track, draw_frame, texture, track_at, with_masks


def each(shot: Shot, change: Callable[[np.ndarray, int], np.ndarray]) -> Shot:
    return replace(shot, frames=np.stack([change(image, t) for t, image in enumerate(shot.frames)]))


def move(image: np.ndarray, x: float, y: float) -> np.ndarray:
    return cv2.warpAffine(image, np.float32([[1, 0, x], [0, 1, y]]), SIZE, borderMode=cv2.BORDER_REFLECT)


def blurred(shot: Shot) -> Shot:
    return each(shot, lambda image, _: cv2.GaussianBlur(image, (0, 0), 3.5))


def shaken(shot: Shot) -> Shot:
    steps = np.random.default_rng(3).normal(0, 1.2, (len(shot.frames), 2))
    return each(shot, lambda image, t: move(image, *steps[t]))


def drifting(shot: Shot) -> Shot:
    """The camera turns away; the person goes along with the picture."""
    moved = each(shot, lambda image, t: move(image, 14 * t / len(shot.frames), 0))
    off = np.linspace(0, 14, len(shot.frames), endpoint=False, dtype=np.float32)
    xy = shot.track.xy + np.stack([off, 0 * off], axis=-1)[:, None]
    return replace(moved, track=with_masks(replace(shot.track, xy=xy)))


def dark(shot: Shot) -> Shot:
    return each(shot, lambda image, _: image // 6)


def overexposed(shot: Shot) -> Shot:
    return each(shot, lambda image, _: np.where(image > 145, 255, image).astype(np.uint8))


def flickering(shot: Shot) -> Shot:
    return each(shot, lambda image, t: np.clip(image * (1 + 0.1 * (t % 2)), 0, 255).astype(np.uint8))


def with_running_text(shot: Shot) -> Shot:
    banner = texture(SIZE, 5, 30, 130)[:30]

    def change(image: np.ndarray, t: int) -> np.ndarray:
        return np.concatenate([np.roll(banner, 3 * t, axis=1), image[30:]])

    return each(shot, change)


def without_feet(shot: Shot) -> Shot:
    """The lower quarter of the picture cut off."""
    size = Size(SIZE.width, SIZE.height * 3 // 4)
    masks = [MaskSequence.pack(shot.track.masks[t][: size.height], size) for t in range(len(shot.track))]
    track = replace(shot.track, size=size, masks=MaskSequence.from_blobs(size, masks))
    return Shot(track, shot.frames[:, : size.height])


def without_a_side(shot: Shot) -> Shot:
    """The left of the picture cut off, along the person's right arm, which the estimator bends back into it."""
    left = 62
    size = Size(SIZE.width - left, SIZE.height)
    masks = [MaskSequence.pack(shot.track.masks[t][:, left:], size) for t in range(len(shot.track))]
    xy = np.maximum(shot.track.xy - (left, 0), 0).astype(np.float32)
    track = replace(shot.track, size=size, xy=xy, masks=MaskSequence.from_blobs(size, masks))
    return Shot(track, np.ascontiguousarray(shot.frames[:, :, left:]))


def select(shot: Shot, frames: np.ndarray) -> Shot:
    return Shot(shot.track.select(frames), shot.frames[frames])


def three_seconds(shot: Shot) -> Shot:
    return select(shot, np.arange(72))


def few_frames_a_second(shot: Shot) -> Shot:
    few = select(shot, np.arange(0, len(shot.track), 2))
    return replace(few, track=replace(few.track, rate=Fraction(12)))


def unevenly_timed(shot: Shot) -> Shot:
    time_s = shot.track.time_s + np.where(np.arange(len(shot.track)) % 2, 0.25 / float(RATE), 0)
    return replace(shot, track=replace(shot.track, time_s=time_s))


def mostly_absent(shot: Shot) -> Shot:
    """Enters after 2 s and leaves 2 s before the end; the room goes on."""
    present = (shot.track.time_s > 2) & (shot.track.time_s < shot.track.time_s[-1] - 2)
    empty = ~present
    track = replace(
        shot.track,
        present=present,
        xy=np.where(empty[:, None, None], np.nan, shot.track.xy).astype(np.float32),
        score=np.where(empty[:, None], 0, shot.track.score).astype(np.float32),
        world=np.where(empty[:, None, None], np.nan, shot.track.world).astype(np.float32),
    )
    room = np.median(shot.frames[:: len(shot.frames) // 8], axis=0).astype(np.uint8)
    return Shot(track, np.where(empty[:, None, None, None], room, shot.frames))


def raised(clip: Filmed, role: str = "target") -> dict[str, str]:
    """Kind: severity, of what is not fine."""
    findings = judge_clip(clip, role)
    return {finding.kind: finding.severity for finding in findings if finding.severity != "fine"}


def test_a_clip_that_nothing_is_wrong_with_is_fine(shot, film):
    clip = film(shot)
    assert raised(clip) == {}
    assert raised(clip, "source") == {}
    assert all(not finding.advice for finding in judge_clip(clip, "target"))


DAMAGES = {
    blurred: {"blur": "warning"},
    shaken: {"camera_shake": "warning"},
    drifting: {"camera_drift": "warning"},
    dark: {"dark": "warning"},
    overexposed: {"overexposed": "warning"},
    flickering: {"flicker": "warning"},
    with_running_text: {"moving_background": "warning"},
    without_feet: {"cut_feet": "warning"},
    without_a_side: {"cut_sides": "warning"},
    three_seconds: {"length": "warning"},
    few_frames_a_second: {"frame_rate": "warning"},
    unevenly_timed: {"uneven_timing": "warning"},
    mostly_absent: {"length": "warning", "person_share": "warning", "range_of_motion": "hint"},
}


SOURCE_TOO = {"person_share", "cut_feet", "cut_sides", "dark", "frame_rate", "uneven_timing"}
"""What matters for a video that is only danced after."""


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damage_raises_its_own_finding_and_no_other(shot, film, damage):
    clip = film(damage(shot))
    assert raised(clip) == DAMAGES[damage]
    assert raised(clip, "source") == {kind: how for kind, how in DAMAGES[damage].items() if kind in SOURCE_TOO}
    bad = [finding for finding in judge_clip(clip, "target") if finding.severity != "fine"]
    assert all(finding.advice.endswith(".") and finding.sentence.endswith(".") for finding in bad)


def test_fast_arms_are_smeared_by_an_open_shutter_and_not_by_being_fast(film):
    keys = (STAND, OVERHEAD) * 4
    track = with_masks(dance_track(keys))
    sharp = Shot(track, np.stack([draw_frame(xy) for xy in track.xy]))
    assert "motion_blur" not in raised(film(sharp))
    moments = np.arange(-3, 4) / 7 / float(RATE)  # open from one frame to the next
    between = [track_at(keys, np.maximum(0, track.time_s + moment)).xy for moment in moments]
    smeared = each(sharp, lambda _, t: np.mean([draw_frame(xy[t]) for xy in between], axis=0).astype(np.uint8))
    assert "motion_blur" in raised(film(smeared))


def test_somebody_else_in_view_is_told_with_how_many(shot, film):
    clip = film(shot, people=3)
    assert raised(clip) == {"people": "warning"}
    sentence = next(finding.sentence for finding in judge_clip(clip, "target") if finding.kind == "people")
    assert sentence == "3 people are in view in 100% of the frames looked at."
