"""The stage "face": the network that mends faces, with the generator frozen (docs/method.md, section 5).

Shapes: N frames of the recording, H x W pixels, S side of the face's square.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor

from choreograft.config import OptimiserConfig
from choreograft.footage.split import MIN_PAIRS
from choreograft.performer.networks.face import FACE_CHANNELS, join_face
from choreograft.performer.region import Region, face_side, find_faces
from choreograft.presets import Preset
from choreograft.retarget.normalise import Stance
from choreograft.training.frames import IMAGES_PER_PAIR, TrainingFrame, TrainingPair
from choreograft.training.generator import draw_second
from choreograft.training.objective import likeness_terms
from choreograft.training.pairs import Lessons, pair_at
from choreograft.training.preview import draw_pairs
from choreograft.training.recording import Recording
from choreograft.training.setup import Materials, begin_state, start_fabric
from choreograft.training.state import TrainingState
from choreograft.training.step import Terms, add_gradients


@dataclass(frozen=True)
class FaceLesson:
    """One sample of a step, on the CPU."""

    pair: TrainingPair
    """Uncut."""
    region: Region
    """Of the canvas, in which the generator works."""
    face: Region
    """Of the canvas, in the second frame."""


@dataclass(frozen=True)
class FaceStage:
    """See loop.Stage."""

    materials: Materials
    fabric: Fabric
    state: TrainingState
    faces: Sequence[Region | None]
    """N squares."""
    pairs: NDArray[np.intp]
    """(P,) every n for which n and n + 1 are consecutive and n + 1 shows the face."""

    @staticmethod
    def begin(materials: Materials) -> "FaceStage":
        """With the performer's networks as they are."""
        performer, preset, recording = materials.performer, materials.preset, materials.lessons.recording
        assert performer.face is not None
        fabric = start_fabric(performer, materials.perceptual, materials.compute)
        face, seed = preset.face, materials.seed
        state = begin_state(fabric, "face", performer.face, FACE_CHANNELS, face.discriminator, face.optimiser, seed)
        state.finished = performer.generator.eval()
        faces = [face for track in recording.tracks for face in performer.find_faces(track)]
        return FaceStage(materials, fabric, state, faces, face_pairs(recording, faces))

    @property
    def optimiser(self) -> OptimiserConfig:
        """See loop.Stage."""
        return self.materials.preset.face.optimiser

    @property
    def seed(self) -> int:
        """See loop.Stage."""
        return self.materials.seed

    @property
    def lessons(self) -> Lessons:
        """What it reads its frames from."""
        return self.materials.lessons

    @property
    def images(self) -> int:
        """See loop.Stage."""
        return IMAGES_PER_PAIR

    def prepare(self, sample: int) -> Callable[[float], Terms]:
        """See loop.Stage."""
        n = int(self.pairs[pair_at(sample, len(self.pairs), self.seed)])
        face = self.faces[n + 1]
        assert face is not None
        return partial(self._learn, FaceLesson(*self.lessons.load_whole(n, sample), face))

    def draw_preview(self, count: int) -> NDArray[np.uint8]:
        """See loop.Stage."""
        return draw_pairs(self.show, self.lessons.recording.pairs, count)

    def show(self, n: int) -> tuple[TrainingFrame, Tensor]:
        """See preview.Show."""
        pair, region = self.lessons.load_whole(n)
        with torch.no_grad():
            drawn, stick = self._draw(pair, region), pair[1].conditioning.stick.to(self.fabric.device)
            with self.fabric.autocast():
                return pair[1], self.materials.performer.mend_face(drawn, stick, self.faces[n + 1])

    @torch.no_grad()
    def _draw(self, pair: TrainingPair, region: Region) -> Tensor:
        """The second frame as rendering draws it: by the generator as it is, in the same precision."""
        device = self.fabric.device
        with self.fabric.autocast():
            return draw_second(self.materials.performer, (pair[0].to(device), pair[1].to(device)), region)

    def _learn(self, lesson: FaceLesson, share: float) -> Terms:
        """Add to the gradients of G_f and D_f: (x_F, y_F) against (x_F, G(x)_F + r)."""
        frame, device = lesson.pair[1], self.fabric.device
        drawn = lesson.face.crop(self._draw(lesson.pair, lesson.region))
        stick, real = (lesson.face.crop(whole).to(device) for whole in (frame.conditioning.stick, frame.real))
        mended = self.state.generator(stick, drawn)

        weights = self.materials.preset.face.losses
        with self.fabric.autocast():
            terms = likeness_terms(mended, real, self.materials.perceptual, weights)
        truth, fake = (join_face(stick, face) for face in (real, mended))
        terms = add_gradients(self.fabric, self.state, terms, truth, fake, weights, share)
        return {f"face_{name}": value for name, value in terms.items()}


def face_pairs(recording: Recording, faces: Sequence[Region | None]) -> NDArray[np.intp]:
    """The pairs of a recording whose second frame shows the face.

    Args:
        faces: N squares, None where no face is seen.
    """
    shown = np.array([face is not None for face in faces])
    return np.asarray(recording.pairs[shown[recording.pairs + 1]])


def shows_faces(recording: Recording, stance: Stance, preset: Preset) -> bool:
    """Whether a recording shows the face often enough to learn it."""
    side = face_side(stance, preset.face)
    faces = [face for track in recording.tracks for face in find_faces(track, side, preset.stick_figure)]
    return len(face_pairs(recording, faces)) >= MIN_PAIRS
