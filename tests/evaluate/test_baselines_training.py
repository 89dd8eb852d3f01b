"""Unpaired translation in training and as a method: it learns, goes on exactly, and draws every frame of its source."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from choreograft.config import DiscriminatorConfig, GeneratorConfig
from choreograft.errors import FileFormatError, OptionError
from choreograft.evaluate.baselines.translated import plan_translated
from choreograft.evaluate.baselines.translation import Domain, Translation, translate_picture
from choreograft.evaluate.methods import Conditions, Footage, MethodPlan
from choreograft.evaluate.roster import TranslationConfig
from choreograft.footage.clip import Clip
from choreograft.performer.device import Compute
from choreograft.presets import Budget
from choreograft.progress import silent
from choreograft.retarget.body import Motion
from choreograft.training.loop import descend
from choreograft.training.state import Journal
from choreograft.video.size import Size
from choreograft.video.write import VideoWriter
from interrupted import StopAfter
from listening import Listener
from swaying import SIZE, draw_target, swaying_track, write_target

CPU = Compute(torch.device("cpu"), bf16=False)
TINY = TranslationConfig(
    GeneratorConfig(base_channels=4, downsamplings=2, residual_blocks=1), GeneratorConfig("unet", 4, 4, 0),
    DiscriminatorConfig(scales=1, base_channels=4, layers=2), history=2,
)  # fmt: skip
METHODS = {"cyclegan": replace(TINY, cycle=10.0, identity=5.0), "recycle-gan": replace(TINY, recurrent=10, recycle=10)}
WIDE = Size(80, 48)
FRAMES = 12


@pytest.fixture
def plan(tmp_path):
    """A function that gives the plan of a method after so many steps, with its run folders in a place of that name.

    Whatever else a plan or its conditions are made of can be given too.
    """
    target = write_target(tmp_path / "target.mp4", swaying_track(24))
    source = write_wide(tmp_path / "source.mp4")

    def make(name: str, place: str = "runs", steps: int = 4, conditions: dict | None = None, **others) -> MethodPlan:
        budget = Budget(images=steps * METHODS[name].images_per_step)
        given = {
            "config": METHODS[name],
            "source": source,
            "footage": Footage((target,), 1, 0.0),
            "conditions": replace(Conditions(budget, SIZE.height, tmp_path / place, CPU, 0), **(conditions or {})),
        }
        return plan_translated(name, **given | others)

    return make


def write_wide(path) -> Clip:
    """A source of another size and shape: a grey picture with a bright square that moves."""
    with VideoWriter(path, WIDE, Fraction(24)) as video:
        for t in range(FRAMES):
            image = np.full((WIDE.height, WIDE.width, 3), 60, np.uint8)
            image[10:40, 10 + 3 * t : 22 + 3 * t] = (40, 220, 60)
            video.write(image, t / Fraction(24))
    track = swaying_track(FRAMES)
    return Clip(path, replace(track, size=WIDE, masks=None))


@pytest.mark.parametrize("name", METHODS)
def test_four_steps_equal_two_and_a_resume_and_two(name, plan, tmp_path):
    plan(name, "whole").build(silent)
    with pytest.raises(KeyboardInterrupt):
        plan(name, "cut").build(StopAfter(2 * METHODS[name].images_per_step))
    checkpoints = list((tmp_path / "cut").rglob("checkpoint.safetensors"))
    assert len(checkpoints) == 1
    kept = load_file(checkpoints[0])
    assert int(kept["discriminator/drawn_target.stored"]) == 2
    assert kept["discriminator/drawn_target.pictures"].abs().max() > 0
    plan(name, "cut").build(silent)
    whole, cut = (load_file(next((tmp_path / place).rglob("generator.*"))) for place in ("whole", "cut"))
    for entry, weights in whole.items():
        torch.testing.assert_close(weights, cut[entry], rtol=0, atol=0, msg=entry)


def test_it_goes_on_in_the_precision_it_was_begun_in(plan):
    def with_compute(**changes):
        return plan("cyclegan", conditions={"compute": replace(CPU, **changes)})

    with pytest.raises(KeyboardInterrupt):
        with_compute(bf16=True).build(StopAfter(2 * METHODS["cyclegan"].images_per_step))
    with pytest.raises(OptionError, match="found a training in bf16, expected one in float32"):
        plan("cyclegan").build(silent)
    listener = Listener()
    with_compute(stated=False).build(listener)
    assert any("goes on in bf16 instead of float32" in sentence for sentence in listener.said)


@pytest.mark.parametrize("name", METHODS)
def test_every_frame_of_the_source_is_translated_on_the_targets_canvas(name, plan):
    method = plan(name, steps=1).build(silent)
    frames = list(method.draw(Motion(swaying_track(FRAMES))))
    assert len(frames) == FRAMES
    assert {frame.shape for frame in frames} == {(SIZE.height, SIZE.width, 3)}
    assert (method.size, method.standing) == (SIZE, None)
    assert method.facts["images"] == METHODS[name].images_per_step
    assert all((a != b).any() for a, b in pairwise(frames))


def test_a_finished_translation_is_not_trained_again_and_leaves_what_it_promises(plan, tmp_path):
    plan("cyclegan").build(silent)
    folder = next((tmp_path / "runs").iterdir())
    left = {path.name for path in folder.iterdir()}
    assert left == {".lock", "generator.safetensors", "previews", "stats.jsonl"}
    written = (folder / "generator.safetensors").stat().st_mtime_ns
    plan("cyclegan").build(silent)
    assert (folder / "generator.safetensors").stat().st_mtime_ns == written
    (folder / "generator.safetensors").write_bytes(b"damaged")
    with pytest.raises(FileFormatError, match=r"generator\.safetensors: expected a generator") as refusal:
        plan("cyclegan").build(silent)
    assert "\n" not in str(refusal.value)


def test_a_translation_is_known_by_all_that_it_depends_on(plan, tmp_path):
    first = plan("cyclegan")
    other = write_target(tmp_path / "other.mp4", swaying_track(20))
    known = {
        method.identity
        for method in (
            first,
            plan("recycle-gan"),
            plan("cyclegan", steps=5),
            plan("cyclegan", source=other),
            plan("cyclegan", footage=Footage((other,), 1, 0.0)),
            plan("cyclegan", conditions={"height_px": 64}),
            plan("cyclegan", conditions={"seed": 1}),
            plan("cyclegan", config=replace(METHODS["cyclegan"], history=3)),
        )
    }
    assert len(known) == 8
    assert plan("cyclegan", "elsewhere").identity == first.identity


def test_it_learns_the_tint_of_each_domain_without_pairs(tmp_path):
    """The same scene in green and, at other moments, in red."""
    poses = swaying_track(24).xy[np.random.default_rng(0).permutation(24)]
    scene = np.stack([draw_target(xy, True)[0] for xy in poses])
    green, red = (
        np.round(frames * np.array(tint)).astype(np.uint8)
        for frames, tint in ((scene[:12], (0.4, 1, 0.4)), (scene[12:], (1, 0.4, 0.4)))
    )
    config = replace(
        TINY, cycle=10.0, generator=GeneratorConfig(base_channels=8, downsamplings=1, residual_blocks=1)
    )  # fmt: skip
    source, target = (Domain(frames, np.arange(12), 1) for frames in (green, red))
    translation = Translation(
        compute=CPU, seed=0, budget=Budget(images=80), journal=Journal(tmp_path), key="k", config=config, source=source,
        target=target,
    )  # fmt: skip
    translation.enter("global")
    for sample in range(40):
        translation.prepare(sample)()
        descend(translation, rate=2e-3)
    networks = translation.translators
    for network, frame, wanted in ((networks.to_target, green[0], red), (networks.to_source, red[0], green)):
        drawn = translate_picture(network, frame, CPU)
        assert np.abs(drawn.mean(axis=(0, 1)) - wanted.mean(axis=(0, 1, 2))).max() < 25
