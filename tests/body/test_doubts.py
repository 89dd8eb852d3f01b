"""Bodies that nobody should believe are told of, and those of real motion are not."""

from dataclasses import replace

import numpy as np
import pytest

from choreograft.body.fit import find_doubts, fit_bodies, measure_misses
from choreograft.body.model import LENGTHS
from choreograft.errors import PersonError
from choreograft.pose import skeleton
from choreograft.pose.track import PoseTrack
from filmed import QUICK, film, fitted

BELOW_HIPS = slice(skeleton.LEFT_KNEE, skeleton.FEET.stop)


@pytest.fixture
def track() -> PoseTrack:
    return film("ada", "dance").track


def test_a_body_that_fits_raises_no_doubts(track: PoseTrack) -> None:
    assert find_doubts("a.mp4", track, fitted("ada", "dance")) is None


def test_misses_are_distances_in_heights_of_the_person(track: PoseTrack) -> None:
    body, moved = fitted("ada", "dance"), track.xy.copy()
    moved[3, skeleton.LEFT_WRIST] += [0, film("ada", "dance").height_px]
    hidden = track.score.copy()
    hidden[5, skeleton.NOSE] = 0
    misses = measure_misses(replace(track, xy=moved, score=hidden), body)
    assert misses.shape == (len(track), skeleton.FEET.stop)
    assert misses[3, skeleton.LEFT_WRIST] == pytest.approx(1, abs=0.05)
    assert np.isnan(misses[5, skeleton.NOSE])
    assert np.nanmedian(misses) < 0.01


def test_a_cartoon_with_stumps_of_legs_is_told_of(track: PoseTrack) -> None:
    xy = track.xy.copy()
    hips = xy[:, list(skeleton.HIPS)].mean(1, keepdims=True)
    xy[:, BELOW_HIPS] = hips + 0.3 * (xy[:, BELOW_HIPS] - hips)
    cartoon = replace(track, xy=xy)
    note = find_doubts("a.mp4", cartoon, fit_bodies([cartoon], QUICK, exact=True)[0])
    assert note is not None
    assert "a.mp4: the body found in it is hard to believe: a tenth of the joints" in note
    assert "\n" not in note


def test_what_has_nothing_of_a_body_is_refused(track: PoseTrack) -> None:
    body, xy = fitted("ada", "dance"), track.xy.copy()
    xy[:, : skeleton.FEET.stop] = xy[:, np.random.default_rng(0).permutation(skeleton.FEET.stop)]
    with pytest.raises(PersonError, match=r"^a\.mp4: no body fits the person: half of the joints are \d+% "):
        find_doubts("a.mp4", replace(track, xy=xy), body)


@pytest.mark.parametrize(("height_m", "words"), [(-2.0, "2.0 m below"), (9.0, "9.0 m above")])
def test_a_camera_where_none_can_be_is_told_of(track: PoseTrack, height_m: float, words: str) -> None:
    body = fitted("ada", "dance")
    lifted = body.pelvis + np.array([0, 0, height_m - body.camera.height_m], np.float32)
    moved = replace(body, camera=replace(body.camera, height_m=height_m), pelvis=lifted)
    note = find_doubts("a.mp4", track, moved)  # looks as before: camera and body rise together
    assert note is not None
    assert f"the camera is {words} the floor" in note


def test_a_build_that_nobody_has_is_told_of(track: PoseTrack) -> None:
    body = fitted("ada", "dance")
    lengths = tuple(-0.25 if part == "neck" else 0.0 for part in LENGTHS)
    note = find_doubts("a.mp4", track, replace(body, shape=replace(body.shape, lengths=lengths)))
    assert note is not None
    assert "neck 25% shorter than usual, as in a picture that was squeezed" in note
