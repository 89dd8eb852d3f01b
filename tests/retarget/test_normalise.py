"""A source's track lands where the target stands, and only there."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from choreograft.errors import PersonError
from choreograft.pose import skeleton
from choreograft.pose.track import MaskSequence, PoseTrack
from choreograft.retarget.normalise import Stance, find_ankle_points, map_to_target
from choreograft.video.size import Size

ANKLES = list(skeleton.ANKLES)
relaxed = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def _heights(track: PoseTrack) -> np.ndarray:
    """Body heights of upright people made by `stand`."""
    return track.xy[:, ANKLES].mean(1)[:, 1] - track.xy[:, skeleton.NOSE, 1]


def _move(track: PoseTrack, scale: float, shift: tuple[float, float]) -> PoseTrack:
    """The same person filmed at another size and place; the picture keeps the place's margins."""
    size = Size(*(round(side * scale) for side in track.size))
    return replace(track, size=size, xy=(track.xy * scale + np.float32(shift)).astype(np.float32))


def _walk(stand, seed: int = 0, frames: int = 40) -> PoseTrack:
    """Somebody who wanders, bends and jumps inside the picture, moving every joint."""
    random = np.random.default_rng(seed)
    line = random.uniform(550, 850) + np.cumsum(random.normal(0, 8, frames)).clip(-150, 50)
    x = 500 + np.cumsum(random.normal(0, 8, frames)).clip(-150, 150)
    track = stand(line, line * random.uniform(0.4, 0.6), x)
    return replace(track, xy=track.xy + random.normal(0, 4, track.xy.shape).astype(np.float32))


@relaxed
@given(seed=st.integers(0, 10_000))
def test_normalised_to_its_own_stance_a_track_is_unchanged(stand, seed: int) -> None:
    track = _walk(stand, seed)
    stance = Stance.measure(track)
    mapped = map_to_target(track, stance, stance)
    np.testing.assert_allclose(mapped.xy, track.xy, atol=2e-3)
    np.testing.assert_allclose(mapped.depth, track.depth, rtol=1e-5)


@relaxed
@given(seed=st.integers(0, 10_000), scale=st.floats(0.3, 3), shift=st.tuples(st.floats(-30, 30), st.floats(-30, 30)))
def test_scaling_and_shifting_the_source_changes_nothing(stand, seed, scale, shift) -> None:
    track, target = _walk(stand, seed), Stance.measure(_walk(stand, seed + 1))
    scale = round(1000 * scale) / 1000  # so that the picture scales exactly, too
    moved = _move(track, scale, (shift[0] * scale, shift[1] * scale))
    expected = map_to_target(track, Stance.measure(track), target)
    mapped = map_to_target(moved, Stance.measure(moved), target)
    np.testing.assert_allclose(mapped.xy, expected.xy, atol=0.05)


def test_inside_the_range_scale_and_shift_are_the_papers(stand) -> None:
    line = np.linspace(600, 900, 101)
    source = stand(line, line * 0.3)
    target_line = np.linspace(300, 420, 51)
    target = stand(target_line, target_line * 0.7, x=200, size=Size(400, 500), fps=60)
    s, t = Stance.measure(source), Stance.measure(target)
    mapped = map_to_target(source, s, t)
    s_max, s_min, t_max, t_min = (
        s.ground.near_line_px,
        s.ground.far_line_px,
        t.ground.near_line_px,
        t.ground.far_line_px,
    )
    for frame in (30, 60, 100):
        a = line[frame]
        f = (a - s_min) / (s_max - s_min)
        b = t_min + f * (t_max - t_min) - a
        far = t.ground.far_height_px / s.ground.far_height_px
        c = far + f * (t.ground.near_height_px / s.ground.near_height_px - far)
        np.testing.assert_allclose(mapped.xy[frame, ANKLES, 1], a + b, rtol=1e-5)
        np.testing.assert_allclose(_heights(mapped)[frame], a * 0.3 * c, rtol=1e-5)
        np.testing.assert_allclose(mapped.depth[frame], -10 * c, rtol=1e-5)
        np.testing.assert_allclose(mapped.xy[frame, ANKLES, 0].mean(), 200, rtol=1e-5)


def test_near_and_far_the_source_is_as_tall_as_the_target(stand) -> None:
    line, target_line = np.linspace(600, 900, 201), np.linspace(500, 700, 201)
    source, target = stand(line, 0.25 * line), stand(target_line, 0.9 * target_line)
    s, t = Stance.measure(source), Stance.measure(target)
    mapped = map_to_target(source, s, t)
    assert mapped.xy[-1, skeleton.LEFT_ANKLE, 1] == pytest.approx(700)
    assert _heights(mapped)[-1] == pytest.approx(630)
    frame = int(np.argmin(np.abs(line - s.ground.far_line_px)))
    assert mapped.xy[frame, skeleton.LEFT_ANKLE, 1] == pytest.approx(t.ground.far_line_px)


