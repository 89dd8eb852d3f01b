"""A performer: the trained model of one person. Tensors in, tensors out; store.py reads and writes it.

Shapes: B batch, H x W pixels.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from choreograft.performer.cutouts import Cutouts
from choreograft.performer.face import face_side, find_faces
from choreograft.performer.networks.face import FaceGenerator
from choreograft.performer.networks.families import build_generator
from choreograft.performer.references import ReferenceBank
from choreograft.performer.region import REGION_MARGIN, REGION_STEP, Region
from choreograft.performer.staging import STAGINGS, Composite, Conditioning, Staging, draw_frames
from choreograft.pose.track import PoseTrack
from choreograft.presets import Preset
from choreograft.retarget.body import BodyStage, Standing
from choreograft.retarget.normalise import Stance
from choreograft.video.size import Size


@dataclass(frozen=True)
class PerformerCard:
    """All about a performer that is not a tensor."""

    name: str
    preset: Preset
    size: Size
    """Of the frames it draws, px: the canvas."""
    stance: Stance
    """Where and how large the person stands, canvas px."""
    training: dict[str, Any] = field(default_factory=dict)
    """How it was made, for people: clips with their SHA-256 and rates, images seen, seconds, device, versions."""

    stage: BodyStage | None = None
    """Their body, their camera and floor, canvas px; None in older files and for footage without a fitted body."""

    @property
    def standing(self) -> Standing:
        """Where the person stands, as retargeting takes it."""
        return Standing(self.stance, self.stage)

    @property
    def rate(self) -> Fraction | None:
        """Nominal frames per second of the first clip it was trained on; None in older files, which do not say."""
        rates = self.training.get("rates")
        return Fraction(rates[0]) if rates else None


class Performer(nn.Module):
    """Generator and plate of one person, and the staging that connects them with poses.

    Presets that draw from the target's own frames have a bank of references (`bank`) and, where the background is
    known, those at the size they were filmed (`cutouts`); those that do not train have no generator. `face` mends the
    faces of finished frames; None where nothing does.
    """

    plate: Tensor
    """(3, H, W) in [-1, 1]."""

    generator: nn.Module

    face: FaceGenerator | None

    def __init__(
        self, card: PerformerCard, plate: Tensor, bank: ReferenceBank | None = None, cutouts: Cutouts | None = None
    ) -> None:
        super().__init__()
        self.card = card
        self.bank, self.cutouts = bank, cutouts
        preset = card.preset
        self.staging: Staging = STAGINGS[preset.background](preset.stick_figure, preset.temporal)
        self.generator = nn.Identity()
        if preset.trains:
            self.generator = build_generator(preset, self.staging.input_channels, self.staging.output_channels)
            self.staging.start(self.generator)
        self.face_side = face_side(card.stance, card.preset.face) if card.preset.mends_faces else 0
        self.face = FaceGenerator(card.preset.face, self.face_side) if card.preset.mends_faces else None
        self.register_buffer("plate", plate)

    def forward(self, conditioning: Conditioning, previous: Tensor) -> Composite:
        """Frames from their conditioning and the frame before each, (B, 3, H, W) in [-1, 1]; zeros where none was.

        Frame by frame (`Preset.temporal`) the frame before changes nothing.
        """
        return draw_frames(self.staging, self.generator, conditioning, previous)

    def find_faces(self, track: PoseTrack) -> list[Region | None]:
        """For each frame of a track in canvas pixels the square that `mend_face` works on; None where it must not."""
        if self.face is None:
            return [None] * len(track)
        return find_faces(track, self.face_side, self.card.preset.stick_figure)

    def mend_face(self, frame: Tensor, stick: Tensor, at: Region | None) -> Tensor:
        """Drawn frames with the face mended, a copy that differs within the square alone (docs/method.md, section 5).

        Args:
            frame: (B, 3, H, W) in [-1, 1], the whole canvas. stick: its stick figures, the same.
            at: from `find_faces`; where None, the frame comes back as it is.
        """
        if self.face is None or at is None:
            return frame
        return at.paste(self.face(at.crop(stick), at.crop(frame)), frame)

    def region_around(self, places: NDArray[np.floating] | None) -> Region:
        """Where the generator works: around a body's points (..., 2) on the canvas, or everywhere without a guide."""
        if places is None or self.staging.paints_background or not self.staging.guided:
            return Region.whole(self.card.size)
        step = max(REGION_STEP, self.card.preset.canvas_step)
        return Region.around(places, self.card.size, REGION_MARGIN, step)

    def no_previous(self, batch: int = 1) -> Tensor:
        """The zero image that stands for the frame before the first (docs/method.md, section 4)."""
        return torch.zeros(batch, *self.plate.shape, device=self.plate.device)
