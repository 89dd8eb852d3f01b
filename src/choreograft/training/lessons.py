"""Which pair of consecutive real frames each sample of a training is, and that pair with all that belongs to it.

The order is a function of the seed and the sample's number alone, so a resumed run goes on exactly where it stopped.

To a pair may belong guides: the person drawn from references that are far from the frame to be drawn, in time or in
pose. In a transfer the references never show the very pose, the body is a little wrong, and parts of it were never
seen. The refiner learns to repair what it is given, so it is given that: never a reference closer in time than `GAP_S`,
often none for seconds around, often only some of the bank, and often a body that is a little off.

Shapes: N frames of the recording, R references, B = 1, H x W pixels.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from threading import Lock
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from choreograft.body.body_track import BodyTrack
from choreograft.footage.split import MIN_PAIRS
from choreograft.performer.atlas import Atlas
from choreograft.performer.networks import halve
from choreograft.performer.references import ReferenceBank, part_turns
from choreograft.performer.region import Region, face_side, find_faces
from choreograft.performer.staging import Conditioning, Staging, to_tensor
from choreograft.performer.warp import Posed, Warper
from choreograft.presets import Preset
from choreograft.retarget.normalise import Stance
from choreograft.training.recording import Recording
from choreograft.video.size import Size

GAP_S: Final = 0.5
FAR_S: Final = 4.0
"""Up to which the gap is widened in every other frame."""
FAR_SHARE: Final = 0.5
SPARSE_SHARE: Final = 0.3
"""Of the frames that see only some of the bank: a quarter of it, or all where that is nothing."""
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
        self._places = [(clip, t) for clip, body in enumerate(bodies) for t in range(len(body))]
        self._bank_clip = np.repeat(np.arange(len(bank.bodies)), [len(body) for body in bank.bodies])
        self._bank_time_s = np.concatenate([body.time_s for body in bank.bodies])
        self._lock = Lock()

    def draw(self, n: int, occasion: int) -> Tensor:
        """(C, H, W) the guide of frame n.

        Args:
            occasion: the frames of a pair share one, and with it their references and how far the body is off.
        """
        rng = np.random.default_rng((self._seed, occasion))
        clip, t = self._places[n]
        body = self._bodies[clip].select([t])
        gap_s = rng.uniform(GAP_S, FAR_S) if rng.random() < FAR_SHARE else GAP_S
        far = (self._bank_clip != clip) | (np.abs(self._bank_time_s - body.time_s[0]) >= gap_s)
        if not far.any():  # footage of a few seconds
            far = np.abs(self._bank_time_s - body.time_s[0]) >= np.abs(self._bank_time_s - body.time_s[0]).max() / 2
        if rng.random() < SPARSE_SHARE:
            some = far & (rng.random(len(far)) < 0.25)
            far = some if some.any() else far
        if rng.random() < OFF_SHARE:
            turns = body.turns + rng.normal(0, OFF_RAD, body.turns.shape).astype(np.float32)
            body = replace(body, turns=turns, pelvis=body.pelvis + rng.normal(0, OFF_M, 3).astype(np.float32))
        with self._lock:
            camera = body.camera
            vertices = camera.place(next(body.skin()))
            posed = Posed(vertices, part_turns(body)[0], camera.focal_px, camera.size, self._faces[n])
            warped = self._warper.draw(posed, far)
        return warped.as_guide()


IMAGES_PER_PAIR: Final = 2


@dataclass(frozen=True)
class TrainingFrame:
    """One real frame with all that its drawing is given and judged by."""

    conditioning: Conditioning
    real: Tensor
    """(1, 3, H, W) in [-1, 1]."""
    mask: Tensor
    """(1, 1, H, W) in [0, 1]."""

    def to(self, device: torch.device) -> "TrainingFrame":
        """The same on another device."""
        return TrainingFrame(self.conditioning.to(device), self.real.to(device), self.mask.to(device))

    def crop(self, region: Region) -> "TrainingFrame":
        """The same of a part of the canvas."""
        return TrainingFrame(self.conditioning.crop(region), region.crop(self.real), region.crop(self.mask))

    def halve(self) -> "TrainingFrame":
        """The same at half the size, as a coarse generator sees it."""
        return TrainingFrame(self.conditioning.halve(), halve(self.real), halve(self.mask))


TrainingPair = tuple[TrainingFrame, TrainingFrame]
"""The frames t - 1 and t of the method."""


def pair_at(sample: int, pairs: int, seed: int) -> int:
    """The pair of a sample: every epoch is a permutation of its own, seeded by (seed, epoch)."""
    epoch, place = divmod(sample, pairs)
    return int(np.random.default_rng((seed, epoch)).permutation(pairs)[place])


@dataclass(frozen=True)
class Lessons:
    """What a training run reads its frames from."""

    recording: Recording
    staging: Staging
    guides: Guides | None = None
    """For a staging that is guided."""
    region_of: Callable[[int], Region] | None = None
    """The part of the canvas that is trained on in frames n and n + 1; all of it where None."""
    halved: bool = False
    """Whether frames are given at half the canvas's size, all of it, as a coarse generator draws them."""

    def load_pair(self, n: int, occasion: int = 0) -> TrainingPair:
        """Frames n and n + 1, cut to the same region."""
        (first, second), region = self.load_whole(n, occasion)
        return first.crop(region), second.crop(region)

    def load_whole(self, n: int, occasion: int = 0) -> tuple[TrainingPair, Region]:
        """Frames n and n + 1 uncut, and the region of the canvas that the generator works on."""
        pair = self.load_frame(n, occasion), self.load_frame(n + 1, occasion)
        height, width = pair[0].real.shape[-2:]
        return pair, Region.whole(Size(width, height)) if self.region_of is None else self.region_of(n)

    def load_frame(self, n: int, occasion: int = 0) -> TrainingFrame:
        """Frame n of the recording, uncut, on the CPU; `occasion` as in `Guides.draw`."""
        recording = self.recording
        track, t = recording.pose_at(n)
        plate = to_tensor(recording.plate_at(n))
        guide = None if self.guides is None else self.guides.draw(n, occasion)
        frame = TrainingFrame(
            self.staging.describe(track, t, plate, guide),
            to_tensor(recording.frames[n])[None],
            to_tensor(recording.masks[n])[None],
        )
        return frame.halve() if self.halved else frame


def face_pairs(recording: Recording, faces: Sequence[Region | None]) -> NDArray[np.intp]:
    """(P,) every n for which n and n + 1 are consecutive frames of a recording and n + 1 shows the face.

    Args:
        faces: squares of all frames, None where no face is seen.
    """
    shown = np.array([face is not None for face in faces])
    return np.asarray(recording.pairs[shown[recording.pairs + 1]])


def shows_faces(recording: Recording, stance: Stance, preset: Preset) -> bool:
    """Whether a recording shows the face often enough to learn it."""
    side = face_side(stance, preset.face)
    faces = [face for track in recording.tracks for face in find_faces(track, side, preset.stick_figure)]
    return len(face_pairs(recording, faces)) >= MIN_PAIRS
