"""`--keypoints`: who is learned and danced after, under which name what was made is kept, and what is refused."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from choreograft import pipeline
from choreograft.check import filmed as check_filmed
from choreograft.check.request import check_footage, own_folder
from choreograft.cli import parse
from choreograft.errors import FileFormatError, OptionError, PersonError
from choreograft.evaluate.methods import Footage
from choreograft.evaluate.request import choose_kind, read_lesson
from choreograft.evaluate.run import read_footage
from choreograft.footage import bodies
from choreograft.footage import clip as footage_clip
from choreograft.footage.clip import Clip
from choreograft.performer.performer import save_performer
from choreograft.pose import skeleton
from choreograft.pose.tracking import Tracker
from choreograft.presets import Budget
from choreograft.progress import silent
from choreograft.request import check_all_keypoints, check_dance
from choreograft.training.recording import prepare_recording
from choreograft.training.train import TrainingPlan, build_performer
from standing import Blind, body, write_frames
from swaying import PRESET, SIZE, swaying_track, write_target

FRAMES = 12
NOSE_X = 30.5
"""Of the standing person, px."""


class StoppedError(Exception):
    """Raised where the work that is not tested here would begin."""


@pytest.fixture
def clips(tmp_path: Path) -> list[Clip]:
    tracks = {"a.mp4": swaying_track(FRAMES), "b.mp4": swaying_track(FRAMES, missing=(0,))}
    return [write_target(tmp_path / name, track) for name, track in tracks.items()]


@pytest.fixture
def places(tmp_path: Path) -> list[Path]:
    """Keypoints of people who stand 0 and 3 px to the right."""
    return [
        write_frames(tmp_path / f"k{shift}", [[{"pose_keypoints_2d": body(shift=shift)}]] * FRAMES) for shift in (0, 3)
    ]


@pytest.fixture(autouse=True)
def blind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is found in any picture."""
    monkeypatch.setattr(footage_clip, "Tracker", partial(Tracker, estimator=Blind))


def write(*parts: object) -> list[str]:
    return [str(part) for part in parts]


def plan_of(clips: list[Clip], *keypoints: Path | None) -> TrainingPlan:
    return TrainingPlan(tuple(clip.path for clip in clips), 1, PRESET, Budget(images=8), 0, keypoints=keypoints)


def test_every_clip_is_read_with_its_own_keypoints(clips, places, tmp_path, monkeypatch) -> None:
    read = []

    def fit(clips, *_):
        read.extend(clips)
        raise StoppedError

    monkeypatch.setattr(pipeline, "read_bodies", fit)
    monkeypatch.setattr(pipeline, "choose_all_frames", lambda _: None)
    arguments = write("train", clips[0].path, clips[1].path, "--keypoints", *places, "--runs", tmp_path / "runs")
    with pytest.raises(StoppedError):
        pipeline.train(parse([*arguments, "--device", "cpu", "--preset", "preview"]))
    assert [clip.keypoints for clip in read] == places
    for clip, x in zip(read, (NOSE_X, NOSE_X + 3), strict=True):
        np.testing.assert_allclose(clip.track.xy[:, skeleton.NOSE, 0], x, atol=0.01)


def test_a_dance_follows_the_keypoints_of_both_sides(clips, places, tmp_path, monkeypatch) -> None:
    read = {}

    def fit(clips, *_):
        read.update({clip.path.name: clip.track for clip in clips})
        return [None]

    def stop(*_, **__):
        raise StoppedError

    monkeypatch.setattr(pipeline, "read_bodies", fit)
    monkeypatch.setattr(pipeline, "choose_all_frames", lambda _: None)
    monkeypatch.setattr(pipeline, "describe_legs", lambda *_: None)
    monkeypatch.setattr(pipeline, "obtain_performer", stop)
    arguments = write("dance", clips[0].path, "--as", clips[1].path, "-o", tmp_path / "out.mp4", "--preset", "preview")
    given = write("--keypoints", places[0], "--as-keypoints", places[1], "--runs", tmp_path / "runs")
    with pytest.raises(StoppedError):
        pipeline.dance(parse([*arguments, *given, "--device", "cpu"]))
    noses = {name: float(track.xy[4, skeleton.NOSE, 0]) for name, track in read.items()}
    assert noses == pytest.approx({"a.mp4": NOSE_X, "b.mp4": NOSE_X + 3}, abs=0.01)


def test_a_plan_is_named_by_what_its_keypoints_hold(clips, places) -> None:
    target = clips[:1]
    names = [plan_of(target).key, plan_of(target, places[0]).key, plan_of(target, places[1]).key]
    assert len(set(names)) == 3
    assert plan_of(target, None).key == names[0]
    moved = places[1].rename(places[1].with_name("moved"))
    assert plan_of(target, moved).key == names[2]
    write_frames(moved, [[]], 4)
    assert plan_of(target, moved).key not in names
    given = [(places[0], moved), (moved, places[0]), (places[0], None), (None, places[0])]
    assert len({plan_of(clips, *both).key for both in given}) == 4


