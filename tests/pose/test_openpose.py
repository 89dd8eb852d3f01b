"""OpenPose's files against places written down by hand, and back: what is refused, and how it is said."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from choreograft.cli import main
from choreograft.errors import FileFormatError, OptionError, OutputError, PersonError
from choreograft.pose import skeleton
from choreograft.pose.openpose import write_openpose
from choreograft.pose.openpose_files import check_keypoint_folder, read_keypoint_files
from choreograft.pose.track import PoseTrack
from choreograft.pose.tracking import Tracker
from standing import FRAMES, LAYOUTS, STANDING, Blind, body, read_alone, write_frames
from swaying import SIZE, swaying_track


def coco_name(openpose_name: str) -> str:
    """LBigToe: left_big_toe."""
    words = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in openpose_name).strip("_")
    return words.replace("r_", "right_", 1) if words.startswith("r_") else words.replace("l_", "left_", 1)


@pytest.mark.parametrize("points", LAYOUTS)
@pytest.mark.parametrize("suffix", ["_2d", ""])
def test_every_body_point_becomes_the_joint_of_its_name(tmp_path, video, points, suffix) -> None:
    folder = write_frames(tmp_path / "k", [[{f"pose_keypoints{suffix}": body(points)}]] * FRAMES)
    track = read_alone(folder, video)
    expected = {coco_name(name): STANDING[name] for name in LAYOUTS[points] if name not in ("Neck", "MidHip")}
    seen = {skeleton.NAMES[j]: track.xy[2, j] - 0.5 for j in np.flatnonzero(track.score[2])}
    assert {name: tuple(xy) for name, xy in seen.items()} == expected
    assert set(track.score[2][track.score[2] > 0]) == {0.75}
    assert np.isnan(track.xy[2][track.score[2] == 0]).all()


def test_size_rate_and_times_are_those_of_the_video(video, keypoints) -> None:
    track = read_alone(keypoints, video)
    assert (track.size, track.rate, track.masked.any()) == (SIZE, 24, False)
    np.testing.assert_allclose(track.time_s, np.arange(FRAMES) / 24)
    assert np.isnan(track.depth).all()
    assert np.isnan(track.world).all()


def test_face_and_hands_keep_their_order_and_pupils_are_dropped(tmp_path, video) -> None:
    person = {
        "pose_keypoints_2d": body(),
        "face_keypoints_2d": [value for n in range(70) for value in (n / 4, 20, 0.5)],
        "hand_left_keypoints_2d": [value for n in range(21) for value in (40, 40 + n, 0.25 if n else 1.05)],
        "hand_right_keypoints_2d": [0, 0, 0] + [value for n in range(1, 21) for value in (20, 40 + n, 0.25)],
    }
    track = read_alone(write_frames(tmp_path / "k", [[person]] * FRAMES), video)
    np.testing.assert_allclose(track.xy[0, skeleton.FACE, 0], np.arange(68) / 4 + 0.5)
    np.testing.assert_allclose(track.xy[0, skeleton.LEFT_HAND, 1], np.arange(21) + 40.5)
    np.testing.assert_allclose(track.xy[0, skeleton.RIGHT_HAND, 1], [np.nan, *(np.arange(1, 21) + 40.5)])
    assert track.score[0, skeleton.LEFT_HAND][:2].tolist() == [1, 0.25]
    assert track.score[0, skeleton.RIGHT_HAND][:2].tolist() == [0, 0.25]


def test_an_unseen_joint_is_nan_and_an_empty_frame_is_an_absence(tmp_path, video) -> None:
    without_nose = [0, 0, 0, *body()[3:]]
    frames = [[{"pose_keypoints_2d": without_nose}]] * FRAMES
    frames[3] = []
    frames[4] = [{"pose_keypoints_2d": [0] * 75, "face_keypoints_2d": []}]
    track = read_alone(write_frames(tmp_path / "k", frames), video)
    assert track.present.tolist() == [True, True, True, False, False, True]
    assert np.isnan(track.xy[:, skeleton.NOSE]).all()
    assert np.isnan(track.xy[3:5]).all()
    assert track.score[3:5].max() == track.score[:, skeleton.NOSE].max() == 0


def test_matrices_of_old_releases_are_read(tmp_path, video) -> None:
    """The shape and layout of files as they came with Everybody Dance Now, numbers of two frames."""
    numbers = ", ".join(f"{value:.8e}" for value in body(23))
    text = f"%YAML:1.0\npose_0: !!opencv-nd-matrix\n   sizes: [ 1, 23, 3 ]\n   dt: f\n   data: [ {numbers} ]\n"
    folder = tmp_path / "k"
    folder.mkdir()
    for t in range(FRAMES):
        (folder / f"frame{t + 8:06d}_pose.yml").write_text(text)
    (folder / "frame000009_pose.yml").write_text("%YAML:1.0\n---\n")
    hand = np.stack([np.full(21, 40), np.arange(21) + 30, np.full(21, 0.5)], axis=-1).astype(np.float32)
    storage = cv2.FileStorage(str(folder / "frame000010_hand_left.yml"), cv2.FILE_STORAGE_WRITE)
    storage.write("hand_left_0", hand[None])
    storage.release()
    track = read_alone(folder, video)
    assert track.present.tolist() == [True, False, True, True, True, True]
    assert track.xy[0, skeleton.NOSE].tolist() == [30.5, 16.5]
    assert track.xy[0, skeleton.LEFT_SMALL_TOE].tolist() == [38.5, 90.5]
    assert track.score[0, skeleton.LEFT_HEEL] == 0
    np.testing.assert_allclose(track.xy[2, skeleton.LEFT_HAND, 1], np.arange(21) + 30.5)
    assert track.score[3, skeleton.LEFT_HAND].max() == 0


def test_frames_are_ordered_by_number_and_not_by_name(tmp_path, video) -> None:
    folder = tmp_path / "k"
    folder.mkdir()
    for t in range(FRAMES):
        text = json.dumps({"people": [{"pose_keypoints_2d": body(shift=t)}]})
        (folder / f"clip_{t + 7}_keypoints.json").write_text(text)
    np.testing.assert_allclose(read_alone(folder, video).xy[:, skeleton.NOSE, 0], 30.5 + np.arange(FRAMES))


@pytest.mark.parametrize("name", ["PoseKeypoint_00001.json", "all_keypoints.json"])
@pytest.mark.parametrize("is_named", [False, True])
def test_one_file_may_hold_a_list_of_all_frames(tmp_path, video, name, is_named) -> None:
    frames = [{"people": [{"pose_keypoints_2d": body(shift=t)}]} for t in range(FRAMES)]
    (tmp_path / "k").mkdir()
    (tmp_path / "k" / name).write_text(json.dumps(frames))
    track = read_alone(tmp_path / "k" / name if is_named else tmp_path / "k", video)
    np.testing.assert_allclose(track.xy[:, skeleton.NOSE, 0], 30.5 + np.arange(FRAMES))


def test_files_of_other_names_are_read_where_none_has_openpose_s(tmp_path, video) -> None:
    (tmp_path / "k").mkdir()
    for t in range(FRAMES):
        frame = {"people": [{"pose_keypoints_2d": body(shift=t)}]}
        (tmp_path / "k" / f"pose_{t}.json").write_text(json.dumps([frame] if t % 2 else frame))
    np.testing.assert_allclose(read_alone(tmp_path / "k", video).xy[:, skeleton.NOSE, 0], 30.5 + np.arange(FRAMES))


def test_null_parts_and_faces_without_pupils_are_read(tmp_path, video) -> None:
    face = [value for n in range(68) for value in (n / 4, 20, 0.5)]
    person = {"pose_keypoints_2d": body(18), "face_keypoints_2d": face, "hand_left_keypoints_2d": None}
    nobody = {"pose_keypoints_2d": None, "face_keypoints_2d": None}
    track = read_alone(write_frames(tmp_path / "k", [[person]] * (FRAMES - 1) + [[nobody]]), video)
    np.testing.assert_allclose(track.xy[0, skeleton.FACE, 0], np.arange(68) / 4 + 0.5)
    assert track.score[:, skeleton.LEFT_HAND].max() == 0
    assert track.present.tolist() == [True] * (FRAMES - 1) + [False]


@pytest.mark.parametrize("is_nested", [False, True])
@pytest.mark.parametrize("points", LAYOUTS)
def test_points_without_scores_are_seen_unless_they_lie_at_zero(tmp_path, video, points, is_nested) -> None:
    pairs = [[0, 0] if name == "REye" else list(STANDING[name]) for name in LAYOUTS[points]]
    values = pairs if is_nested else np.ravel(pairs).tolist()
    track = read_alone(write_frames(tmp_path / "k", [[{"pose_keypoints_2d": values}]] * FRAMES), video)
    assert track.xy[0, skeleton.LEFT_WRIST].tolist() == [41.5, 47.5]
    assert np.isnan(track.xy[0, skeleton.RIGHT_EYE]).all()
    assert track.score[0, [skeleton.LEFT_WRIST, skeleton.RIGHT_EYE]].tolist() == [1, 0]


def test_people_in_shuffled_order_are_followed(tmp_path, video) -> None:
    random = np.random.default_rng(0)
    frames = []
    for t in range(FRAMES):
        large = {"pose_keypoints_2d": body(shift=t / 4)}
        small = {"pose_keypoints_2d": body(shift=36 - t / 4, size=0.6)}
        frames.append([(large, small)[who] for who in random.permutation(2)])
    folder = write_frames(tmp_path / "k", frames)
    np.testing.assert_allclose(read_alone(folder, video).xy[:, skeleton.NOSE, 0], 30.5 + np.arange(FRAMES) / 4)
    np.testing.assert_allclose(
        read_alone(folder, video, person=2).xy[:, skeleton.NOSE, 0], 18 + 36.5 - np.arange(FRAMES) / 4
    )
    with pytest.raises(PersonError, match=r"k: found 2 people, expected at least 3"):
        read_alone(folder, video, person=3)


def whole_track() -> PoseTrack:
    """All joints seen but a few, nobody in frame 2."""
    track = swaying_track(FRAMES, missing=(2,))
    random = np.random.default_rng(1)
    score = random.uniform(0.3, 1, track.score.shape).astype(np.float32)
    around = track.xy[:, [skeleton.LEFT_HIP]] + random.normal(0, 9, (1, skeleton.JOINTS, 2))
    xy = np.where(np.isfinite(track.xy), track.xy + np.float32(0.1), around).astype(np.float32)
    score[:, [skeleton.LEFT_WRIST, skeleton.FACE.start]] = score[2] = 0
    xy[score == 0] = np.nan
    return replace(track, xy=xy, score=score, masks=None)


def test_a_track_comes_back_from_json_as_it_was(tmp_path, video) -> None:
    track = whole_track()
    write_openpose(track, tmp_path / "k", "clip")
    back = read_alone(tmp_path / "k", video)
    np.testing.assert_array_equal(back.score, track.score)
    np.testing.assert_array_equal(back.present, track.present)
    np.testing.assert_allclose(back.xy, track.xy, rtol=0, atol=1e-5)


def test_what_is_written_is_body_25_with_neck_and_hips_between_their_sides(tmp_path) -> None:
    track = whole_track()
    track.score[1, skeleton.RIGHT_HIP] = 0
    write_openpose(track, tmp_path / "k", "clip")
    names = sorted(path.name for path in (tmp_path / "k").iterdir())
    assert names == [f"clip_{t:012d}_keypoints.json" for t in range(FRAMES)]
    frames = [json.loads((tmp_path / "k" / name).read_text())["people"] for name in names]
    assert [len(people) for people in frames] == [1, 1, 0, 1, 1, 1]
    pose, face = (np.reshape(frames[0][0][f"{part}_keypoints_2d"], (-1, 3)) for part in ("pose", "face"))
    assert (len(pose), len(face)) == (25, 70)
    assert [len(frames[0][0][f"hand_{side}_keypoints_2d"]) for side in ("left", "right")] == [63, 63]
    for at, name in enumerate(STANDING):
        if name in ("Neck", "MidHip", "LWrist"):
            continue
        joint = skeleton.NAMES.index(coco_name(name))
        np.testing.assert_allclose(pose[at], [*track.xy[0, joint] - 0.5, track.score[0, joint]], rtol=1e-6)
    shoulders = list(skeleton.SHOULDERS)
    np.testing.assert_allclose(pose[1, :2], track.xy[0, shoulders].mean(0) - 0.5, rtol=1e-6)
    assert pose[1, 2] == pytest.approx(track.score[0, shoulders].min())
    assert pose[7].tolist() == face[0].tolist() == face[68].tolist() == face[69].tolist() == [0, 0, 0]
    assert frames[1][0]["pose_keypoints_2d"][24:27] == [0, 0, 0]  # MidHip, for want of one hip


Spoil = Callable[[Path], object]


def rewrite(frame: int, **person: object) -> Spoil:
    """Another person in one frame."""
    return lambda folder: write_frames(folder, [[person]], frame)


def put(name: str, text: str) -> Spoil:
    return lambda folder: (folder / name).write_text(text)


FRAME_0, FRAME_2 = (f"clip_{t:012d}_keypoints.json" for t in (0, 2))
SPOILED = {
    "no folder": (lambda folder: folder.rename(folder.with_name("moved")), "no such folder"),
    "file": (lambda folder: (shutil.rmtree(folder), folder.write_text("{}")), "expected a folder of keypoint files"),
    "empty": (lambda folder: [path.unlink() for path in folder.iterdir()], "found no keypoints; .*or one JSON file"),
    "steps": (lambda folder: [path.unlink() for path in sorted(folder.iterdir())[1::2]], "0, 2, 4 .* in steps of 2"),
    "twice": (put("clip_2_keypoints.json", '{"people": []}'), "expected one file for frame 2"),
    "two clips": (put("other_0_keypoints.json", "{}"), "expected files of one video"),
    "no number": (put("clip_keypoints.json", "{}"), "no frame number in the name"),
    "two kinds": (put("clip_0_pose.yml", ""), r"\*_keypoints.json and \*_pose.yml; expected one kind"),
    "not JSON": (put(FRAME_2, "{"), f"{FRAME_2}: found no JSON"),
    "no people": (put(FRAME_2, '{"version": 1.3}'), f"{FRAME_2}: found no list of people"),
    "no body": (rewrite(2, face_keypoints_2d=[]), f"{FRAME_2}: found a person without pose_keypoints_2d"),
    "body": (rewrite(2, pose_keypoints_2d=[1] * 51), f"{FRAME_2}: found 51 numbers as pose .*of 18 or 23 or 25 points"),
    "triples": (rewrite(2, pose_keypoints_2d=[[1, 1, 1]] * 12), "found 36 numbers as pose .*of 18 or 23 or 25 points"),
    "face": (rewrite(2, pose_keypoints_2d=body(), face_keypoints_2d=[1] * 207), "found 207 numbers .* of 68 or 70"),
    "hand": (rewrite(2, pose_keypoints_2d=body(), hand_left_keypoints_2d=[1] * 60), "60 numbers as hand_left .* 21"),
    "words": (rewrite(2, pose_keypoints_2d=["far"] * 75), "pose keypoints that are not numbers alone"),
    "a word": (rewrite(2, pose_keypoints_2d=["12", *body()[1:]]), f"{FRAME_2}: .* pose keypoints that are not numbers"),
    "truth": (rewrite(2, pose_keypoints_2d=[True] * 75), "pose keypoints that are not numbers alone"),
    "uneven": (rewrite(2, pose_keypoints_2d=[[1, 1, 1], [1]]), "pose keypoints that are not numbers alone"),
    "huge": (rewrite(2, pose_keypoints_2d=[1e30, *body()[1:]]), f"{FRAME_2}: .* beyond any picture"),
    "too huge for a float": (rewrite(2, pose_keypoints_2d=[1e300, *body()[1:]]), "beyond any picture"),
    "far": (rewrite(2, pose_keypoints_2d=[-1000, *body()[1:]]), "up to 10 times the size of .* is damaged"),
    "COCO results": (put(FRAME_2, '[{"image_id": "2.jpg", "keypoints": [1, 2, 3], "score": 1}]'),
                     f"{FRAME_2}: found COCO results, .*; expected OpenPose's JSON; convert it"),
    "MMPose": (put(FRAME_2, '{"meta_info": {}, "instance_info": []}'), "found MMPose's JSON; .* convert it"),
    "infinite": (rewrite(2, pose_keypoints_2d=[float("nan")] * 75), "no finite numbers"),
    "two models": (rewrite(2, pose_keypoints_2d=body(18)), "bodies of 25 points in frame 5 and of 18 in frame 2"),
    "too few": (lambda folder: [path.unlink() for path in sorted(folder.iterdir())[4:]],
                r"of 4 frames, numbered 0 to 3; expected 6"),
    "too many": (lambda folder: write_frames(folder, [[]] * 2, 6), "of 8 frames, numbered 0 to 7; expected 6"),
    "one alone": (lambda folder: [path.unlink() for path in sorted(folder.iterdir())[1:]],
                  "keypoints of 1 frame, number 0; expected 6"),
    "which end": (lambda folder: (folder / FRAME_0).unlink(), "frames 1 to 5; expected 6.* of frame 0 or of frame 6"),
    "no start": (lambda folder: [path.unlink() for path in sorted(folder.iterdir())[::5]], "numbered 1 to 4"),
    "two lists": (put(FRAME_2, json.dumps([{"people": []}] * 6)), f"{FRAME_2}: found a list of 6 frames, and other"),
    "two canvases": (put(FRAME_2, json.dumps({"people": [], "canvas_width": 64, "canvas_height": 96})),
                     "a canvas of no size in frame 5 and of 64x96 in frame 2"),
    "half a canvas": (put(FRAME_2, json.dumps({"people": [], "canvas_width": 64})), "a canvas of 64 x None"),
}  # fmt: skip


@pytest.mark.parametrize("spoiled", SPOILED)
def test_bad_keypoints_end_in_one_line(video, keypoints, spoiled) -> None:
    spoil, words = SPOILED[spoiled]
    spoil(keypoints)
    with pytest.raises(FileFormatError, match=words) as refusal:
        read_alone(keypoints, video)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0.01, r"\(0.19, 0.14\) to \(0.41, 0.9\), shares of a picture .*clip.mp4, 64x96; .*--keypoint_scale 0"),
        (40, r"\(760, 560\) to \(1640, 3600\); expected pixels of .*clip.mp4, 64x96; name the keypoints of this video"),
    ],
)
def test_shares_of_an_unknown_picture_and_pixels_of_a_larger_one_are_refused(tmp_path, video, size, words) -> None:
    folder = write_frames(tmp_path / "k", [[{"pose_keypoints_2d": body(size=size)}]] * FRAMES)
    with pytest.raises(FileFormatError, match=words):
        read_alone(folder, video)


def matrix(name: str, *sizes: int) -> str:
    """A file of ones."""
    ones = ", ".join(["1."] * int(np.prod(sizes)))
    return f"%YAML:1.0\n{name}: !!opencv-nd-matrix\n   sizes: {list(sizes)}\n   dt: f\n   data: [ {ones} ]\n"


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"pose": "garbage {{"}, "found no OpenCV matrix pose_0 that can be read"),
        ({"pose": matrix("pose_0", 1, 1, 3).replace("1, 1", "1, 25")}, "no OpenCV matrix pose_0 that can be read"),
        ({"pose": matrix("body_0", 1, 1, 3)}, r"expected a matrix pose_0 .* found none"),
        ({"pose": matrix("pose_0", 1, 3)}, "people x points x 3, found one of 1 x 3"),
        ({"pose": matrix("pose_0", 1, 12, 3)}, "found 36 numbers as pose keypoints; .* of 18 or 23 or 25 points"),
        ({"pose": matrix("pose_0", 1, 18, 3), "face": matrix("face_0", 2, 70, 3)}, "found 2 people; expected 1"),
    ],
)
def test_bad_matrices_end_in_one_line(tmp_path, files, words) -> None:
    for part, text in files.items():
        (tmp_path / f"clip_0_{part}.yml").write_text(text)
    with pytest.raises(FileFormatError, match=words) as refusal:
        read_keypoint_files(tmp_path)
    assert "\n" not in str(refusal.value)


def test_a_folder_is_replaced_only_when_asked_and_only_if_nothing_else_is_in_it(tmp_path, keypoints) -> None:
    with pytest.raises(OutputError, match=r"exists already; .*--overwrite"):
        check_keypoint_folder(keypoints, [], overwrite=False)
    with pytest.raises(OptionError, match="is the input"):
        check_keypoint_folder(keypoints, [keypoints], overwrite=True)
    with pytest.raises(OptionError, match="is the input"):
        check_keypoint_folder(keypoints, [keypoints / FRAME_0], overwrite=True)
    check_keypoint_folder(keypoints, [], overwrite=True)
    write_openpose(swaying_track(2), keypoints, "new")
    assert len(list(keypoints.iterdir())) == 2
    (keypoints / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"holds notes.txt; expected OpenPose's JSON alone"):
        write_openpose(swaying_track(3), keypoints, "newer")
    assert len(list(keypoints.iterdir())) == 3
    with pytest.raises(OutputError, match="is a file"):
        check_keypoint_folder(keypoints / "notes.txt", [], overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["keypoints"]


def test_a_folder_may_have_the_longest_name_and_a_link_to_one_stays(tmp_path) -> None:
    for name in ("x" * 255, "é" * 127):
        check_keypoint_folder(tmp_path / name, [], overwrite=False)
        write_openpose(swaying_track(1), tmp_path / name, "clip")
        assert len(list((tmp_path / name).iterdir())) == 1
    with pytest.raises(OutputError, match="too long; choose a shorter name"):
        check_keypoint_folder(tmp_path / ("x" * 256), [], overwrite=False)
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "disk" / "keypoints")
    for frames in (2, 3):
        check_keypoint_folder(link, [], overwrite=True)
        write_openpose(swaying_track(frames), link, "clip")
        assert link.is_symlink()
        assert len(list((tmp_path / "disk" / "keypoints").iterdir())) == frames


def test_an_interrupted_write_leaves_nothing(tmp_path, monkeypatch) -> None:
    def break_off(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("choreograft.pose.openpose._as_json", break_off)
    with pytest.raises(KeyboardInterrupt):
        write_openpose(swaying_track(2), tmp_path / "k", "clip")
    assert list(tmp_path.iterdir()) == []


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    return int(stop.value.code or 0)


def test_the_verb_reads_keypoints_and_writes_them(tmp_path, video, keypoints, capsys, monkeypatch) -> None:
    monkeypatch.setattr("choreograft.footage.clip.Tracker", partial(Tracker, estimator=Blind))
    monkeypatch.chdir(tmp_path)
    out, written = tmp_path / "t.npz", tmp_path / "written"
    overlay = tmp_path / "look.mp4"
    arguments = ("track", video, "-o", out, "--openpose", keypoints, "--write-openpose", written, "--overlay", overlay)
    assert run(*arguments) == 0
    track = PoseTrack.load(out)
    np.testing.assert_allclose(track.xy[3, skeleton.LEFT_WRIST], [41.5, 47.5], atol=0.1)
    assert not track.masked.any()
    back = read_alone(written, video)
    np.testing.assert_array_equal(back.score, track.score)
    np.testing.assert_allclose(back.xy, track.xy, rtol=0, atol=1e-5)
    assert overlay.exists()
    assert run(*arguments) == 1
    write_frames(keypoints, [[]] * FRAMES)
    assert run(*arguments, "--overwrite") == 1
    assert "keypoints: the files hold nobody: found 6 frames" in capsys.readouterr().err.splitlines()[-1]
