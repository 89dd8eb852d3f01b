"""The stages of a training: the face's after the generator's, each resumed exactly wherever it was interrupted."""

import json
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from choreograft.config import TrainingStage
from choreograft.errors import FileFormatError
from choreograft.footage.clip import Clip
from choreograft.performer.performer import Performer, load_performer
from choreograft.pose import skeleton
from choreograft.presets import Budget
from choreograft.progress import SilentProgress, silent
from choreograft.render.session import render_frames
from choreograft.retarget.body import Motion
from choreograft.training.loop import descend, fit, plan_spans
from choreograft.training.state import read_header
from choreograft.training.step import PerformerTraining
from choreograft.training.train import TrainingPlan, train_performer
from interrupted import StopAfter
from swaying import ENHANCED_PRESET, FACE_PRESET, swaying_track, write_target
from taught import CPU, enter, training_of

ONLY_FACE = replace(FACE_PRESET, stages=(TrainingStage("face", 1.0),))


@pytest.fixture
def plan(target: Clip) -> TrainingPlan:
    return TrainingPlan((target.path,), 1, FACE_PRESET, Budget(images=8), seed=1)


class Counter(SilentProgress):
    """Remembers the trainings and how far they came."""

    def __init__(self) -> None:
        self.totals: list[float | None] = []
        self.done: list[float] = []

    @contextmanager
    def task(self, name, total, unit="frames"):
        def advance(done, **figures):
            if name == "Training":
                self.done.append(done)

        if name == "Training":
            self.totals.append(total)
        yield advance


def weights(path):
    return load_performer(path).state_dict()


