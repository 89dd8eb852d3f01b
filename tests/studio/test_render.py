import sys
from dataclasses import replace
from fractions import Fraction
from subprocess import run

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from choreograft.errors import DependencyError
from choreograft.pose import skeleton
from choreograft.pose.track import PoseTrack
from choreograft.studio import render, room
from choreograft.studio.costume import costume_of
from choreograft.studio.filming import RATE_HZ, Camera, find_joints, make_rhythm, true_track
from choreograft.studio.posing import Poses, pose_body
from choreograft.studio.render import SOURCE_TAKE, TARGET_TAKE, Stage, StudioClip, Take, render_clip
from choreograft.studio.routines import calibration
from choreograft.video.read import probe
from choreograft.video.size import Size

Array = NDArray[np.float64]

SMALL = Camera(Size(128, 72), height_m=1.35, distance_m=4.8, view_m=2.3, pitch_deg=6.0)
TAKE = Take("bruno", "dance", "studio", SMALL, seconds=0.4, rate=Fraction(30000, 1001), with_sound=True)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> StudioClip:
    pytest.importorskip("anny", reason="needs the extra 'studio'")
    pytest.importorskip("pyvista", reason="needs the extra 'studio'")
    return render_clip(TAKE, tmp_path_factory.mktemp("clip") / "dance.mp4")


def test_a_clip_has_its_size_rate_length_and_sound(clip: StudioClip) -> None:
    info = probe(clip.video)
    assert info.size == Size(128, 72)
    assert info.rate == Fraction(30000, 1001)
    assert info.has_sound
    assert len(PoseTrack.load(clip.track)) == 12


def test_the_true_track_agrees_with_the_masks_beside_it(clip: StudioClip) -> None:
    track = PoseTrack.load(clip.track)
    assert track.masks is not None
    assert track.present.all()
    for frame in range(len(track)):
        column, row = track.xy[frame, 5:17].astype(int).T
        assert (track.masks[frame][row, column] > 127).all()
    assert (track.score == 1).all()


def test_world_joints_are_centred_between_the_hips_and_in_the_cameras_axes() -> None:
    joints = np.full((1, skeleton.JOINTS, 3), np.nan)
    joints[0, skeleton.LEFT_HIP], joints[0, skeleton.RIGHT_HIP] = [0.1, 0, 1], [-0.1, 0, 1]
    joints[0, skeleton.NOSE] = [0.0, -0.2, 1.6]
    camera = Camera(Size(100, 100), height_m=1.0, distance_m=4.0, view_m=2.0)
    track = true_track(joints, camera, Fraction(25), None)
    assert_allclose(track.world[0, skeleton.NOSE], [0, -0.6, -0.2], atol=1e-6)
    assert_allclose(track.depth[0, skeleton.NOSE], -0.2 * 50, rtol=1e-6)
    assert_allclose(track.xy[0, skeleton.LEFT_HIP], [50 + 5, 50], rtol=1e-6)


