"""Bodies drawn over pictures, previews and sheets of them."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from choreograft.body.body_track import BodyTrack, FloorCamera
from choreograft.body.rig import JOINTS
from choreograft.body.shape import MEAN_SHAPE
from choreograft.body.surface import Mesh, SurfaceMap, render_surface
from choreograft.pose import skeleton
from choreograft.render import preview
from choreograft.render.preview import (
    BACK,
    FRONT,
    LEFT,
    RIGHT,
    BodyPainter,
    choose_columns,
    draw_body,
    estimate_target_plate,
    render_body_overlay,
    render_on_plate,
    save_overlay_sheet,
    write_preview,
)
from choreograft.video.read import probe, read_frames
from choreograft.video.size import GAP_PX, Size
from plain_surface import make_wall
from swaying import draw_target, swaying_track, without_masks, write_target

SIZE, RATE, FRAMES = Size(96, 128), Fraction(24), 4
STAGE = FloorCamera(Size(128, 128), 190.0, 1.1, 3.0)
GREY = 90


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Previews of 64 px and sheets of three columns."""
    monkeypatch.setattr(preview, "HEIGHT_PX", 64)
    monkeypatch.setattr(preview, "COLUMNS", 3)


@pytest.fixture(scope="module")
def walker() -> BodyTrack:
    """A body that stands still 4 m away, turned about from the third frame on, and is gone in the last."""
    root = np.tile(np.eye(3, dtype=np.float32), (FRAMES, 1, 1))
    root[2:] = np.diag([-1, -1, 1])
    hips = float(MEAN_SHAPE.build().heads[0, 2])
    return BodyTrack(
        MEAN_SHAPE, FloorCamera(SIZE, 190.0, 0.9), RATE, np.arange(FRAMES) / 24, np.arange(FRAMES) < FRAMES - 1, root,
        np.tile(np.array([0.15, 4.0, hips], np.float32), (FRAMES, 1)),
        np.zeros((FRAMES, len(JOINTS), 3), np.float32), np.ones((FRAMES, 2), np.bool_),
    )  # fmt: skip


@pytest.fixture(scope="module")
def painter() -> BodyPainter:
    return BodyPainter.of(MEAN_SHAPE)


@pytest.fixture
def source(make_clip: Callable[..., Path]) -> Path:
    return make_clip("source.mp4", [plain(SIZE)] * FRAMES, rate=RATE, tone={"onset_s": 0.0, "end_s": FRAMES / 24})


def plain(size: Size, level: int = GREY) -> NDArray[np.uint8]:
    return np.full((size.height, size.width, 3), level, np.uint8)


def wall(tilt: float = 0.0, samples: int = 1) -> SurfaceMap:
    """A wall 2 m away over the middle of a picture of 16 x 16; `tilt` lowers its face to the ground."""
    vertices, faces = make_wall(1.0, 1.0)
    turn = np.array([[1, 0, 0], [0, np.cos(tilt), np.sin(tilt)], [0, -np.sin(tilt), np.cos(tilt)]])
    mesh = Mesh.build(faces, np.zeros(len(faces)), len(vertices))
    return render_surface(vertices @ turn + [0, 0, 2.0], mesh, 16.0 * samples, Size(16 * samples, 16 * samples))


def colour_at(picture: NDArray[np.uint8], xy: NDArray[np.floating]) -> NDArray[np.int64]:
    x, y = np.floor(xy).astype(int)
    return picture[y, x].astype(np.int64)


def middle_of(track: BodyTrack, camera: FloorCamera, t: int, *joints: int) -> NDArray[np.float64]:
    return np.asarray(camera.project(track.points[t, list(joints)]).mean(0))


