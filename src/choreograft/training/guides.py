"""Guides for training: the person drawn from references that are far from the frame to be drawn, in time or in pose.

In a transfer the references never show the very pose, the body is a little wrong, and parts of it were never seen. The
refiner learns to repair what it is given, so it is given that: never a reference closer in time than `GAP_S`, often
none for seconds around, often only some of the bank, and often a body that is a little off.

Shapes: N frames of the recording, R references, H x W pixels.
"""

from collections.abc import Sequence
from dataclasses import replace
from threading import Lock
from typing import Final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from choreograft.body.body_track import BodyTrack
from choreograft.performer.atlas import Atlas
from choreograft.performer.references import ReferenceBank, part_turns
from choreograft.performer.warp import Posed, Warper

GAP_S: Final = 0.5
FAR_S: Final = 4.0
"""Up to which the gap is widened in every other frame."""
FAR_SHARE: Final = 0.5
SPARSE_SHARE: Final = 0.3
"""Of the frames that see only some of the bank."""
OFF_SHARE: Final = 0.5
"""Of the frames whose body is a little off: joints and place by these deviations."""
OFF_RAD: Final = 0.04
OFF_M: Final = 0.008


class Guides:
    """Draws guides for the frames of a recording; safe to be called from several threads."""

    def __init__(self, bank: ReferenceBank, bodies: Sequence[BodyTrack], faces: NDArray[np.float32], seed: int) -> None:
        """Keep what is needed.

        Args:
            bodies: of the recording's frames, one track a clip, on the canvas. faces: (N, 68, 2) px in them.
        """
        self._warper = Warper(Atlas.of(bank))
        self._bodies, self._faces, self._seed = tuple(bodies), faces, seed
        self._clip_of = np.repeat(np.arange(len(bodies)), [len(body) for body in bodies])
        self._starts = np.cumsum([0, *(len(body) for body in bodies)])
        self._bank_clip = np.repeat(np.arange(len(bank.bodies)), [len(body) for body in bank.bodies])
        self._bank_time_s = np.concatenate([body.time_s for body in bank.bodies])
        self._lock = Lock()

    def draw(self, n: int, occasion: int) -> Tensor:
        """(C, H, W) the guide of frame n.

        Args:
            occasion: the frames of a pair share one, and with it their references and how far the body is off.
        """
        rng = np.random.default_rng((self._seed, occasion))
        clip = int(self._clip_of[n])
        t = n - int(self._starts[clip])
        body = self._bodies[clip].select([t])
        gap_s = rng.uniform(GAP_S, FAR_S) if rng.random() < FAR_SHARE else GAP_S
        far = (self._bank_clip != clip) | (np.abs(self._bank_time_s - body.time_s[0]) >= gap_s)
        if not far.any():  # footage of a few seconds
            far = np.abs(self._bank_time_s - body.time_s[0]) >= np.abs(self._bank_time_s - body.time_s[0]).max() / 2
        if rng.random() < SPARSE_SHARE:
            far = _thin(far, rng)
        if rng.random() < OFF_SHARE:
            turns = body.turns + rng.normal(0, OFF_RAD, body.turns.shape).astype(np.float32)
            body = replace(body, turns=turns, pelvis=body.pelvis + rng.normal(0, OFF_M, 3).astype(np.float32))
        with self._lock:
            camera = body.camera
            vertices = camera.place(next(body.skin()))
            posed = Posed(vertices, part_turns(body)[0], camera.focal_px, camera.size, self._faces[n])
            warped = self._warper.draw(posed, far)
        return warped.as_guide()


def _thin(allowed: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.bool_]:
    """A quarter of what is allowed, at least one."""
    chosen = allowed & (rng.random(len(allowed)) < 0.25)
    return chosen if chosen.any() else allowed
