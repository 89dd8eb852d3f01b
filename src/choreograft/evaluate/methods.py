"""The methods that can be compared, behind one seam (method.py).

Whoever adds a renderer adds a plan here, and it has its row in every table.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from choreograft.evaluate.baselines.translated import TranslatedMethod
from choreograft.evaluate.method import Footage, Method, MethodPlan, Terms
from choreograft.evaluate.roster import (
    AT,
    METHOD_NAMES,
    NEAREST,
    TRAINED,
    TRANSLATIONS,
    adapt_preset,
    base_of,
    height_of,
)
from choreograft.evaluate.scores import TRUTH
from choreograft.files import content_hash, fit_name, text_hash
from choreograft.footage.bodies import read_bodies
from choreograft.footage.clip import Clip
from choreograft.performer.device import Compute
from choreograft.performer.performer import Performer, load_performer
from choreograft.presets import Preset
from choreograft.progress import Progress
from choreograft.render.session import NearestFrames, choose_size, render_frames
from choreograft.retarget.body import BodyStage, Motion, Standing
from choreograft.retarget.normalise import Stance
from choreograft.training.recording import prepare_recording
from choreograft.training.train import TrainingPlan, hold_folder, train_performer
from choreograft.video.size import Size


@dataclass(frozen=True)
class TrainedMethod:
    """A preset, trained on the footage."""

    preset: Preset
    footage: Footage
    terms: Terms
    height_px: int | None = None
    """Of its results; the target's own where None."""

    @property
    def name(self) -> str:
        """The preset's, and the height where one was asked for."""
        return self.preset.name if self.height_px is None else f"{self.preset.name}{AT}{self.height_px}"

    @property
    def _plan(self) -> TrainingPlan:
        videos = tuple(clip.path for clip in self.footage.clips)
        return TrainingPlan(
            videos, self.footage.person, self.preset, self.terms.budget, self.terms.seed, self.footage.hold_out,
            keypoints=tuple(clip.keypoints for clip in self.footage.clips),
        )  # fmt: skip

    @property
    def identity(self) -> str:
        """See MethodPlan."""
        return self._plan.key if self.height_px is None else f"{self._plan.key}{AT}{self.height_px}"

    def build(self, progress: Progress) -> Method:
        """See MethodPlan."""
        plan = self._plan
        path = plan.performer_path(self.terms.runs)
        if not path.exists():
            footage, runs = self.footage, self.terms.runs
            bodies = read_bodies(footage.shown(), footage.person, runs, progress)
            train_performer(plan, footage.clips, runs, self.terms.compute, progress=progress, bodies=bodies)
        performer = load_performer(path, self.terms.compute.device)
        return _as_method(performer, self.terms.compute, self.height_px)


@dataclass(frozen=True)
class GivenMethod:
    """A performer file."""

    path: Path
    compute: Compute

    @property
    def name(self) -> str:
        """The file's, without its suffix unless that is a method's name or the truth's."""
        return self.path.name if self.path.stem in (*METHOD_NAMES, TRUTH) else self.path.stem

    @property
    def identity(self) -> str:
        """See MethodPlan."""
        return content_hash(self.path, 16)

    def build(self, progress: Progress) -> Method:  # noqa: ARG002
        """See MethodPlan."""
        return _as_method(load_performer(self.path, self.compute.device), self.compute)


@dataclass(frozen=True)
class NearestMethod:
    """Retrieval of the target's own frames (`NearestFrames`)."""

    footage: Footage
    terms: Terms
    name: str = NEAREST

    @property
    def identity(self) -> str:
        """See MethodPlan."""
        return text_hash([self.name, self.footage.key, self._size])

    @property
    def _size(self) -> Size:
        return self.footage.canvas(self.terms.height_px)

    def build(self, progress: Progress) -> Method:
        """See MethodPlan."""
        shown = self.footage.shown()
        folder = self.terms.runs / fit_name(self.footage.clips[0].path.stem, f"-{self.identity}")
        folder.mkdir(parents=True, exist_ok=True)
        with hold_folder(folder):
            recording = prepare_recording(folder / "recording", shown, self._size, progress)
        bodies = read_bodies(shown, self.footage.person, self.terms.runs, progress)
        stance = Stance.measure(recording.tracks[0])
        standing = Standing(stance, BodyStage.measure(bodies[0].on_canvas(self._size)))
        nearest = NearestFrames.of_tracks(recording.frames, recording.tracks, recording.plates[0])
        return Method(
            self._size,
            standing,
            lambda motion: nearest.draw(motion.track),
            {"frames to choose from": len(recording.frames)},
        )


def plan_method(name: str, footage: Footage, terms: Terms, source: Clip | None = None) -> MethodPlan:
    """The plan of a method by its name (see `check_methods`), at the height that all methods are compared at.

    Args:
        source: the video to be danced with its cleaned track; those of `TRANSLATIONS` need it.
    """
    if name == NEAREST:
        return NearestMethod(footage, terms)
    if name in TRANSLATIONS:
        assert source is not None
        return TranslatedMethod(name, TRANSLATIONS[name], source, footage, terms)
    return TrainedMethod(adapt_preset(TRAINED[base_of(name)], terms.height_px), footage, terms, height_of(name))


def _as_method(performer: Performer, compute: Compute, height_px: int | None = None) -> Method:
    training = performer.card.training
    facts: dict[str, Any] = {name: training[name] for name in ("images", "seconds") if name in training}
    facts["parameters"] = sum(weight.numel() for weight in performer.generator.parameters())

    def draw(motion: Motion) -> Iterator[NDArray[np.uint8]]:
        return (frame.image for frame in render_frames(performer, motion, compute, size))

    size = choose_size(performer, height_px)
    return Method(performer.card.size, performer.card.standing, draw, facts, size)
