"""Presets that train nothing: from bank to frames, through the performer file."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from choreograft.errors import FileFormatError, OptionError
from choreograft.options import DanceOptions
from choreograft.performer.device import Compute
from choreograft.performer.performer import Performer, PerformerCard, load_performer, save_performer
from choreograft.performer.staging import to_image, to_tensor
from choreograft.pipeline import dance
from choreograft.presets import PRESETS, Budget
from choreograft.render.session import render_frames
from choreograft.retarget.body import BodyStage, Motion, to_pose_track
from choreograft.retarget.normalise import Stance
from filmed import film
from painted import GREY, SIZE, draw_surfaces, paint, painted_bank, scene
from swaying import swaying_track, write_target

CPU = Compute(torch.device("cpu"), bf16=False)


def performer(preset: str) -> Performer:
    body, _, _ = scene()
    plate = np.full((SIZE.height, SIZE.width, 3), GREY, np.uint8)
    card = PerformerCard(
        "ada", replace(PRESETS[preset], height_px=SIZE.height), SIZE, Stance.measure(motion().track), {},
        BodyStage.measure(body),
    )  # fmt: skip
    return Performer(card, to_tensor(plate), painted_bank()).eval()


def motion(missing: tuple[int, ...] = ()) -> Motion:
    """The scene's own motion."""
    body, _, _ = scene()
    track = to_pose_track(body, film("ada", "squats").body, film("ada", "squats").track)
    present = track.present.copy()
    present[list(missing)] = False
    return Motion(replace(track, present=present), body)


def test_the_preview_draws_the_skin_in_poses_between() -> None:
    body, mesh, colours = scene()
    frames = list(render_frames(performer("preview"), motion(), CPU))
    assert len(frames) == len(body)
    for t in (4, 7):
        true = paint(draw_surfaces(body, mesh)[t], colours)
        assert np.abs(frames[t].image - true).mean() < 4
        assert frames[t].stick.any()


def test_nearest_shows_the_very_frames() -> None:
    frames = list(render_frames(performer("nearest"), motion(), CPU))
    for n, t in enumerate(range(0, 12, 3)):
        assert_array_equal(frames[t].image, painted_bank().frames[n])


@pytest.mark.parametrize("preset", ["preview", "nearest"])
def test_without_a_person_there_is_the_empty_background(preset: str) -> None:
    drawer = performer(preset)
    frames = list(render_frames(drawer, motion(missing=(2,)), CPU))
    assert_array_equal(frames[2].image, to_image(drawer.plate))
    assert not frames[2].stick.any()
    assert (frames[3].image != frames[2].image).any()


def test_a_bank_survives_its_file(tmp_path: Path) -> None:
    drawer = performer("preview")
    save_performer(drawer, tmp_path / "ada.performer")
    again = load_performer(tmp_path / "ada.performer")
    before, after = (next(render_frames(one, motion(), CPU)) for one in (drawer, again))
    assert_array_equal(after.image, before.image)
    assert not list(again.generator.parameters())


def test_a_file_without_its_frames_is_refused(tmp_path: Path) -> None:
    drawer = performer("preview")
    drawer.bank = None
    save_performer(drawer, tmp_path / "ada.performer")
    with pytest.raises(FileFormatError, match="without the frames that it draws from"):
        load_performer(tmp_path / "ada.performer")


def test_a_motion_without_a_body_is_refused() -> None:
    with pytest.raises(OptionError, match="this motion has none"):
        next(render_frames(performer("preview"), Motion(motion().track), CPU))


def test_there_is_nothing_to_train() -> None:
    assert Budget.choose(PRESETS["preview"], None, None) == Budget(minutes=0.0)
    with pytest.raises(OptionError, match="preview is not trained"):
        Budget.choose(PRESETS["preview"], 5.0, None)


def test_the_papers_scaling_is_refused_before_anything_is_tracked(tmp_path: Path) -> None:
    clip = write_target(tmp_path / "clip.mp4", swaying_track(4)).path
    options = DanceOptions(clip, clip, tmp_path / "out.mp4", retarget="global", runs=tmp_path / "runs")
    with pytest.raises(OptionError, match="--retarget global with preset draft"):
        dance(options)
    assert not (tmp_path / "runs").exists()
