"""A stance holds the ankle lines and body heights that can be computed by hand."""

import json
from dataclasses import replace

import numpy as np
import pytest

from choreograft.errors import FileFormatError, PersonError
from choreograft.pose import skeleton
from choreograft.retarget.normalise import Stance, find_ankle_points

ANKLES = list(skeleton.ANKLES)


def test_a_walker_is_measured_near_and_far(stand) -> None:
    # ankle line from 600 to 900, evenly; heights in proportion to it
    line = np.linspace(600, 900, 101)
    stance = Stance.measure(stand(line, line / 2, x=np.linspace(400, 600, 101)))
    ground = stance.ground
    assert ground.near_line_px == pytest.approx(900)
    assert ground.line_px == pytest.approx(750)
    # median 750, closest 900: the farthest may lie 0.6 * 150 = 90 px beyond the median
    assert ground.far_line_px == pytest.approx(660)
    assert ground.near_height_px == pytest.approx(450)
    # the tallest within 5 % of the range of 240 px, so at 672
    assert ground.far_height_px == pytest.approx(672 / 2)
    assert ground.centre_px == pytest.approx(500)
    assert not ground.stays_at_one_depth()


def test_alpha_decides_how_far_the_farthest_may_be(stand, monkeypatch: pytest.MonkeyPatch) -> None:
    line = np.linspace(600, 900, 101)
    for alpha, farthest in ((0.5, 675), (0.7, 645), (1.0, 600)):
        monkeypatch.setattr("choreograft.retarget.normalise._ALPHA", alpha)
        ground = Stance.measure(stand(line, line / 2)).ground
        assert ground.far_line_px == pytest.approx(farthest)


def test_a_jump_is_not_the_farthest_position(stand) -> None:
    line = np.full(60, 800.0)
    line[::10] = 830
    line[20:26] = [790, 780, 500, 500, 780, 790]
    ground = Stance.measure(stand(line, 400)).ground
    assert ground.far_line_px == pytest.approx(790)


def test_without_a_candidate_the_median_is_the_farthest(stand) -> None:
    line = [500.0, 900.0]  # median 700; 500 is 200 px beyond it, 120 px are allowed
    ground = Stance.measure(stand(line, [200, 400])).ground
    assert ground.far_line_px == pytest.approx(700)
    assert ground.far_height_px == pytest.approx(400)


def test_the_lower_ankle_makes_the_line_and_both_make_the_height(stand) -> None:
    track = stand(np.full(10, 800.0), 500)
    track.xy[:, skeleton.LEFT_ANKLE] += (10, -60)
    ground = Stance.measure(track).ground
    assert ground.line_px == pytest.approx(800)
    assert ground.height_px == pytest.approx(np.hypot(5, 470), rel=1e-5)  # mean of the ankles: 5 px aside, 30 px up
    np.testing.assert_allclose(find_ankle_points(track), np.tile([505, 800], (10, 1)), rtol=1e-6)


def test_the_head_is_the_mean_of_its_seen_points(stand) -> None:
    track = stand(np.full(10, 800.0), 500)
    track.xy[:, skeleton.NOSE, 1] += 40
    track.score[:, [skeleton.LEFT_EYE, skeleton.RIGHT_EYE, skeleton.LEFT_EAR]] = 0.1
    expected = np.hypot(-0.02 * 500, 500 - 20)  # the nose and the right ear
    assert Stance.measure(track).ground.height_px == pytest.approx(expected, rel=1e-5)


def test_a_squat_does_not_shorten_a_person(stand) -> None:
    height = np.where(np.arange(60) % 3 == 0, 600, 350)
    assert Stance.measure(stand(np.full(60, 800.0), height)).ground.height_px == pytest.approx(600)


@pytest.mark.parametrize("way", ["score", "nan", "absent", "below the frame", "beside the frame"])
def test_unseen_feet_never_enter_the_statistics(stand, way: str) -> None:
    line = np.linspace(600, 900, 101)
    clean = stand(line, line / 2)
    spoiled = np.arange(101) % 4 == 1
    track = replace(clean, xy=clean.xy.copy(), score=clean.score.copy(), present=clean.present.copy())
    where = np.ix_(spoiled, ANKLES)
    track.xy[where] += (0, -300)
    if way == "score":
        track.score[where] = 0.1
    elif way == "nan":
        track.xy[where] = np.nan
    elif way == "absent":
        track.present[spoiled] = False
    elif way == "below the frame":
        track.xy[where] = (500, 1030)
    else:
        track.xy[where] = (-30, 800)
    expected = Stance.measure(clean.select(np.flatnonzero(~spoiled)))
    assert Stance.measure(track).ground == expected.ground


def test_feet_that_touch_the_edge_count(stand) -> None:
    assert Stance.measure(stand(np.full(10, 1015.0), 800)).ground.line_px == pytest.approx(1015)
    assert Stance.measure(stand(np.full(10, 1025.0), 800)).ground is None


def test_somebody_without_feet_is_measured_by_the_torso(stand) -> None:
    track = stand(np.full(20, 900.0), 600, x=np.linspace(400, 500, 20))
    track.score[:, ANKLES] = 0.05
    stance = Stance.measure(track)
    assert stance.ground is None
    assert stance.torso.length_px == pytest.approx(180)
    assert (stance.torso.hip_x_px, stance.torso.hip_y_px) == pytest.approx((450, 570))


def test_feet_seen_for_a_moment_are_not_enough(stand) -> None:
    track = stand(np.full(100, 900.0), 600)
    track.score[9:, ANKLES] = 0.05
    assert Stance.measure(track).ground is None
    track.score[9, ANKLES] = 0.9
    assert Stance.measure(track).ground is not None


@pytest.mark.parametrize("nobody", [True, False])
def test_a_head_alone_is_refused_in_one_line(stand, nobody: bool) -> None:
    track = stand(np.full(20, 900.0), 600)
    track.score[:, 5:] = 0
    track.present[:] = not nobody
    with pytest.raises(PersonError, match="expected a person seen at least from the hips up") as caught:
        Stance.measure(track)
    assert "\n" not in str(caught.value)


def test_a_stance_survives_json(stand) -> None:
    line = np.linspace(600, 900, 30)
    full = Stance.measure(stand(line, line / 2))
    for stance in (full, replace(full, ground=None), replace(full, torso=None)):
        assert Stance.from_dict(json.loads(json.dumps(stance.to_dict()))) == stance


@pytest.mark.parametrize("change", [{"size": [1]}, {"ground": {"depth": 3}}, {"torso": 5}])
def test_a_foreign_stance_is_refused(stand, change: dict[str, object]) -> None:
    content = Stance.measure(stand(np.full(9, 900.0), 600)).to_dict() | change
    with pytest.raises(FileFormatError, match="expected a stance"):
        Stance.from_dict(content)
    with pytest.raises(FileFormatError, match="expected a stance"):
        Stance.from_dict({})
