"""The stages "global" and "local" of an enhanced generator: what each sees, moves and leaves alone."""

from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from choreograft.config import LossConfig, OptimiserConfig, TrainingStage
from choreograft.errors import FileFormatError
from choreograft.files import text_hash
from choreograft.performer.networks import halve
from choreograft.performer.performer import load_performer
from choreograft.performer.staging import to_image
from choreograft.presets import Budget
from choreograft.progress import silent
from choreograft.render.session import render_frames
from choreograft.retarget.body import Motion
from choreograft.training.lessons import pair_at
from choreograft.training.loop import descend, fit
from choreograft.training.train import TrainingPlan, train_performer
from swaying import ENHANCED_PRESET, FACE_PRESET, swaying_track
from taught import CPU, enter, error_by_heart, training_of

ENHANCED = ENHANCED_PRESET.without_face()
WHOLE, HALF = (96, 64), (48, 32)


def copy_weights(module):
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def moved(module, before):
    """Names of the weights of convolutions that are no longer what they were."""
    return {name for name, tensor in module.state_dict().items() if tensor.ndim == 4 and (tensor != before[name]).any()}


@pytest.mark.parametrize(("name", "size"), [("global", HALF), ("local", WHOLE)])
def test_each_stage_trains_its_network_at_its_size(target, tmp_path, name, size):
    stage = enter(training_of(target, tmp_path, ENHANCED), name)
    whole = stage.performer.generator
    seen = {"generator": [], "discriminator": []}
    for name, shapes in seen.items():
        getattr(stage, name).register_forward_pre_hook(lambda _, x, to=shapes: to.append(tuple(x[0].shape)))
    before = copy_weights(whole)
    stage.prepare(0)()
    descend(stage, rate=1e-3)
    assert seen == {"generator": [(1, 6, *size)] * 2, "discriminator": [(1, 12, *size)] * 3}
    head = f"coarse.layers.{len(whole.coarse.layers) - 2}.weight"
    named = {name for name in before if name.endswith("weight")}
    trained = {name for name in named if name.startswith("coarse.")} if size == HALF else named - {head}
    assert moved(whole, before) == trained
    optimised = {id(weight) for group in stage.generator_optimiser.param_groups for weight in group["params"]}
    assert {name for name, weight in whole.named_parameters() if id(weight) in optimised} & named == trained


def test_the_coarse_stage_goes_on_from_its_own_drawing_and_is_judged_beside_halved_frames(target, tmp_path):
    training = training_of(target, tmp_path, ENHANCED)
    stage = enter(training, "global")
    calls, judged = [], []
    stage.generator.register_forward_hook(lambda _, x, y: calls.append((x[0], y)))
    stage.discriminator.register_forward_pre_hook(lambda _, x: judged.append(x[0]))
    stage.prepare(0)()
    first, second = training.lessons.load_pair(int(stage.pairs[pair_at(0, len(stage.pairs), training.seed)]))
    (nothing, drawn), (given, _) = calls
    assert not nothing[:, 3:].any()
    matte = (drawn[:, 3:] + 1) / 2
    plate = halve(first.conditioning.plate)
    torch.testing.assert_close(given[:, 3:], matte * drawn[:, :3] + (1 - matte) * plate)
    whole = torch.cat([first.conditioning.stick, second.conditioning.stick, first.real, second.real], dim=1)
    torch.testing.assert_close(judged[0], halve(whole), rtol=0, atol=0)


def test_halved_lessons_are_the_lessons_halved_as_the_enhancer_does(target, tmp_path):
    training = training_of(target, tmp_path, ENHANCED)
    whole, half = (lessons.load_frame(3) for lessons in (training.lessons, enter(training, "global").lessons))
    seen = []
    generator = training.performer.generator
    generator.coarse.layers[0].register_forward_pre_hook(lambda _, x: seen.append(x[0]))
    with torch.no_grad():
        training.performer(whole.conditioning, whole.real)
    torch.testing.assert_close(seen[0], torch.cat([half.conditioning.stick, half.real], dim=1), rtol=0, atol=0)
    assert half.mask.shape == (1, 1, *HALF)
    assert half.mask.mean().item() == pytest.approx(whole.mask.mean().item(), rel=0.05)
    assert half.conditioning.plate.shape == (1, 3, *HALF)