def test_footage_and_checks_are_named_by_their_keypoints_too(clips, places, tmp_path) -> None:
    footage = [Footage((replace(clips[0], keypoints=place),), 1, 0.0).key for place in (None, *places)]
    assert len(set(footage)) == 3
    commands = [[], ["--keypoints", places[0]], ["--source-keypoints", places[0]]]
    base = ("check", clips[0].path, "--source", clips[1].path)
    assert len({own_folder(parse(write(*base, *more))) for more in commands}) == 3


def test_a_body_is_not_taken_for_that_of_other_keypoints(clips, places, tmp_path, monkeypatch) -> None:
    saved = set()

    class Fitted(list):
        save = staticmethod(saved.add)

    monkeypatch.setattr(bodies, "fit_bodies", lambda *_, **__: [Fitted()])
    monkeypatch.setattr(bodies, "follow_picture", lambda body, *_: body)
    monkeypatch.setattr(bodies, "find_doubts", lambda *_: None)
    for place in (None, *places):
        bodies.read_bodies([replace(clips[0], keypoints=place)], 1, tmp_path)
    assert len(saved) == 3


def test_check_describes_who_the_keypoints_show(clips, places, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(check_filmed, "count_people", partial(check_filmed.count_people, estimator=Blind))
    filmed = check_filmed.film_facts(clips[0].path, 1, tmp_path, silent, places[1])
    np.testing.assert_allclose(filmed.track.xy[:, skeleton.NOSE, 0], NOSE_X + 3, atol=0.01)
    assert filmed.track.present.all()
    assert np.isfinite(filmed.footage.light).all()  # about their joints, for want of masks


def test_a_performer_knows_its_keypoints_and_is_tested_with_them(clips, places, tmp_path) -> None:
    plan = replace(plan_of(clips, places[0], None), hold_out=0.2)
    recording = prepare_recording(tmp_path / "recording", clips, SIZE)
    save_performer(build_performer(plan, recording), tmp_path / "her.performer")
    lesson = read_lesson(tmp_path / "her.performer")
    assert lesson.keypoints == (places[0], None)
    write_frames(places[0], [[]], 4)
    with pytest.raises(OptionError, match=r"her.performer was trained with the keypoints .*k0, which are others now"):
        read_lesson(tmp_path / "her.performer")
    [clip] = read_footage(replace(lesson, videos=lesson.videos[:1], keypoints=(places[1],)), tmp_path, silent).clips
    np.testing.assert_allclose(clip.track.xy[:, skeleton.NOSE, 0], NOSE_X + 3, atol=0.01)


def test_a_target_without_masks_is_refused_before_a_body_is_fitted(clips, places, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(pipeline, "read_bodies", None)
    arguments = write("train", clips[0].path, "--keypoints", places[0], "--runs", tmp_path / "runs", "--device", "cpu")
    with pytest.raises(PersonError, match=r"a.mp4: found no mask of the person in any of 12 frames, as nobody is seen"):
        pipeline.train(parse([*arguments, "--preset", "preview"]))


def test_what_cannot_be_is_refused_in_one_line(clips, places, tmp_path) -> None:
    videos = [clip.path for clip in clips]
    with pytest.raises(OptionError, match="found --keypoints of 1 video; expected them of 2, as many as there are"):
        check_all_keypoints(places[:1], videos)
    performer = write("dance", videos[0], "--as", "her.performer", "-o", tmp_path / "out.mp4", "--as-keypoints", "k")
    with pytest.raises(OptionError, match=r"her.performer is a performer, which knows its footage; .*--as-keypoints"):
        check_dance(parse(performer))
    dance = write("dance", videos[0], "--as", videos[1], "-o", tmp_path / "out.mp4", "--runs", tmp_path)
    with pytest.raises(FileFormatError, match="gone: found no such folder"):
        check_dance(parse([*dance, "--keypoints", str(tmp_path / "gone")]))
    for path in sorted(places[1].iterdir())[6:]:
        path.unlink()
    with pytest.raises(FileFormatError, match=r"k3: found keypoints of 6 frames, numbered 0 to 5; expected 12"):
        check_dance(parse([*dance, "--as-keypoints", str(places[1])]))
    with pytest.raises(OptionError, match="found --source-keypoints without --source"):
        check_footage(parse(write("check", videos[0], "--source-keypoints", places[0])))
    for inputs in (["--pair", "p"], ["her.performer", "--holdout"]):
        with pytest.raises(OptionError, match="--keypoints belongs to RESULT SOURCE, or to videos with --holdout"):
            choose_kind(parse(write("evaluate", *inputs, "--keypoints", places[0])))
