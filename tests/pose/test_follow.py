"""People are told apart by where they are going, how big they are and what they wear."""

import numpy as np
import pytest

from choreograft.errors import OptionError, PersonError
from choreograft.pose import skeleton
from choreograft.pose.follow import Sighting, find_strands, follow_person, sight
from choreograft.pose.track import Person

RED, BLUE, GREY = (0.8, 0.1, 0.1), (0.1, 0.1, 0.8), (0.5, 0.5, 0.5)
RATE = 25.0
FIGURE = np.array(
    [
        (0, -0.5), (0.03, -0.52), (-0.03, -0.52), (0.06, -0.5), (-0.06, -0.5),
        (0.12, -0.35), (-0.12, -0.35), (0.18, -0.15), (-0.18, -0.15), (0.2, 0.0), (-0.2, 0.0),
        (0.08, 0.0), (-0.08, 0.0), (0.08, 0.25), (-0.08, 0.25), (0.08, 0.5), (-0.08, 0.5),
    ]
)  # fmt: skip
"""A standing person of height 1 around the hips, (17, 2)."""


UNKNOWN = np.full((4, 3), np.nan, np.float32)
HALL, STREET = np.full((4, 3), 0.3, np.float32), np.full((4, 3), 0.7, np.float32)
"""What two places look like, coarsely."""


def figure(
    x: float, y: float = 300, height_px: float = 200, colour=GREY, score: float = 0.95, shape=FIGURE, scene=UNKNOWN
) -> Sighting:
    joints = (shape * height_px + (x, y)).astype(np.float32)
    fill = (height_px / 600) ** 2
    return Sighting(joints, score, fill=fill, colours=np.tile(np.float32(colour), (3, 1)), scene=scene)


def times(frames: int) -> list[float]:
    return [frame / RATE for frame in range(frames)]


def test_one_person_alone_is_followed_through_every_frame() -> None:
    clip = [[figure(100 + 4 * t)] for t in range(50)]
    assert follow_person(clip, times(50)) == [0] * 50


def test_an_empty_frame_is_an_absence_and_not_a_pose() -> None:
    clip = [[figure(100)] if t not in (7, 8, 20) else [] for t in range(30)]
    assert follow_person(clip, times(30)) == [None if t in (7, 8, 20) else 0 for t in range(30)]


@pytest.mark.parametrize("colours", [(RED, BLUE), (GREY, GREY)])
def test_two_people_who_walk_through_each_other_keep_who_they_are(colours: tuple) -> None:
    """They are listed left to right, so that the first becomes the second of its frame half way."""
    clip, truth = [], []
    for t in range(80):
        people = sorted([(100 + 6 * t, 0), (580 - 6 * t, 1)])
        clip.append([figure(x, height_px=(220, 200)[who], colour=colours[who]) for x, who in people])
        truth.append([who for _, who in people].index(0))
    assert follow_person(clip, times(80)) == truth


def test_a_person_hidden_behind_a_passer_by_is_found_again() -> None:
    clip, truth = [], []
    for t in range(100):
        passing = figure(-100 + 8 * t, height_px=180, colour=RED)
        hidden = abs(-100 + 8 * t - 300) < 60
        clip.append([passing] if hidden else [passing, figure(300, height_px=260, colour=BLUE)])
        truth.append(None if hidden else 1)
    assert follow_person(clip, times(100)) == truth


def test_a_dancer_who_leaves_and_comes_back_on_the_other_side_is_one_person() -> None:
    clip = [[figure(600 + 10 * t, colour=RED)] for t in range(20)]
    clip += [[] for _ in range(100)]
    clip += [[figure(0 + 10 * t, colour=RED)] for t in range(20)]
    assert [index is not None for index in follow_person(clip, times(140))] == [len(people) > 0 for people in clip]


def test_somebody_in_other_clothes_who_comes_in_afterwards_is_another_person() -> None:
    clip = [[figure(300, colour=RED)] for _ in range(30)] + [[] for _ in range(40)]
    clip += [[figure(300, colour=BLUE)] for _ in range(20)]
    assert follow_person(clip, times(90)) == [0] * 30 + [None] * 60
    assert follow_person(clip, times(90), person=2) == [None] * 70 + [0] * 20


def test_a_cut_to_another_framing_keeps_both_people_by_their_clothes() -> None:
    clip = [[figure(100, colour=RED), figure(400, colour=BLUE, height_px=190)] for _ in range(25)]
    clip += [[figure(150, colour=BLUE, height_px=210), figure(450, colour=RED, height_px=230)] for _ in range(25)]
    assert follow_person(clip, times(50)) == [0] * 25 + [1] * 25


def test_at_five_frames_a_second_large_steps_are_still_the_same_person() -> None:
    xs = [300, 380, 450, 380, 300, 230, 150, 230]
    clip = [[figure(x, 300 + 40 * (t % 2))] for t, x in enumerate(xs)]
    assert follow_person(clip, [t / 5 for t in range(len(xs))]) == [0] * len(xs)


def test_people_are_counted_by_how_much_of_the_clip_they_fill() -> None:
    small_and_long = [figure(100, height_px=100, colour=RED) for _ in range(60)]
    large_and_short = [figure(400, height_px=300, colour=BLUE) for _ in range(30)]
    clip = [[small, *large_and_short[t : t + 1]] for t, small in enumerate(small_and_long)]
    assert follow_person(clip, times(60), person=1) == [1] * 30 + [None] * 30
    assert follow_person(clip, times(60), person=2) == [0] * 60


