"""Results at the target's own size, and at the heights that are asked for."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from choreograft.config import DiscriminatorConfig, GeneratorConfig, LossConfig
from choreograft.errors import OptionError
from choreograft.performer.cutouts import Cutouts
from choreograft.performer.device import Compute
from choreograft.performer.performer import Performer, PerformerCard, load_performer, save_performer
from choreograft.performer.staging import to_tensor
from choreograft.presets import PRESETS, Preset
from choreograft.render.session import choose_size, render_frames
from choreograft.render.transfer import SHEET_WIDTH, render_dance
from choreograft.retarget.body import BodyStage, Motion, to_pose_track
from choreograft.retarget.normalise import Stance
from choreograft.video.read import probe
from choreograft.video.size import Size
from filmed import film
from painted import EVERY, FULL, GREY, SIZE, full_surfaces, scene, weave, woven_bank
from swaying import swaying_track, write_target

CPU = Compute(torch.device("cpu"), bf16=False)
GUIDED = Preset(
    name="guided", description="", height_px=SIZE.height, minutes=1, background="warp", perceptual="none",
    generator=GeneratorConfig("refiner", 4, 2, 1), discriminator=DiscriminatorConfig(1, 4, 2),
    losses=LossConfig(perceptual=0, pixel=10, matte=2),
)  # fmt: skip
TALL = Size(600, 800)


@cache
def motion() -> Motion:
    """The scene's first frames; nobody is there in the last."""
    filmed, (body, _, _) = film("ada", "squats"), scene()
    first = list(range(6))
    track = to_pose_track(body, filmed.body, filmed.track).select(first)
    return Motion(replace(track, present=np.arange(6) < 5), body.select(np.array(first)))


def performer(preset: Preset, size: Size | None = FULL) -> Performer:
    """With cutouts for results of a size, if any."""
    torch.manual_seed(0)
    body, (bank, cutouts) = scene()[0], woven_bank()
    if size is not None:
        plate = np.full((size.height, size.width, 3), GREY, np.uint8)
        cutouts = Cutouts(size, plate, cutouts.coded, cutouts.places)
    card = PerformerCard("ada", preset, SIZE, Stance.measure(motion().track), {}, BodyStage.measure(body))
    plate = np.full((SIZE.height, SIZE.width, 3), GREY, np.uint8)
    return Performer(card, to_tensor(plate), bank, None if size is None else cutouts).eval()


def preset(name: str) -> Preset:
    return GUIDED if name == "guided" else replace(PRESETS[name], height_px=SIZE.height)


@pytest.mark.parametrize(
    ("full", "height", "expected"),
    [
        (FULL, None, (360, 480)), (FULL, 480, (360, 480)), (FULL, 160, (120, 160)), (FULL, 320, (240, 320)),
        (FULL, 333, (250, 332)), (None, None, (120, 160)), (None, 160, (120, 160)),
        (Size(90, 120), None, (90, 120)), (Size(90, 120), 160, (120, 160)), (Size(90, 120), 120, (90, 120)),
    ],
)  # fmt: skip
def test_sizes_are_the_targets_own_the_canvass_and_all_between(
    full: Size | None, height: int | None, expected: tuple[int, int]
) -> None:
    assert choose_size(performer(preset("preview"), full), height) == expected


@pytest.mark.parametrize(
    ("full", "height", "words"),
    [
        (FULL, 482, "--height is 482; expected 160 to 480, which ada can be drawn at"),
        (FULL, 159, "--height is 159; expected 160 to 480"),
        (FULL, 0, "--height is 0; expected 160 to 480"),
        (FULL, -480, "--height is -480; expected 160 to 480"),
        (None, 480, "--height is 480; expected 160, which ada can be drawn at"),
        (Size(90, 120), 140, "--height is 140; expected 120 or 160, which ada can be drawn at"),
    ],
)
def test_other_heights_are_refused_with_those_that_can_be_had(full: Size | None, height: int, words: str) -> None:
    with pytest.raises(OptionError, match=words) as caught:
        choose_size(performer(preset("preview"), full), height)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["preview", "nearest", "guided"])
