"""The methods that can be compared: given the target's footage each becomes something that draws.

A plan knows what its pictures depend on before anything is trained, so that results which are there already are not
made again. Whoever adds a renderer adds a plan here, and it has its row in every table.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from choreograft.evaluate.roster import AT, METHOD_NAMES, NEAREST
from choreograft.evaluate.scores import TRUTH
from choreograft.files import content_hash, fit_name, text_hash
from choreograft.footage.bodies import read_bodies
from choreograft.footage.clip import Clip
from choreograft.performer.device import Compute
from choreograft.performer.header import canvas_size
from choreograft.performer.performer import load_performer
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

    def canvas(self, height_px: int) -> Size:
        """The canvas that methods without a preset share with those that have one."""
        return canvas_size(replace(PRESETS["draft"], height_px=height_px), self.clips[0].track.size)

    def folder(self, runs: Path, identity: str) -> Path:
        """Where what a method makes of it is kept; there from now on."""
        folder = runs / fit_name(self.clips[0].path.stem, f"-{identity}")
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def shown(self) -> list[Clip]:
        """The clips with nobody present in what is held out."""
        return [clip.shown(self.hold_out) for clip in self.clips]


@dataclass(frozen=True)
class MethodPlan:
    """A method that may still have to be made."""

    name: str
    """As tables call it."""
    identity: str
    """Names all that its pictures depend on, apart from the pose."""
    build: Callable[[Progress], Method]
    """Makes it, which may take minutes and end in any ChoreograftError; performers are kept in the runs folder."""


@dataclass(frozen=True)
class Conditions:
    """Under which methods are compared: the same for all of them."""

    budget: Budget
    """Of each method that trains."""
    height_px: int
    """Of the frames that all of them draw."""
    runs: Path
    compute: Compute
    seed: int


def plan_trained(preset: Preset, footage: Footage, conditions: Conditions, height_px: int | None = None) -> MethodPlan:
    """A preset, trained on the footage.

    Args:
        height_px: of its results; the target's own where None. The plan is named by it too.
    """
    videos, keypoints = zip(*((clip.path, clip.keypoints) for clip in footage.clips), strict=True)
    plan = TrainingPlan(
        videos, footage.person, preset, conditions.budget, conditions.seed, footage.hold_out, keypoints=keypoints
    )
    at_height = "" if height_px is None else f"{AT}{height_px}"

    def build(progress: Progress) -> Method:
        path = plan.performer_path(conditions.runs)
        if not path.exists():
            bodies = read_bodies(footage.shown(), footage.person, conditions.runs, progress)
            train_performer(plan, footage.clips, conditions.runs, conditions.compute, progress=progress, bodies=bodies)
        return _load_method(path, conditions.compute, height_px)

    return MethodPlan(f"{preset.name}{at_height}", f"{plan.key}{at_height}", build)


def plan_given(path: Path, compute: Compute) -> MethodPlan:
    """A performer file, named without its suffix unless that is a method's name or the truth's."""
    name = path.name if path.stem in (*METHOD_NAMES, TRUTH) else path.stem
    return MethodPlan(name, content_hash(path, 16), lambda _: _load_method(path, compute))


def plan_nearest(footage: Footage, conditions: Conditions) -> MethodPlan:
    """Retrieval of the target's own frames (`NearestFrames`)."""
    size = footage.canvas(conditions.height_px)
    identity = text_hash([NEAREST, footage.key, size])

    def build(progress: Progress) -> Method:
        shown = footage.shown()
        folder = footage.folder(conditions.runs, identity)
        with hold_folder(folder):
            recording = prepare_recording(folder / "recording", shown, size, progress)
        bodies = read_bodies(shown, footage.person, conditions.runs, progress)
        standing = Standing(Stance.measure(recording.tracks[0]), BodyStage.measure(bodies[0].on_canvas(size)))
        nearest, frames, empty = NearestFrames.of_tracks(recording.tracks), recording.frames, recording.plates[0]

        def draw(motion: Motion) -> Iterator[NDArray[np.uint8]]:
            return (empty if n is None else frames[n] for n in nearest.choose(motion.track))

        return Method(size, standing, draw, {"frames to choose from": len(frames)})

    return MethodPlan(NEAREST, identity, build)


def _load_method(path: Path, compute: Compute, height_px: int | None = None) -> Method:
    performer = load_performer(path, compute.device)
    size, training = choose_size(performer, height_px), performer.card.training
    facts: dict[str, Any] = {name: training[name] for name in ("images", "seconds") if name in training}
    facts["parameters"] = sum(weight.numel() for weight in performer.generator.parameters())

    def draw(motion: Motion) -> Iterator[NDArray[np.uint8]]:
        return (frame.image for frame in render_frames(performer, motion, compute, size))

    return Method(performer.card.size, performer.card.standing, draw, facts, size)