def test_finds_that_never_look_sure_are_nobody() -> None:
    clip = [[figure(100, score=0.65), figure(400, score=0.9)] for _ in range(20)]
    assert len(find_strands(clip, times(20), min_score=0.72)) == 1
    assert follow_person(clip, times(20), min_score=0.72) == [1] * 20


def test_a_number_beyond_the_people_found_says_how_many_there_are() -> None:
    clip = [[figure(100), figure(400)] for _ in range(10)]
    with pytest.raises(PersonError, match="found 2 people, expected at least 3"):
        follow_person(clip, times(10), person=3)
    with pytest.raises(PersonError, match="found nobody"):
        follow_person([[] for _ in range(10)], times(10))
    with pytest.raises(OptionError, match="counted from 1"):
        follow_person(clip, times(10), person=0)


def test_a_sighting_knows_score_size_and_colours_of_its_person() -> None:
    image = np.zeros((600, 800, 3), np.uint8)
    image[:, :400] = (255, 0, 0)
    xy = np.full((skeleton.JOINTS, 2), np.nan, np.float32)
    score = np.zeros(skeleton.JOINTS, np.float32)
    xy[skeleton.BODY], score[skeleton.BODY] = FIGURE * 200 + (200, 300), 0.9
    score[skeleton.LEFT_WRIST] = 0.1
    empty = np.full((skeleton.JOINTS, 3), np.nan, np.float32)
    seen = sight(Person(xy, score, empty[:, 0], empty), image)
    assert seen is not None
    assert seen.size_px == pytest.approx(1.02 * 200, rel=1e-3)
    assert seen.score == pytest.approx((11 * 0.9 + 0.1) / 12)
    np.testing.assert_allclose(seen.colours, np.tile([1, 0, 0], (3, 1)), atol=1e-6)
    assert np.isnan(seen.joints[skeleton.LEFT_WRIST]).all()
    assert sight(Person(xy, np.zeros_like(score), empty[:, 0], empty), image) is None


def _shown(frame: int, hidden: range, dancer: Sighting, other: Sighting) -> list[Sighting]:
    """What an estimator that finds one person at a time makes of a frame: the other one while the dancer is lost."""
    return [other if frame in hidden else dancer]


@pytest.mark.parametrize("aside_px", [80, 110, 300])
@pytest.mark.parametrize("lost", [range(40, 52), range(40, 80)], ids=["briefly", "for longer"])
def test_a_mirror_image_is_not_taken_for_the_dancer_while_they_are_lost(aside_px: float, lost: range) -> None:
    """Same size, same clothes, the sides exchanged, just beside the dancer or far from them."""
    mirrored = FIGURE * (-1, 1)
    clip = [
        _shown(t, lost, figure(300 + t % 3), figure(300 + aside_px, shape=mirrored, scene=HALL)) for t in range(120)
    ]
    assert follow_person(clip, times(120)) == [None if t in lost else 0 for t in range(120)]


@pytest.mark.parametrize("colour", [(0.35, 0.35, 0.35), (0.1, 0.1, 0.1)])
def test_a_shadow_on_the_floor_is_not_taken_for_the_dancer(colour: tuple) -> None:
    """It hangs from the dancer's feet upside down, darker than they are and shorter."""
    fallen = FIGURE * (1, -0.8) + (0.25, 0.9)
    lost = range(40, 55)
    clip = [_shown(t, lost, figure(300), figure(300, colour=colour, shape=fallen, score=0.8)) for t in range(100)]
    assert follow_person(clip, times(100)) == [None if t in lost else 0 for t in range(100)]


def test_a_double_who_comes_up_while_the_dancer_is_lost_stays_somebody_else() -> None:
    clip, truth = [], []
    for t in range(120):
        double = [figure(410, height_px=190)] if t >= 45 else []
        dancer = [] if 40 <= t < 60 else [figure(300)]
        clip.append(double + dancer)
        truth.append(len(double) if dancer else None)
    assert follow_person(clip, times(120)) == truth


def test_whoever_is_found_elsewhere_in_the_same_scene_at_once_is_not_the_dancer() -> None:
    """The dancer leaves for good, and the estimator goes on with their mirror image; a cut is another matter."""
    for scene, same in ((HALL, False), (STREET, True)):
        clip = [[figure(200, colour=RED, scene=HALL)] for _ in range(60)]
        clip += [[figure(500, colour=RED, scene=scene)] for _ in range(40)]
        assert follow_person(clip, times(100)) == [0] * 60 + [0 if same else None] * 40


def test_a_dancer_whose_light_changes_at_once_is_still_the_dancer() -> None:
    clip = [[figure(200 + 4 * t, colour=RED if t < 30 else BLUE)] for t in range(60)]
    assert follow_person(clip, times(60)) == [0] * 60


def test_a_leap_is_still_the_dancer() -> None:
    clip = [[figure(200 + 15 * t, 300 - 60 * abs(np.sin(t / 4)))] for t in range(40)]
    assert follow_person(clip, times(40)) == [0] * 40


def test_a_sighting_knows_the_scene_by_its_coarse_colours() -> None:
    xy = np.full((skeleton.JOINTS, 2), np.nan, np.float32)
    score = np.zeros(skeleton.JOINTS, np.float32)
    xy[skeleton.BODY], score[skeleton.BODY] = FIGURE * 200 + (200, 300), 0.9
    empty = np.full((skeleton.JOINTS, 3), np.nan, np.float32)
    seen = sight(Person(xy, score, empty[:, 0], empty), np.full((600, 800, 3), 51, np.uint8))
    assert seen is not None
    np.testing.assert_allclose(seen.scene, 0.2, atol=1e-6)