def test_each_stage_has_its_own_weights_of_the_terms(target, tmp_path):
    training = training_of(target, tmp_path, ENHANCED)
    stages = enter(training, "global"), enter(training, "local")
    assert [stage.losses for stage in stages] == [ENHANCED.losses, ENHANCED.enhancer.losses]
    for stage, weight in zip(stages, (10, 20), strict=True):
        pairs, drawn = [], []
        stage.discriminator.register_forward_pre_hook(lambda _, x, to=pairs: to.append(x[0].detach()))
        terms = stage.prepare(0)()
        real, drawn = (joined[:, 6:] for joined in pairs[:2])
        assert terms["pixel"].item() == pytest.approx(2 * weight * (real - drawn).abs().mean().item(), rel=1e-5)


def test_an_enhanced_performer_learns_its_eight_frames_by_heart(target, tmp_path):
    fast = replace(ENHANCED, optimiser=OptimiserConfig(learning_rate=1e-3))
    training = training_of(target, tmp_path, fast, 240)
    performer, lessons = training.performer, training.lessons

    before = error_by_heart(performer, lessons)
    fit(training, silent)
    assert error_by_heart(performer, lessons) < 0.25 * before


def test_a_trained_file_draws_with_the_enhancer_what_the_performer_draws(target, tmp_path, quiet_journal):
    plan = TrainingPlan((target.path,), 1, ENHANCED, Budget(images=4), seed=0)
    performer = load_performer(train_performer(plan, [target], tmp_path, CPU, journal_config=quiet_journal))
    assert [stage.name for stage in performer.card.preset.stages] == ["global", "local"]
    track = swaying_track(3)
    images = [frame.image for frame in render_frames(performer, Motion(track), CPU)]
    assert [image.shape for image in images] == [(*WHOLE, 3)] * 3
    previous = performer.no_previous()
    for t, image in enumerate(images):
        given = performer.staging.describe(track, t, performer.plate)
        with torch.no_grad():
            drawn = performer.generator(torch.cat([given.stick, previous], dim=1))
            previous = performer.staging.compose(drawn, given).frame
        assert np.abs(to_image(previous[0]).astype(int) - image).max() <= 1


def test_a_checkpoint_of_the_coarse_stage_has_the_coarse_network_alone(target, tmp_path):
    training = training_of(target, tmp_path, ENHANCED)
    coarse = enter(training, "global")
    assert set(coarse.generator.state_dict()) == set(training.performer.generator.coarse.state_dict())
    coarse.save()
    with pytest.raises(FileFormatError, match="in stage local, found stage global"):
        enter(training, "local").load()


def test_a_checkpoint_of_an_enhancer_is_refused_by_a_preset_without_one(target, tmp_path):
    enter(training_of(target, tmp_path, ENHANCED), "local").save()
    with pytest.raises(FileFormatError, match="found stage local; expected global or face; remove it") as caught:
        fit(training_of(target, tmp_path, FACE_PRESET), silent)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("preset", [FACE_PRESET, FACE_PRESET.without_face()], ids=["face", "global alone"])
def test_plans_without_an_enhancer_are_called_what_they_were_before_there_was_one(target, preset):
    plan = TrainingPlan((target.path,), 1, preset, Budget(images=8), seed=1)
    described = asdict(preset)
    for added in ("temporal", "images", "enhancer", *(() if preset.mends_faces else ("stages", "face"))):
        del described[added]
    assert plan.key == text_hash([list(plan.clips.values()), 1, described, asdict(plan.budget), 1])


def test_plans_with_an_enhancer_are_told_apart_by_it(target):
    other = replace(ENHANCED, enhancer=replace(ENHANCED.enhancer, losses=LossConfig()))
    shares = replace(ENHANCED, stages=(TrainingStage("global", 1.0), TrainingStage("local", 3.0)))
    coarse = replace(ENHANCED, stages=ENHANCED.stages[:1])
    presets = (ENHANCED, other, shares, coarse)
    assert len({TrainingPlan((target.path,), 1, preset, Budget(images=8), 0).key for preset in presets}) == 4
