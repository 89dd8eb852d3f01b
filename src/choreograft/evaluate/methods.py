"""The methods that can be compared: given the target's footage each becomes something that draws.

A plan knows what its pictures depend on before anything is trained, so that results which are there already are not
made again. Whoever adds a renderer adds a plan here, and it has its row in every table.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from choreograft.evaluate.roster import AT, METHOD_NAMES, NEAREST
from choreograft.evaluate.scores import TRUTH
from choreograft.files import content_hash, fit_name, text_hash
from choreograft.footage.bodies import read_bodies
from choreograft.footage.clip import Clip
from choreograft.performer.device import Compute
from choreograft.performer.header import canvas_size
from choreograft.performer.performer import Performer, load_performer
from choreograft.pose.openpose_files import hash_keypoints
from choreograft.presets import PRESETS, Budget, Preset
from choreograft.progress import Progress
from choreograft.render.session import NearestFrames, choose_size, render_frames
from choreograft.retarget.body import BodyStage, Motion, Standing
from choreograft.retarget.normalise import Stance
from choreograft.training.recording import prepare_recording
from choreograft.training.train import TrainingPlan, hold_folder, train_performer
from choreograft.video.size import Size

Draw = Callable[[Motion], Iterator[NDArray[np.uint8]]]
"""Frames (H, W, 3) for every frame of a motion in canvas pixels."""


@dataclass(frozen=True)
class Method:
    """Something that draws the target."""

    size: Size
    """Of the canvas, px, on which it is posed."""
    standing: Standing | None
    """Where and how large the target stands on it; None for what does not draw from poses."""
    draw: Draw
    facts: Mapping[str, Any]
    """How it came about, for people."""
    shown: Size | None = None
    """Of its pictures, px; the canvas's where None."""


@dataclass(frozen=True)
class Footage:
    """What every method may learn the target from."""

    clips: tuple[Clip, ...]
    """With their cleaned tracks, whole."""
    person: int
    hold_out: float
    """Share of every clip, at its end, that no method may see."""

    @property
    def key(self) -> str:
        """Names the footage: changes with every byte of it and with what is held out."""
        facts: list[Any] = [[content_hash(clip.path) for clip in self.clips], self.person, self.hold_out]
        if any(clip.keypoints for clip in self.clips):
            facts.append([clip.keypoints and hash_keypoints(clip.keypoints) for clip in self.clips])
        return text_hash(facts)

    def size(self, preset: Preset) -> Size:
        """The canvas of a preset for this target."""
        return canvas_size(preset, self.clips[0].track.size)

    def canvas(self, height_px: int) -> Size:
        """The canvas that methods without a preset share with those that have one."""
        return self.size(replace(PRESETS["draft"], height_px=height_px))

    def shown(self) -> list[Clip]:
        """The clips with nobody present in what is held out."""
        return [clip.shown(self.hold_out) for clip in self.clips]


class MethodPlan(Protocol):
    """A method that may still have to be made."""

    @property
    def name(self) -> str:
        """As tables call it."""
        ...

    @property
    def identity(self) -> str:
        """Names all that its pictures depend on, apart from the pose."""
        ...

    def build(self, progress: Progress) -> Method:
        """Make it, which may take minutes; trained performers are kept in the runs folder.

        Raises:
            ChoreograftError: any of its kinds.
        """
        ...


@dataclass(frozen=True)
class Terms:
    """On what terms methods are compared: the same for all of them."""

    budget: Budget
    """Of each method that trains."""
    height_px: int
    """Of the frames that all of them draw."""
    runs: Path
    compute: Compute
    seed: int


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
        nearest, frames, empty = NearestFrames.of_tracks(recording.tracks), recording.frames, recording.plates[0]
        return Method(
            self._size,
            standing,
            lambda motion: (empty if n is None else frames[n] for n in nearest.choose(motion.track)),
            {"frames to choose from": len(recording.frames)},
        )


def _as_method(performer: Performer, compute: Compute, height_px: int | None = None) -> Method:
    training = performer.card.training
    facts: dict[str, Any] = {name: training[name] for name in ("images", "seconds") if name in training}
    facts["parameters"] = sum(weight.numel() for weight in performer.generator.parameters())

    def draw(motion: Motion) -> Iterator[NDArray[np.uint8]]:
        return (frame.image for frame in render_frames(performer, motion, compute, size))

    size = choose_size(performer, height_px)
    return Method(performer.card.size, performer.card.standing, draw, facts, size)
