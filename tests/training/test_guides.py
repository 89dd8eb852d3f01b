"""Refining what was drawn from references: what training is given, and what becomes of it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from choreograft.config import DiscriminatorConfig, GeneratorConfig, LossConfig
from choreograft.performer.header import canvas_size
from choreograft.performer.performer import Performer, PerformerCard
from choreograft.performer.region import Region
from choreograft.performer.staging import GUIDE_CHANNELS, MAX_SHIFT, Conditioning, OverWarp, WithinFrame, shift
from choreograft.presets import Budget, Preset
from choreograft.retarget.normalise import Stance
from choreograft.training.lessons import GAP_S, Guides
from choreograft.training.recording import prepare_recording
from choreograft.training.train import TrainingPlan, build_performer
from filmed import film
from painted import GREY, SIZE, painted_bank, scene
from swaying import swaying_track, write_target

GUIDED = Preset(
    name="guided", description="", height_px=SIZE.height, minutes=1, background="warp", perceptual="none",
    generator=GeneratorConfig("refiner", 4, 2, 1), discriminator=DiscriminatorConfig(1, 4, 2),
    losses=LossConfig(perceptual=0, pixel=10, matte=2),
)  # fmt: skip


UNKNOWN = np.full((len(scene()[0]), 68, 2), np.nan, np.float32)
"""Faces of the scene."""


@pytest.fixture(scope="module")
def guides() -> Guides:
    body, _, _ = scene()
    return Guides(painted_bank(), [body], UNKNOWN, seed=0)


def test_equal_occasions_give_equal_guides(guides: Guides) -> None:
    body, _, _ = scene()
    again = Guides(painted_bank(), [body], UNKNOWN, seed=0)
    assert torch.equal(guides.draw(7, 3), again.draw(7, 3))
    assert any(not torch.equal(guides.draw(7, 3), guides.draw(7, k)) for k in range(4, 8))


def test_references_are_never_close_in_time(guides: Guides, monkeypatch: pytest.MonkeyPatch) -> None:
    body, _, _ = scene()
    bank_s = painted_bank().bodies[0].time_s
    seen = []
    draw = guides._warper.draw

    def watch(posed, allowed):
        seen.append(allowed)
        return draw(posed, allowed)

    monkeypatch.setattr(guides._warper, "draw", watch)
    for occasion in range(12):
        guides.draw(10, occasion)
    assert len({tuple(allowed) for allowed in seen}) >= 3
    for allowed in seen:
        assert allowed.any()
        assert (np.abs(bank_s[allowed] - body.time_s[10]) >= GAP_S).all()


def test_a_guide_is_colour_matte_confidence_normals_and_usual_colours(guides: Guides) -> None:
    guide = guides.draw(7, 1)
    assert guide.shape == (GUIDE_CHANNELS, SIZE.height, SIZE.width)
    assert guide.dtype == torch.float32
    assert guide[:3].abs().max() <= 1
    assert guide[3:5].min() >= 0
    assert guide[3:5].max() <= 1 + 1e-6
    lengths = guide[5:8].norm(dim=0)
    assert_allclose(lengths[lengths > 0.5].numpy(), 1, atol=1e-4)
    assert guide[8:].abs().max() <= 1
    covered = lengths > 0.5
    assert (guide[8:, covered] - guide[:3, covered]).abs().mean() < 0.15  # what is usually there is nearly what is
    assert guide[8:, ~covered].max() == -1


def conditioning() -> Conditioning:
    stick = torch.zeros(1, 3, 16, 16)
    guide = torch.zeros(1, GUIDE_CHANNELS, 16, 16)
    guide[:, :3] = 0.5
    guide[:, 3, :8] = 1
    return Conditioning(stick, torch.full_like(stick, -1), guide)


def test_trust_and_matte_decide_what_is_seen() -> None:
    staging = OverWarp(GUIDED.stick_figure, GUIDED.temporal)
    drawn = torch.zeros(1, staging.output_channels, 16, 16)
    drawn[:, :3], drawn[:, 3] = -0.5, 1.0
    result = staging.compose(drawn, conditioning())
    assert_allclose(result.frame[0, :, :8], 0.5)  # the guide, trusted
    assert_allclose(result.frame[0, :, 8:], -1)  # the plate, where the guide has no matte
    drawn[:, 3] = -1.0
    assert_allclose(staging.compose(drawn, conditioning()).frame[0, :, :8], -0.5)  # repainted
    drawn[:, 3], drawn[:, 4] = 1.0, 1.0
    assert_allclose(staging.compose(drawn, conditioning()).frame[0, :, 8:], -0.5)  # added where there was no guide


def test_without_a_background_the_generator_draws_what_is_around_the_person() -> None:
    staging = WithinFrame(GUIDED.stick_figure, GUIDED.temporal)
    drawn = torch.zeros(1, staging.output_channels, 16, 16)
    drawn[:, :3], drawn[:, 3] = -0.5, 1.0
    result = staging.compose(drawn, conditioning())
    assert result.matte is None
    assert_allclose(result.frame[0, :, :8], 0.5)
    assert_allclose(result.frame[0, :, 8:], -0.5)


def test_a_camera_that_was_lost_has_the_generator_draw_the_background(tmp_path: Path) -> None:
    clip = write_target(tmp_path / "target.mp4", swaying_track(24))
    recording = prepare_recording(tmp_path / "recording", [clip], canvas_size(GUIDED, clip.track.size))
    plan = TrainingPlan((clip.path,), 1, GUIDED, Budget(images=2), seed=0)
    assert build_performer(plan, recording).card.preset == GUIDED
    lost = build_performer(plan, replace(recording, has_background=False))
    assert isinstance(lost.staging, WithinFrame)
    assert lost.region_around(np.array([[3.0, 4.0], [9.0, 9.0]])) == Region.whole(lost.card.size)


def test_a_shift_moves_what_is_there_and_no_shift_nothing() -> None:
    picture = torch.zeros(1, 4, 100, 60)
    picture[:, :, 40:50, 20:30] = 1
    assert_allclose(shift(picture, torch.zeros(1, 2, 100, 60)), picture, atol=1e-5)
    down = torch.zeros(1, 2, 100, 60)
    down[:, 1] = 1
    step = round(MAX_SHIFT * 100)
    assert_allclose(shift(picture, down), torch.roll(picture, step, dims=2), atol=1e-4)


def test_an_untrained_refiner_hardly_changes_its_guide(guides: Guides) -> None:
    torch.manual_seed(0)
    track = film("ada", "squats").track
    performer = Performer(PerformerCard("ada", GUIDED, SIZE, Stance.measure(track)), torch.zeros(3, *SIZE[::-1]))
    plate = torch.full((1, 3, *SIZE[::-1]), GREY / 127.5 - 1)
    guide = guides.draw(7, 1)[None]
    given = Conditioning(torch.zeros_like(plate), plate, guide)
    with torch.no_grad():
        drawn = performer(given, torch.zeros_like(plate))
    alone = guide[:, 3:4] * guide[:, :3] + (1 - guide[:, 3:4]) * plate
    assert (drawn.frame - alone).abs().mean() < 0.08


def test_footage_of_seconds_still_has_references() -> None:
    body, _, _ = scene()
    short = body.select(np.arange(4))
    bank = painted_bank()
    few = replace(
        bank, frames=bank.frames[:2], masks=bank.masks[:2], sharpness=bank.sharpness[:2], faces=bank.faces[:2],
        bodies=(bank.bodies[0].select(np.arange(2)),),
    )  # fmt: skip
    assert Guides(few, [short], UNKNOWN[:4], seed=0).draw(1, 0)[3].max() > 0.5
