"""What a method is: given the target's footage and, for some, a source, it becomes something that draws.

Those there are, by name: methods.py. A plan knows what its pictures depend on before anything is trained, so that
results which are there already are not made again.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from choreograft.files import content_hash, text_hash
from choreograft.footage.clip import Clip
from choreograft.performer.device import Compute
from choreograft.performer.header import canvas_size
from choreograft.pose.openpose_files import hash_keypoints
from choreograft.presets import PRESETS, Budget, Preset
from choreograft.progress import Progress
from choreograft.retarget.body import Motion, Standing
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
