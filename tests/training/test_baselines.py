"""Frame by frame, pix2pix and the cascaded refinement network: what their steps do and leave out."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from choreograft.config import DiscriminatorConfig, GeneratorConfig, LossConfig
from choreograft.performer.performer import load_performer
from choreograft.presets import Budget
from choreograft.render.session import render_frames
from choreograft.retarget.body import Motion
from choreograft.training.lessons import pair_at
from choreograft.training.loop import descend
from choreograft.training.step import verdict_terms
from choreograft.training.train import TrainingPlan, train_performer
from interrupted import StopAfter
from swaying import PRESET, swaying_track
from taught import CPU, enter, training_of

WHOLE = replace(PRESET, background="frame", losses=LossConfig())
FRAME_BY_FRAME = replace(WHOLE, temporal=False)
PIX2PIX = replace(
    FRAME_BY_FRAME,
    generator=GeneratorConfig("unet", 4, 4),
    discriminator=DiscriminatorConfig(1, 4, 2),
    losses=LossConfig(feature_matching=0, pixel=100),
)
CRN = replace(
    FRAME_BY_FRAME,
    generator=GeneratorConfig("crn", 4, 3),
    losses=LossConfig(adversarial=0, feature_matching=0, pixel=10),
)
TINY = {"frame by frame": FRAME_BY_FRAME, "pix2pix": PIX2PIX, "crn": CRN}


@pytest.fixture
def start(target, tmp_path):
    """A function that begins the training of a preset."""
    return lambda preset: enter(training_of(target, tmp_path, preset), "global")


@pytest.mark.parametrize(
    ("preset", "drawn_from", "judged"), [(WHOLE, (1, 6), (1, 12)), (FRAME_BY_FRAME, (1, 3), (2, 6))]
)
def test_what_generator_and_discriminators_see(start, preset, drawn_from, judged):
    training = start(preset)
    seen = {"generator": [], "discriminator": []}
    for name, shapes in seen.items():
        getattr(training, name).register_forward_pre_hook(lambda _, x, to=shapes: to.append(tuple(x[0].shape[:2])))
    training.prepare(0)()
    assert seen == {"generator": [drawn_from] * 2, "discriminator": [judged] * 3}


def test_frame_by_frame_each_frame_is_judged_beside_its_own_stick_figure(start):
    training = start(FRAME_BY_FRAME)
    seen = []
    training.discriminator.register_forward_pre_hook(lambda _, x: seen.append(x[0]))
    training.prepare(0)()
    n = int(training.pairs[pair_at(0, len(training.pairs), training.seed)])
    for at, frame in enumerate(training.lessons.load_pair(n)):
        torch.testing.assert_close(seen[0][at, :3], frame.conditioning.stick[0], rtol=0, atol=0)
        torch.testing.assert_close(seen[0][at, 3:], frame.real[0], rtol=0, atol=0)


def test_losses_of_frames_that_are_judged_separately_add_up():
    real, fake = ([[torch.full((2, 1, 4, 4), value), torch.full((2, 1, 3, 3), value)]] for value in (1.0, 0.5))
    weights = LossConfig(adversarial=1, feature_matching=10)
    once, twice = (verdict_terms(real, fake, looks, weights) for looks in (1, 2))
    assert once["adversarial"].item() == pytest.approx(0.25)
    assert once["matching"].item() == pytest.approx(10 * 4 * 0.5)
    assert {name: 2 * term for name, term in once.items()} == twice


def test_where_verdicts_have_no_weight_nobody_judges(start):
    training = start(CRN)
    before = [weights.clone() for weights in training.discriminator.parameters()]
    training.discriminator.register_forward_pre_hook(lambda *_: pytest.fail("the discriminator was asked"))
    drawn_before = [weights.clone() for weights in training.generator.parameters()]
    assert set(training.prepare(0)()) == {"pixel"}
    descend(training, rate=1e-3)
    assert all(map(torch.equal, before, training.discriminator.parameters()))
    assert not any(map(torch.equal, drawn_before, training.generator.parameters()))


def test_pix2pix_is_judged_once_and_held_to_the_pixels(start):
    training = start(PIX2PIX)
    terms = training.prepare(0)()
    assert set(terms) == {"adversarial", "pixel", "discriminator"}
    assert len(training.discriminator.scales) == 1


@pytest.mark.parametrize("preset", TINY.values(), ids=TINY)
def test_a_cut_run_goes_on_exactly_and_its_frames_do_not_know_each_other(preset, target, tmp_path, quiet_journal):
    plan = TrainingPlan((target.path,), 1, preset, Budget(images=8), seed=1)
    whole = train_performer(plan, [target], tmp_path / "whole", CPU, journal_config=quiet_journal)
    with pytest.raises(KeyboardInterrupt):
        train_performer(plan, [target], tmp_path / "cut", CPU, None, StopAfter(4), quiet_journal)
    torch.rand(1)  # whatever else draws lots in between: pix2pix's dropout is a matter of seed and step
    resumed = train_performer(plan, [target], tmp_path / "cut", CPU, journal_config=quiet_journal)
    performers = [load_performer(path) for path in (whole, resumed)]
    for (name, a), b in zip(performers[0].state_dict().items(), performers[1].state_dict().values(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0, msg=name)

    forth, back = draw_both_ways(performers[0])
    np.testing.assert_array_equal(forth, back)


def test_a_temporal_performers_frames_do_know_each_other(target, tmp_path, quiet_journal):
    plan = TrainingPlan((target.path,), 1, WHOLE, Budget(images=2), seed=1)
    performer = load_performer(train_performer(plan, [target], tmp_path, CPU, journal_config=quiet_journal))
    forth, back = draw_both_ways(performer)
    assert (forth != back).any(axis=(1, 2, 3))[1:-1].all()


def draw_both_ways(performer):
    """Frames (T, H, W, 3) of a motion, and those of the same motion backwards, in the motion's order."""
    track = replace(swaying_track(5), masks=None)
    reverse = replace(track, xy=track.xy[::-1].copy(), score=track.score[::-1].copy())
    forth, back = (np.stack([f.image for f in render_frames(performer, Motion(t), CPU)]) for t in (track, reverse))
    return forth, back[::-1]