def test_a_jump_stays_a_jump(stand) -> None:
    line = np.concatenate([np.linspace(700, 900, 60), np.full(40, 880.0)])
    jump = line.copy()
    jump[80:85] -= [60, 250, 300, 250, 60]
    source = stand(jump, 300)
    target_line = np.linspace(300, 800, 60)
    s, t = Stance.measure(source), Stance.measure(stand(target_line, target_line * 0.5))
    mapped = map_to_target(source, s, t)
    far_scale = t.ground.far_height_px / s.ground.far_height_px
    assert _heights(mapped).min() == pytest.approx(300 * far_scale, rel=1e-4)
    beyond = s.ground.far_line_px - 580
    assert mapped.xy[82, skeleton.LEFT_ANKLE, 1] == pytest.approx(t.ground.far_line_px - beyond * far_scale, rel=1e-4)


def test_at_one_depth_there_is_one_scale_and_one_shift(stand) -> None:
    line = 800 + 5 * np.sin(np.arange(50))
    source = stand(line, 400, x=450)
    source.xy[:, ANKLES, 1] += np.where(np.arange(50) == 30, -100, 0)[:, None]  # a hop
    target = stand(600 + 5 * np.cos(np.arange(50)), 600, x=300)
    mapped = map_to_target(source, Stance.measure(source), Stance.measure(target))
    change = (mapped.xy - (300, 600)) - 1.5 * (source.xy - (450, np.median(line)))
    assert np.ptp(change, axis=(0, 1)).max() < 1e-2
    np.testing.assert_allclose(change, 0, atol=0.6)  # the median of the target's sampled cosine is not quite 600


def test_a_source_at_one_depth_takes_the_middle_of_a_walking_target(stand) -> None:
    target_line = np.linspace(500, 900, 101)
    target = Stance.measure(stand(target_line, target_line / 2))
    source = stand(np.full(20, 300.0), 100)
    mapped = map_to_target(source, Stance.measure(source), target)
    np.testing.assert_allclose(mapped.xy[:, skeleton.LEFT_ANKLE, 1], 700, rtol=1e-5)
    np.testing.assert_allclose(_heights(mapped), 350, rtol=0.02)


def test_a_walking_source_keeps_the_size_of_a_target_at_one_depth(stand) -> None:
    line = np.linspace(500, 900, 101)
    source = stand(line, line / 2)
    target = Stance.measure(stand(np.full(20, 800.0), 300))
    mapped = map_to_target(source, Stance.measure(source), target)
    inside = line >= Stance.measure(source).ground.far_line_px
    np.testing.assert_allclose(mapped.xy[inside, skeleton.LEFT_ANKLE, 1], 800, rtol=1e-5)
    np.testing.assert_allclose(_heights(mapped)[inside], 300, rtol=0.05)


def test_a_wider_source_range_shrinks_into_the_targets(stand) -> None:
    line, target_line = np.linspace(500, 950, 101), np.linspace(700, 760, 101)
    source = stand(line, line / 2)
    target = Stance.measure(stand(target_line, target_line / 2))
    mapped = map_to_target(source, Stance.measure(source), target)
    ankles = mapped.xy[line >= Stance.measure(source).ground.far_line_px, skeleton.LEFT_ANKLE, 1]
    assert ankles.max() == pytest.approx(760)
    assert ankles.min() >= target.ground.far_line_px - 1e-3


def test_frames_without_ankles_repeat_the_last_transform(stand) -> None:
    line = np.linspace(600, 900, 40)
    source = stand(line, line / 2)
    target = Stance.measure(stand(np.linspace(400, 700, 40), np.linspace(300, 500, 40)))
    stance = Stance.measure(source)
    expected = map_to_target(source, stance, target)
    source.score[:5, skeleton.RIGHT_ANKLE] = 0
    source.xy[20:26, skeleton.RIGHT_ANKLE] = np.nan
    mapped = map_to_target(source, stance, target)
    np.testing.assert_array_equal(mapped.xy[[5, 19, 26]], expected.xy[[5, 19, 26]])
    for held, frames in ((5, range(5)), (19, range(20, 26))):
        scale = _heights(expected)[held] / _heights(source)[held]
        shift = expected.xy[held, skeleton.NOSE] - scale * source.xy[held, skeleton.NOSE]
        for frame in frames:
            wrist = source.xy[frame, skeleton.LEFT_WRIST]
            np.testing.assert_allclose(mapped.xy[frame, skeleton.LEFT_WRIST], scale * wrist + shift, rtol=1e-4)


def test_a_part_without_any_ankles_is_placed_by_the_stance(stand) -> None:
    source = stand(np.full(20, 800.0), 400)
    stance = Stance.measure(source)
    target = Stance.measure(stand(np.full(20, 600.0), 200, x=300))
    expected = map_to_target(source, stance, target)
    source.score[:, ANKLES] = 0
    np.testing.assert_allclose(map_to_target(source, stance, target).xy, expected.xy, rtol=1e-5)