def test_a_whole_clip_is_not_rendered_again_and_a_damaged_one_is(
    clip: StudioClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    filmed: list[Take] = []

    def note(take: Take, *_: object) -> None:
        filmed.append(take)

    monkeypatch.setattr(render, "_film", note)
    render_clip(TAKE, clip.video)
    assert filmed == []
    render_clip(replace(TAKE, seconds=0.5), clip.video)
    whole = clip.track.read_bytes()
    clip.track.write_bytes(whole[:-10])
    render_clip(TAKE, clip.video)
    clip.track.write_bytes(whole)
    assert filmed == [replace(TAKE, seconds=0.5), TAKE]


@pytest.mark.parametrize("take", [TARGET_TAKE, SOURCE_TAKE])
def test_the_demos_performers_stay_in_the_frame(take: Take) -> None:
    pytest.importorskip("anny", reason="needs the extra 'studio'")
    body = costume_of(take.performer).body
    motion = render.ROUTINES[take.routine](take.seconds, Fraction(8), 0)
    track = true_track(find_joints(body, pose_body(body, motion)), take.camera, take.rate, None)
    known = track.xy[np.isfinite(track.xy).all(axis=-1)]
    margin = 0.02 * take.camera.size.height
    assert (known > margin).all()
    assert (known < np.asarray(take.camera.size) - margin).all()


def test_the_demos_clips_differ_in_everything_the_transfer_has_to_bridge() -> None:
    assert TARGET_TAKE.performer != SOURCE_TAKE.performer
    assert TARGET_TAKE.camera.size != SOURCE_TAKE.camera.size
    assert TARGET_TAKE.rate != SOURCE_TAKE.rate
    assert TARGET_TAKE.routine != SOURCE_TAKE.routine


def test_the_rhythm_beats_twice_a_second_and_never_clips() -> None:
    sound = make_rhythm(4.0)
    assert len(sound) == 4 * RATE_HZ
    assert np.abs(sound).max() == pytest.approx(0.5)
    loudness = np.square(sound.reshape(-1, RATE_HZ // 10)).mean(axis=1)  # ten values a second
    beats = loudness.reshape(-1, 5)
    assert (beats[:, 0] > 2 * beats[:, 3]).all()


def test_importing_the_studio_loads_neither_body_model_nor_renderer() -> None:
    modules = "choreograft.studio.render, choreograft.body.model, choreograft.studio.room"
    check = f"import sys, {modules}; print([m for m in ('anny', 'pyvista', 'vtk', 'warp') if m in sys.modules])"
    assert run([sys.executable, "-c", check], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyvista", None)
    with pytest.raises(DependencyError, match=r"choreograft\[studio\]"):
        room.import_pyvista()


def test_a_missing_system_library_is_named_with_its_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr(room.ctypes, "CDLL", refuse)
    with pytest.raises(DependencyError, match=r"apt-get install .*libegl1"):
        room.import_pyvista()


def test_a_longer_calibration_is_the_same_moves_at_another_pace() -> None:
    slow, fast = calibration(20.0, Fraction(10)), calibration(10.0, Fraction(20))
    assert_allclose(slow["place"], fast["place"])


def test_a_level_camera_projects_by_the_pinhole_formula() -> None:
    camera = Camera(Size(400, 600), height_m=1.0, distance_m=4.0, view_m=2.0)
    # at the performer's spot 600 px see 2 m; the axis meets it 1 m above the floor
    assert_allclose(camera.project(np.array([0.5, 0.0, 1.25])), [200 + 150, 300 - 75])
    assert_allclose(camera.project(np.array([0.5, 4.0, 1.25])), [200 + 75, 300 - 37.5])


def test_a_camera_that_looks_down_sees_things_higher_in_the_picture() -> None:
    level = Camera(Size(400, 600), height_m=1.0, distance_m=4.0, view_m=2.0)
    down = Camera(Size(400, 600), height_m=1.0, distance_m=4.0, view_m=2.0, pitch_deg=10.0)
    point = np.array([0.2, 0.0, 1.0])
    assert down.project(point)[1] < level.project(point)[1]
    assert_allclose(down.axes @ down.axes.T, np.eye(3), atol=1e-12)


def test_true_joints_lie_on_the_persons_mask(stage: Stage, poses: Poses, joints: Array, camera: Camera) -> None:
    inner = [*range(skeleton.LEFT_SHOULDER, skeleton.RIGHT_ANKLE + 1), skeleton.NOSE, skeleton.LEFT_BIG_TOE]
    for frame in range(0, len(poses), 12):
        _, mask = stage.draw(poses, frame)
        column, row = camera.project(joints[frame, inner]).astype(int).T
        assert (mask[row, column] > 127).all(), frame


def test_the_mask_is_about_as_large_as_a_person(stage: Stage, poses: Poses, joints: Array, camera: Camera) -> None:
    _, mask = stage.draw(poses, 0)
    rows = np.flatnonzero((mask > 127).any(axis=1))
    top, bottom = camera.project(np.array([[0, 0, stage.costume.vertices[:, 2].max()], [0, -0.1, 0.0]]))[:, 1]
    assert abs(rows[0] - top) < 6  # a bun of some centimetres
    assert abs(rows[-1] - bottom) < 4


def test_outside_of_person_and_shadow_the_room_is_untouched(stage: Stage, poses: Poses) -> None:
    picture, mask = stage.draw(poses, 30)
    wall = slice(0, 60)
    away = mask[wall] == 0
    assert_array_equal(picture[wall][away], stage.room[wall][away])
    floor = slice(135, 160)
    shade = stage.room[floor].astype(int) - picture[floor]
    assert shade[mask[floor] == 0].max() > 15


def test_the_same_frame_is_drawn_the_same_twice(stage: Stage, poses: Poses) -> None:
    first, first_mask = stage.draw(poses, 17)
    stage.draw(poses, 40)
    second, second_mask = stage.draw(poses, 17)
    assert_array_equal(first, second)
    assert_array_equal(first_mask, second_mask)


def test_the_shirt_is_yellow_and_the_trousers_are_teal(
    stage: Stage, poses: Poses, joints: Array, camera: Camera
) -> None:
    picture, _ = stage.draw(poses, 0)
    shoulders, hips = joints[0, list(skeleton.SHOULDERS)].mean(0), joints[0, list(skeleton.HIPS)].mean(0)
    thigh = joints[0, [skeleton.LEFT_HIP, skeleton.LEFT_KNEE]].mean(0)
    column, row = camera.project(np.stack([0.75 * shoulders + 0.25 * hips, thigh])).astype(int).T
    chest, leg = picture[row, column].astype(int)
    assert chest[0] > chest[1] > chest[2] + 60
    assert leg[0] + 50 < min(leg[1], leg[2])
