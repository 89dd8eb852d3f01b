"""A track: what it accepts, how it is cut, moved and stored."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from choreograft.errors import FileFormatError
from choreograft.pose import skeleton
from choreograft.pose.track import MaskSequence, PoseTrack, empty_arrays
from choreograft.video.size import Size

FIELDS = ("time_s", "xy", "score", "depth", "world", "present")


def _with_masks(track: PoseTrack) -> PoseTrack:
    size = Size(8, 6)
    blobs = [MaskSequence.pack(np.full((6, 8), t, np.uint8), size) for t in range(len(track))]
    return replace(track, masks=MaskSequence.from_blobs(size, blobs))


def test_a_saved_track_loads_bit_for_bit(make_track, tmp_path: Path) -> None:
    track = _with_masks(make_track(frames=5, fps=30000 / 1001))
    track.xy[2, 3] = np.nan
    track.save(tmp_path / "a.npz")
    loaded = PoseTrack.load(tmp_path / "a.npz")
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(loaded, name), getattr(track, name))
    assert (loaded.size, loaded.rate) == (track.size, track.rate)
    assert str(loaded.rate) == "30000/1001"
    assert [int(loaded.masks[t].max()) for t in range(5)] == [0, 1, 2, 3, 4]


def test_shots_and_views_are_kept_and_an_older_file_has_one(make_track, tmp_path: Path) -> None:
    shot, view = np.array([0, 0, 1, 2, 2], np.int32), np.array([0, 0, 0, 1, 1], np.int32)
    track = replace(make_track(frames=5), shot=shot, view=view)
    track.save(tmp_path / "a.npz")
    for other in (
        PoseTrack.load(tmp_path / "a.npz"),
        track.on_canvas(Size(32, 24)),
        replace(track, time_s=np.arange(5.0)),
    ):
        assert (other.shot.tolist(), other.view.tolist()) == (shot.tolist(), view.tolist())
    part = track.select([1, 2, 4])
    assert (part.shot.tolist(), part.view.tolist()) == ([0, 1, 2], [0, 0, 1])
    older = {name: array for name, array in np.load(tmp_path / "a.npz").items() if name not in ("shot", "view")}
    np.savez(tmp_path / "b.npz", **older)
    loaded = PoseTrack.load(tmp_path / "b.npz")
    assert loaded.shot.tolist() == loaded.view.tolist() == [0] * 5


def test_a_frame_follows_the_one_before_it_unless_a_cut_or_a_gap_lies_between(make_track) -> None:
    time_s = np.array([0, 1, 2, 3, 5, 6]) / 25
    track = replace(make_track(frames=6, time_s=time_s), shot=np.array([0, 0, 1, 1, 1, 1], np.int32))
    assert track.follows.tolist() == [False, True, False, True, False, True]
    assert len(track.select([]).follows) == 0


def test_a_track_without_masks_stays_without(make_track, tmp_path: Path) -> None:
    make_track(frames=2).save(tmp_path / "a.npz")
    assert PoseTrack.load(tmp_path / "a.npz").masks is None


@pytest.mark.parametrize("damage", ["text", "truncated", "foreign", "version", "missing"])
def test_a_file_that_is_no_track_is_refused_in_one_line(make_track, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "a.npz"
    make_track(frames=3).save(path)
    if damage == "text":
        path.write_text("hello")
    elif damage == "truncated":
        path.write_bytes(path.read_bytes()[:200])
    elif damage == "foreign":
        np.savez(path, numbers=np.arange(3))
    elif damage == "missing":
        path.unlink()
    else:
        content = dict(np.load(path))
        header = json.loads(bytes(content["header"])) | {"version": 99}
        np.savez(path, **content | {"header": np.frombuffer(json.dumps(header).encode(), np.uint8)})
    with pytest.raises(FileFormatError, match="expected a choreograft-track file") as caught:
        PoseTrack.load(path)
    assert "\n" not in str(caught.value)


def test_arrays_of_the_wrong_shape_are_refused(make_track) -> None:
    track = make_track(frames=4)
    with pytest.raises(ValueError, match="score has shape"):
        replace(track, score=track.score[:, :17])
    with pytest.raises(ValueError, match="3 masks"):
        replace(track, masks=_with_masks(make_track(frames=3)).masks)


def test_only_confident_finite_joints_of_present_frames_are_seen(make_track) -> None:
    track = make_track(frames=3)
    track.score[:] = 0.5
    track.present[1] = False
    track.xy[0, 4] = np.nan
    track.score[2, 7] = 0.1
    expected = np.ones((3, skeleton.JOINTS), bool)
    expected[1] = False
    expected[0, 4] = expected[2, 7] = False
    np.testing.assert_array_equal(track.seen(0.5), expected)


def test_the_frame_ends_at_its_size_and_a_margin_widens_it(make_track) -> None:
    track = make_track(frames=1, size=Size(100, 50))
    track.xy[0, :5] = [(0, 0), (100, 50), (100.5, 20), (50, -2), (np.nan, 1)]
    assert track.in_frame()[0, :5].tolist() == [True, True, False, False, False]
    assert track.in_frame(margin=0.04)[0, :5].tolist() == [True, True, True, True, False]


def test_on_a_canvas_points_and_depth_scale_together(make_track) -> None:
    track = make_track(frames=2, size=Size(100, 200))
    canvas = track.on_canvas(Size(50, 100))
    np.testing.assert_allclose(canvas.xy, track.xy / 2, rtol=1e-6)
    np.testing.assert_allclose(canvas.depth, track.depth / 2, rtol=1e-6)
    np.testing.assert_array_equal(canvas.world, track.world)
    wide = track.on_canvas(Size(300, 100))  # contained: 50 px wide, in the middle
    np.testing.assert_allclose(wide.xy, track.xy / 2 + (125, 0), rtol=1e-6)


def test_selected_frames_keep_times_and_masks(make_track) -> None:
    track = _with_masks(make_track(frames=6))
    part = track.select([1, 4])
    np.testing.assert_array_equal(part.time_s, track.time_s[[1, 4]])
    np.testing.assert_array_equal(part.xy, track.xy[[1, 4]])
    assert [int(part.masks[t].max()) for t in range(2)] == [1, 4]


def test_empty_arrays_hold_nothing_seen() -> None:
    arrays = empty_arrays(3)
    assert np.isnan(arrays["xy"]).all()
    assert np.isnan(arrays["world"]).all()
    assert not arrays["score"].any()