def test_opacity_says_how_much_of_the_picture_is_left() -> None:
    picture, surface = plain(Size(16, 16)), wall()
    colours = np.full((len(surface.mesh.faces), 3), 200, np.float32)
    drawn = {opacity: draw_body(picture, surface, colours, opacity).astype(float) for opacity in (0.0, 0.5, 1.0)}
    covered = surface.covered.numpy()
    assert 0 < covered.sum() < covered.size
    assert_array_equal(drawn[0.0], picture)
    assert_array_equal(drawn[1.0][~covered], GREY)
    assert (drawn[1.0][covered] != GREY).all()
    assert_allclose(drawn[0.5], (drawn[0.0] + drawn[1.0]) / 2, atol=0.5)


def test_what_faces_the_light_is_brighter_as_the_cosine_says() -> None:
    levels = []
    for tilt in (-0.4, 0.0, 0.4):
        surface = wall(tilt)
        drawn = draw_body(plain(Size(16, 16)), surface, np.full((len(surface.mesh.faces), 3), 100, np.float32), 1.0)
        levels.append(float(drawn[8, 8].mean()))
    assert 100 > levels[0] > levels[1] > levels[2]  # the light comes from above
    # Lambert: the mean of both tilts is the upright wall dimmed by the cosine of the tilt
    ambient = 35.0
    assert (levels[0] + levels[2]) / 2 - ambient == pytest.approx((levels[1] - ambient) * np.cos(0.4), abs=1)


def test_a_pixel_that_is_covered_in_part_is_coloured_in_part() -> None:
    coarse, fine = wall(samples=1), wall(samples=8)
    assert_array_equal(fine.covered.numpy()[::8, ::8].shape, coarse.covered.numpy().shape)
    colours = np.full((len(fine.mesh.faces), 3), 200, np.float32)
    share = fine.covered.numpy().reshape(16, 8, 16, 8).mean((1, 3))[..., None]
    full = draw_body(plain(Size(16, 16)), fine, colours, 1.0)
    inside = full[8, 8].astype(float)
    assert_allclose(full, GREY + share * (inside - GREY), atol=1)


def test_a_surface_that_does_not_fit_the_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="whole multiple of the picture's 15x16"):
        draw_body(plain(Size(15, 16)), wall(), np.zeros((1, 3), np.float32), 1.0)


def test_left_right_and_back_have_colours_of_their_own(walker: BodyTrack, painter: BodyPainter) -> None:
    ahead, turned = (
        painter.draw(plain(SIZE, 0), vertices, walker.camera) for vertices in walker.skin(np.array([0, 2]))
    )
    for t, picture, trunk in ((0, ahead, FRONT), (2, turned, BACK)):
        joints = {
            LEFT: (skeleton.LEFT_HIP, skeleton.LEFT_KNEE),
            RIGHT: (skeleton.RIGHT_HIP, skeleton.RIGHT_KNEE),
            trunk: (*skeleton.HIPS, *skeleton.SHOULDERS),
        }
        for colour, between in joints.items():
            found = colour_at(picture, middle_of(walker, walker.camera, t, *between))
            brightness = found.sum() / sum(colour)
            assert 0.3 < brightness <= 1
            assert_allclose(found, np.array(colour) * brightness, atol=4)


def test_the_body_is_drawn_where_its_camera_sees_it_at_any_size(walker: BodyTrack, painter: BodyPainter) -> None:
    vertices = next(walker.skin(np.array([0])))
    for size in (SIZE, Size(48, 64), Size(192, 256)):
        drawn = (painter.draw(plain(size, 0), vertices, walker.camera) > 60).any(-1)
        y, x = np.nonzero(drawn)
        seen = walker.camera.project(vertices.astype(np.float64)) * (size.width / SIZE.width)
        box = [x.min(), y.min(), x.max() + 1, y.max() + 1]
        assert_allclose(box, [*seen.min(0), *seen.max(0)], atol=1.5)