@pytest.mark.parametrize(
    ("preset", "budget", "images", "stage"),
    [
        (FACE_PRESET, 8, 2, "global"), (FACE_PRESET, 8, 4, "global"), (FACE_PRESET, 8, 6, "face"),
        (ENHANCED_PRESET, 12, 2, "global"), (ENHANCED_PRESET, 12, 6, "local"), (ENHANCED_PRESET, 12, 10, "face"),
    ],
)  # fmt: skip
def test_training_resumes_exactly_in_every_stage(target, tmp_path, quiet_journal, preset, budget, images, stage):
    plan = TrainingPlan((target.path,), 1, preset, Budget(images=budget), seed=1)
    whole = train_performer(plan, [target], tmp_path / "whole", CPU, journal_config=quiet_journal)
    with pytest.raises(KeyboardInterrupt):
        train_performer(plan, [target], tmp_path / "cut", CPU, None, StopAfter(images), quiet_journal)
    checkpoint = plan.folder(tmp_path / "cut") / "checkpoint.safetensors"
    assert read_header(checkpoint, plan.key)["stage"] == stage
    resumed = train_performer(plan, [target], tmp_path / "cut", CPU, journal_config=quiet_journal)
    for (name, a), b in zip(weights(whole).items(), weights(resumed).values(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0, msg=name)
    lines = [(plan.folder(tmp_path / run) / "stats.jsonl").read_text().splitlines() for run in ("whole", "cut")]
    assert [json.loads(line)["images"] for line in lines[0]] == list(range(2, budget + 1, 2))
    without_time = [[{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in run] for run in lines]
    assert without_time[0] == without_time[1]


def test_one_task_counts_all_stages_and_each_has_figures_of_its_own(plan, target, tmp_path, quiet_journal):
    progress = Counter()
    train_performer(plan, [target], tmp_path, CPU, None, progress, quiet_journal)
    assert progress.totals == [8]
    assert progress.done == [2, 4, 6, 8]
    lines = [json.loads(line) for line in (plan.folder(tmp_path) / "stats.jsonl").read_text().splitlines()]
    assert {"matching", "discriminator"} <= set(lines[1])
    assert set(lines[3]) - {"images", "seconds", "learning_rate"} == {
        "face_adversarial", "face_pixel", "face_discriminator",
    }  # fmt: skip
    # the rate is constant over the first half of a stage, and each stage begins at its own full rate
    assert [line["learning_rate"] for line in lines] == pytest.approx([2e-4, 2e-4, 4e-4, 4e-4])


def test_the_shares_of_the_stages_fill_the_budget(target, tmp_path):
    spans = plan_spans((TrainingStage("global", 3.0), TrainingStage("face", 1.0)))
    assert spans == [(0, 0.75), (0.75, 1)]
    training = training_of(target, tmp_path, FACE_PRESET, 8)
    training.span, training.seen_images = spans[1], 7
    assert training.done == pytest.approx(0.5)
    assert plan_spans(FACE_PRESET.without_face().stages) == [(0, 1)]


def test_the_generator_stays_as_it_is_while_the_face_is_trained(target, tmp_path):
    stage = enter(training_of(target, tmp_path, FACE_PRESET), "face")
    before = {name: tensor.clone() for name, tensor in stage.performer.state_dict().items()}
    for step in range(2):  # in the first only the last convolution moves: other gradients pass through its zeros
        stage.prepare(step)()
        descend(stage, rate=1e-3)
    for name, tensor in stage.performer.state_dict().items():
        if name.startswith("face") and tensor.ndim == 4:
            assert not torch.equal(tensor, before[name]), name
        elif not name.startswith("face"):
            assert torch.equal(tensor, before[name]), name


def face_errors(performer: Performer, stage: PerformerTraining) -> tuple[float, float]:
    """Mean distance of the face's pixels to the truth over four frames: as the generator draws them, and mended."""
    errors = []
    for n in stage.pairs[:4]:
        (_, second), at = stage.lessons.load_pair(n), stage.faces[n + 1]
        mended = stage.show(n)[1]
        face, performer.face = performer.face, None
        drawn = stage.show(n)[1]
        performer.face = face
        errors.append([float((at.crop(picture) - at.crop(second.real)).abs().mean()) for picture in (drawn, mended)])
    return tuple(np.mean(errors, axis=0).tolist())


def test_a_tiny_face_network_learns_four_faces_by_heart(target, tmp_path):
    training = training_of(target, tmp_path, ONLY_FACE, 240)
    recording = training.lessons.recording
    training.lessons = replace(training.lessons, recording=replace(recording, pairs=recording.pairs[:4]))
    fit(training, silent)
    drawn, mended = face_errors(training.performer, enter(training, "face"))
    assert mended < 0.5 * drawn
    lines = [json.loads(line) for line in (tmp_path / "stats.jsonl").read_text().splitlines()]
    assert np.mean([line["face_pixel"] for line in lines[-10:]]) < 0.5 * lines[0]["face_pixel"]


def test_a_checkpoint_of_another_stage_or_architecture_is_one_line(target, tmp_path):
    training = training_of(target, tmp_path, FACE_PRESET)
    enter(training, "global").save()
    with pytest.raises(
        FileFormatError, match=r"checkpoint\.safetensors: expected .* in stage face, found stage global"
    ):
        enter(training, "face").load()
    wider = replace(FACE_PRESET, face=replace(FACE_PRESET.face, generator=FACE_PRESET.generator))
    wider = replace(wider, generator=replace(wider.generator, base_channels=16))
    with pytest.raises(FileFormatError, match=r"found .*size mismatch.*; remove it to begin anew") as caught:
        enter(training_of(target, tmp_path, wider), "global").load()
    assert "\n" not in str(caught.value)
    with pytest.raises(FileFormatError, match="found stage global; expected face"):
        fit(training_of(target, tmp_path, ONLY_FACE), silent)


def test_footage_without_a_face_makes_a_performer_without_one(tmp_path, quiet_journal):
    track = swaying_track(24)
    score = track.score.copy()
    score[4:, list(skeleton.HEAD)] = 0.1
    clip = write_target(tmp_path / "target.mp4", replace(track, score=score))
    said = []
    progress = SilentProgress()
    progress.say = said.append
    plan = TrainingPlan((clip.path,), 1, FACE_PRESET, Budget(images=4), seed=1)
    performer = load_performer(train_performer(plan, [clip], tmp_path, CPU, None, progress, quiet_journal))
    assert performer.face is None
    assert not performer.card.preset.mends_faces
    assert any("the face is hardly ever seen" in sentence for sentence in said)


def test_rendering_mends_what_is_shown_and_goes_on_from_what_was_drawn(target, tmp_path):
    performer = training_of(target, tmp_path, FACE_PRESET).performer.eval()
    with torch.no_grad():
        for weight in performer.face.parameters():
            weight.normal_(0, 0.1)
    track = swaying_track(4)
    score = track.score.copy()
    score[2, list(skeleton.HEAD)] = 0.1
    motion = Motion(replace(track, score=score))
    mended = [frame.image for frame in render_frames(performer, motion, CPU)]
    faces = performer.find_faces(motion.track)
    performer.face = None
    drawn = [frame.image for frame in render_frames(performer, motion, CPU)]
    for t, at in enumerate(faces):
        changed = (mended[t] != drawn[t]).any(axis=-1)
        assert changed.any() == (at is not None) == (t != 2)
        if at is not None:
            changed[at.top : at.top + at.height, at.left : at.left + at.width] = False
            assert not changed.any()


def test_training_sees_the_frames_that_rendering_draws(target, tmp_path):
    stage = enter(training_of(target, tmp_path, FACE_PRESET), "face")
    _, drawn = stage.show(0)
    track = stage.lessons.recording.tracks[0]
    second = list(render_frames(stage.performer.eval(), Motion(track.select([0, 1])), CPU))[1]
    assert_allclose((drawn[0].permute(1, 2, 0) + 1) * 127.5, second.image, atol=0.51)