def test_unless_asked_results_are_as_large_as_the_target_was_filmed(name: str) -> None:
    drawer = performer(preset(name))
    frames = list(render_frames(drawer, motion(), CPU))
    assert [frame.image.shape for frame in frames] == [(FULL.height, FULL.width, 3)] * 6
    assert [frame.stick.shape for frame in frames] == [(SIZE.height, SIZE.width, 3)] * 6
    assert frames[4].stick.any()
    assert_array_equal(frames[5].image, drawer.cutouts.plate)
    assert not frames[5].stick.any()
    small = list(render_frames(drawer, motion(), CPU, SIZE))
    for n in (0, EVERY):  # the bank has these very frames
        true = weave(full_surfaces()[n])
        enlarged = cv2.resize(small[n].image, FULL, interpolation=cv2.INTER_CUBIC)
        off, off_enlarged = (np.abs(picture - true).mean() for picture in (frames[n].image, enlarged))
        assert off < 4
        assert off < (0.5 if name != "guided" else 0.9) * off_enlarged  # an untrained one repaints a little


@pytest.mark.parametrize("name", ["preview", "nearest", "guided"])
@pytest.mark.parametrize("size", [Size(240, 320), Size(90, 120)], ids=str)
def test_other_sizes_show_the_same_at_the_same_places(name: str, size: Size) -> None:
    drawer = performer(preset(name), FULL if size.height > SIZE.height else size)
    frame = next(render_frames(drawer, motion(), CPU, size))
    true = cv2.resize(weave(full_surfaces()[0]), size, interpolation=cv2.INTER_AREA)
    assert frame.image.shape == (size.height, size.width, 3)
    assert np.abs(frame.image - true).mean() < 4


def test_results_of_a_file_are_those_of_what_was_saved(tmp_path: Path) -> None:
    drawer = performer(preset("preview"))
    save_performer(drawer, tmp_path / "ada.performer")
    again = load_performer(tmp_path / "ada.performer")
    assert_array_equal(again.bank.sharpness, drawer.bank.sharpness)
    before, after = (next(render_frames(one, motion(), CPU)) for one in (drawer, again))
    assert_array_equal(after.image, before.image)


@pytest.mark.parametrize(("height", "expected"), [(None, TALL), (400, Size(300, 400)), (160, SIZE)])
def test_the_result_is_as_tall_as_was_asked_for_and_what_is_beside_it_fits_a_screen(
    tmp_path: Path, height: int | None, expected: Size
) -> None:
    source = write_target(tmp_path / "source.mp4", swaying_track(10, missing=(4,)))
    out, beside, sheet = tmp_path / "out.mp4", tmp_path / "beside.mp4", tmp_path / "sheet.png"
    drawer = performer(preset("nearest"), TALL)
    rendering = render_dance(drawer, source.path, source.track, out, CPU, beside, sheet, height=height)
    assert rendering.frames == 10
    assert probe(out).size == expected
    shown = min(expected.height, 720)
    source_width = round(source.track.size.width * shown / source.track.size.height)
    assert probe(beside).size.height == shown
    wanted = source_width + 2 * expected.width * shown / expected.height
    assert probe(beside).size.width == pytest.approx(wanted, abs=2)
    tiled = cv2.imread(str(sheet))
    cell = min(expected.width, SHEET_WIDTH // 8)
    assert 7.8 * cell < tiled.shape[1] <= SHEET_WIDTH
    assert tiled.shape[0] == pytest.approx(3 * cell * expected.height / expected.width, rel=0.05)


def test_a_height_that_cannot_be_drawn_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    source = write_target(tmp_path / "source.mp4", swaying_track(4))
    out = tmp_path / "out.mp4"
    with pytest.raises(OptionError, match="--height is 801; expected 160 to 800"):
        render_dance(performer(preset("nearest"), TALL), source.path, source.track, out, CPU, height=801)
    assert not out.exists()