def test_a_preview_has_the_sources_frames_times_and_sound(walker: BodyTrack, source: Path, tmp_path: Path) -> None:
    result = replace(walker, camera=STAGE)
    write_preview(source, walker, result, plain(STAGE.size, 200), tmp_path / "preview.mp4")
    info, frames = probe(tmp_path / "preview.mp4"), list(read_frames(tmp_path / "preview.mp4"))
    assert (info.size, info.rate, info.has_sound) == (Size(48 + 64, 64), RATE, True)
    assert [frame.time for frame in frames] == [frame.time for frame in read_frames(source)]
    left, right = frames[0].image[:, :48], frames[0].image[:, 48:]
    hips = (*skeleton.HIPS, *skeleton.SHOULDERS)
    assert colour_at(left, middle_of(walker, walker.camera, 0, *hips) / 2).mean() > GREY + 30
    assert colour_at(right, middle_of(walker, STAGE, 0, *hips) / 2).mean() < 190
    knee = (skeleton.LEFT_HIP, skeleton.LEFT_KNEE)
    red, _, blue = colour_at(right, middle_of(walker, STAGE, 0, *knee) / 2)
    assert blue > red + 40
    gone = frames[-1].image.astype(int)  # nobody is there: the picture and the plate as they are
    assert np.abs(gone[:, :46] - GREY).max() <= 4
    assert np.abs(gone[:, 50:] - 200).max() <= 4


def test_a_sheet_has_a_row_for_source_target_and_result(walker: BodyTrack, source: Path, tmp_path: Path) -> None:
    result, plate = replace(walker, camera=STAGE), plain(STAGE.size)
    for name, target, rows in (("three", (source, walker), 3), ("two", None, 2)):
        save_overlay_sheet(tmp_path / f"{name}.png", (source, walker), target, result, plate)
        sheet = cv2.imread(str(tmp_path / f"{name}.png"))
        assert sheet.shape[:2] == (rows * 64 + (rows - 1) * GAP_PX, 3 * 64 + 2 * GAP_PX)
    shown = render_body_overlay(source, walker)
    assert [picture.shape for picture in shown] == [(64, 48, 3)] * 3
    assert (shown[0] != shown[2]).any()  # front and back
    assert_array_equal(render_on_plate(result, plate, np.array([3]))[0], plain(Size(64, 64)))


def test_a_sheet_shows_frames_with_the_person_in_them(walker: BodyTrack, monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose_columns(walker).tolist() == [0, 1, 2]
    assert choose_columns(replace(walker, present=np.zeros(FRAMES, np.bool_))).tolist() == [0, 2, 3]
    monkeypatch.setattr(preview, "COLUMNS", 2)
    assert choose_columns(walker).tolist() == [0, 2]
    monkeypatch.setattr(preview, "LOOKED_AT_S", 1.5 / 24)
    assert choose_columns(walker).tolist() == [0, 1]


def test_a_targets_plate_is_its_picture_without_the_person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview, "HEIGHT_PX", 48)
    clip = write_target(tmp_path / "target.mp4", swaying_track(24))
    plate = estimate_target_plate(clip.path, clip.track)
    empty, _ = draw_target(np.zeros((133, 2)), present=False)
    assert plate.shape == (48, 32, 3)
    assert np.abs(plate.astype(int) - empty[::2, ::2]).max() <= 12


def test_frames_whose_mask_is_unknown_are_no_background(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview, "HEIGHT_PX", 48)
    track = without_masks(swaying_track(24), [t for t in range(24) if t % 8])  # the person stands in 21 of 24 for good
    clip = write_target(tmp_path / "target.mp4", track)
    plate = estimate_target_plate(clip.path, clip.track)
    empty, _ = draw_target(np.zeros((133, 2)), present=False)
    assert np.abs(plate.astype(int) - empty[::2, ::2]).max() <= 20
    left_out = replace(clip.track, present=np.arange(24) % 8 == 0)  # the person stands in the others as well
    same = estimate_target_plate(clip.path, left_out, absent_is_empty=False)
    assert_array_equal(same, plate)
    unknown = without_masks(track, range(24))
    assert estimate_target_plate(clip.path, unknown).shape == plate.shape