@pytest.mark.parametrize("half", ["source", "target"])
def test_half_bodies_are_matched_by_the_torso(stand, half: str) -> None:
    source, target = stand(np.linspace(700, 800, 20), 400, x=480), stand(np.full(20, 900.0), 600, x=300)
    (source if half == "source" else target).score[:, ANKLES] = 0
    mapped = map_to_target(source, Stance.measure(source), Stance.measure(target))
    hips = [skeleton.LEFT_HIP, skeleton.RIGHT_HIP]
    middle = mapped.xy[:, hips].mean(1)
    np.testing.assert_allclose(np.median(middle, axis=0), (300, 570), rtol=1e-4)
    np.testing.assert_allclose(np.diff(middle[:, 1]), 1.5 * 100 / 19, rtol=1e-2)
    np.testing.assert_allclose(middle[:, 1] - mapped.xy[:, skeleton.LEFT_SHOULDER, 1], 0.3 * 600, rtol=1e-4)


def test_two_people_without_a_common_measure_are_refused(stand) -> None:
    stance = Stance.measure(stand(np.full(9, 800.0), 400))
    track = stand(np.full(9, 800.0), 400)
    with pytest.raises(PersonError, match="no common measure") as caught:
        map_to_target(track, replace(stance, torso=None), replace(stance, ground=None))
    assert "\n" not in str(caught.value)


def test_lateral_travel_scales_with_the_body_where_there_is_room(stand) -> None:
    x = np.linspace(400, 600, 21)
    source = stand(np.full(21, 800.0), 400, x)
    target = Stance.measure(stand(np.full(9, 800.0), 600, x=900, size=Size(1800, 1000)))
    mapped = map_to_target(source, Stance.measure(source), target)
    np.testing.assert_allclose(mapped.xy[:, ANKLES, 0].mean(1), 900 + 1.5 * (x - 500), rtol=1e-5)


def test_travel_shrinks_and_the_body_does_not_in_a_narrow_picture(stand) -> None:
    x = np.linspace(100, 900, 41)
    source = stand(np.full(41, 800.0), 400, x)
    size = Size(400, 1000)
    target = Stance.measure(stand(np.full(9, 800.0), 400, x=200, size=size))
    mapped = map_to_target(source, Stance.measure(source), target)
    shoulders = mapped.xy[:, list(skeleton.SHOULDERS), 0]
    assert shoulders.min() == pytest.approx(0, abs=0.01)
    assert shoulders.max() == pytest.approx(400, abs=0.01)
    np.testing.assert_allclose(_heights(mapped), 400, rtol=1e-5)
    np.testing.assert_allclose(np.diff(mapped.xy[:, ANKLES, 0].mean(1)), (400 - 0.24 * 400) / 40, rtol=1e-3)


def test_whoever_leaves_the_source_picture_may_leave_the_targets(stand) -> None:
    x = np.concatenate([np.full(30, 500.0), np.linspace(500, 1100, 20)])
    source = stand(np.full(50, 800.0), 400, x)
    target = Stance.measure(stand(np.full(9, 800.0), 400))
    mapped = map_to_target(source, Stance.measure(source), target)
    np.testing.assert_allclose(mapped.xy, source.xy, atol=1e-2)


def test_every_joint_moves_alike_and_all_else_stays(stand) -> None:
    track = _walk(stand)
    size = Size(4, 4)
    masks = MaskSequence.from_blobs(size, [np.zeros(0, np.uint8)] * len(track))
    track = replace(track, masks=masks, rate=Fraction(30000, 1001))
    track.xy[3, 100] = np.nan
    track.present[7] = False
    target = Stance.measure(stand(np.full(9, 300.0), 200, size=Size(320, 640), x=160))
    mapped = map_to_target(track, Stance.measure(track), target)
    for name in ("score", "present", "time_s", "world"):
        np.testing.assert_array_equal(getattr(mapped, name), getattr(track, name))
    assert (mapped.size, mapped.rate, mapped.masks) == (Size(320, 640), track.rate, None)
    assert np.isnan(mapped.xy[3, 100]).all()
    for joints in (skeleton.BODY, skeleton.FACE, skeleton.LEFT_HAND, skeleton.RIGHT_HAND):
        before = np.ptp(track.xy[10, joints], axis=0)
        scale = np.ptp(mapped.xy[10], axis=0) / np.ptp(track.xy[10], axis=0)
        np.testing.assert_allclose(np.ptp(mapped.xy[10, joints], axis=0), before * scale, rtol=1e-3)


def test_a_track_of_another_picture_than_its_stance_is_refused(stand) -> None:
    track = stand(np.full(9, 800.0), 400)
    stance = replace(Stance.measure(track), size=Size(10, 10))
    with pytest.raises(ValueError, match="expected the same"):
        map_to_target(track, stance, stance)


def test_an_empty_track_stays_empty(stand) -> None:
    stance = Stance.measure(stand(np.full(9, 800.0), 400))
    assert len(map_to_target(stand(np.zeros(0), 400), stance, stance)) == 0
    assert find_ankle_points(stand(np.zeros(0), 400)).shape == (0, 2)
