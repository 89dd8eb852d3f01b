"""A person turned with the whole picture."""

import re
from fractions import Fraction

import av
import numpy as np
import pytest

from choreograft.errors import PersonError
from choreograft.pose import skeleton
from choreograft.pose.head import check_upright, find_sides, share_of
from choreograft.pose.track import PoseTrack, empty_arrays
from choreograft.video.size import Size


def turned(*degrees: float) -> PoseTrack:
    """Somebody upright, turned clockwise in the picture, one angle a frame; NaN: nobody."""
    arrays = empty_arrays(len(degrees))
    for t, angle in enumerate(np.deg2rad(degrees)):
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        for joints, y in ((skeleton.SHOULDERS, -30), (skeleton.HIPS, 20)):
            arrays["xy"][t, list(joints)] = np.array([[8, y], [-8, y]]) @ turn.T + 100
            arrays["score"][t, list(joints)] = np.isfinite(angle)
    present = np.isfinite(degrees)
    return PoseTrack(Size(200, 200), Fraction(25), np.arange(len(degrees)) / 25, **arrays, present=present)


def test_the_side_of_the_head_is_found() -> None:
    assert find_sides(turned(0, 40, 90, -90, 180, -170, np.nan)).tolist() == [
        "upright", "upright", "right", "left", "down", "down", "",
    ]  # fmt: skip
    assert share_of(turned(0, 90, np.nan, 180), "right", "down") == pytest.approx(2 / 3)
    assert share_of(turned(np.nan), "down") == 0


def test_who_is_upside_down_all_the_time_is_refused_and_who_does_a_handstand_is_not() -> None:
    with pytest.raises(PersonError, match=r"a\.mp4: the person is upside down in 100% of .* by half a turn"):
        check_upright("a.mp4", turned(*[180] * 20))
    assert check_upright("a.mp4", turned(*[180] * 15, *[0] * 5)) is None


@pytest.mark.parametrize(("degrees", "side", "way"), [(-90, "left", "right"), (90, "right", "left")])
def test_who_lies_all_the_time_is_told_of(degrees: float, side: str, way: str) -> None:
    note = check_upright("a.mp4", turned(*[degrees] * 20))
    assert note is not None
    assert f"head to the {side}" in note
    assert f"a quarter turn to the {way}" in note
    assert check_upright("a.mp4", turned(*[0] * 20)) is None


@pytest.mark.parametrize("degrees", [-90, 90, 180])
def test_the_filters_stand_them_up(degrees: float) -> None:
    """By FFmpeg itself, on a picture whose top is white before it is turned."""
    upright = np.zeros((64, 64, 3), np.uint8)
    upright[:16] = 255
    try:
        told = check_upright("a.mp4", turned(*[degrees] * 20))
    except PersonError as error:
        told = str(error)
    filters = re.search(r'"ffmpeg -i IN -vf (\S+) OUT"', told or "")
    assert filters is not None
    picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(np.rot90(upright, round(-degrees / 90))), "rgb24")
    graph = av.filter.Graph()
    parts = [word.partition("=") for word in filters[1].split(",")]
    nodes = [graph.add(name, options or None) for name, _, options in parts]
    graph.link_nodes(graph.add_buffer(width=64, height=64, format="rgb24", time_base=Fraction(1, 25)), *nodes,
                     graph.add("buffersink")).configure()  # fmt: skip
    graph.push(picture)
    np.testing.assert_array_equal(graph.pull().to_ndarray(format="rgb24"), upright)
