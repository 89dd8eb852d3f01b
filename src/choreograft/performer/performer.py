"""A performer: the trained model of one person. Tensors in, tensors out.

Its file is one safetensors file with weights, plate and everything needed to use them. No pickle.

With header.py the only module of this package that touches the disk, besides the perceptual networks' weight files.

Shapes: B batch, H x W pixels.
"""

import json
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from choreograft.files import atomic_path
from choreograft.performer.cutouts import Cutouts
from choreograft.performer.header import CUTOUTS, FORMAT, SKELETON, VERSION, expect_performer, read_header
from choreograft.performer.networks import FaceGenerator
from choreograft.performer.references import ReferenceBank
from choreograft.performer.region import REGION_MARGIN, REGION_STEP, Region, face_side, find_faces
from choreograft.performer.staging import STAGINGS, Composite, Conditioning, Staging
from choreograft.performer.translators import build_generator
from choreograft.pose.track import PoseTrack
from choreograft.presets import Preset, preset_from_dict
from choreograft.retarget.body import BodyStage, Standing
from choreograft.retarget.normalise import Stance
from choreograft.video.size import Size

BANK: Final = "bank/"
"""What the names of the reference bank's tensors begin with."""


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
        return self.staging.draw(self.generator, conditioning, previous)

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

    def no_previous(self) -> Tensor:
        """The zero image that stands for the frame before the first (docs/method.md, section 4)."""
        return torch.zeros(1, *self.plate.shape, device=self.plate.device)


def save_performer(performer: Performer, path: Path) -> None:
    """Write a performer, atomically.

    Raises:
        OutputError: the folder cannot be written.
    """
    card = performer.card
    header = {
        "format": FORMAT,
        "version": VERSION,
        "skeleton": SKELETON,
        "name": card.name,
        "preset": asdict(card.preset),
        "size": card.size,
        "stance": card.stance.to_dict(),
        "stage": None if card.stage is None else card.stage.as_dict(),
        "training": card.training,
        "bank": None if performer.bank is None else performer.bank.describe(),
    }
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in performer.state_dict().items()}
    if performer.bank is not None:
        tensors |= {f"{BANK}{name}": tensor for name, tensor in performer.bank.tensors().items()}
    if performer.cutouts is not None:
        tensors |= {f"{CUTOUTS}{name}": tensor for name, tensor in performer.cutouts.tensors().items()}
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, metadata={"choreograft": json.dumps(header, default=str)})


def _take(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Move the tensors whose names begin so into a dictionary of their own, without the prefix."""
    return {name.removeprefix(prefix): tensors.pop(name) for name in list(tensors) if name.startswith(prefix)}


def load_performer(path: Path, device: torch.device | None = None) -> Performer:
    """Read what `save_performer` wrote, in evaluation mode.

    Raises:
        FileFormatError: missing, not a performer file, damaged, or of another version.
    """
    header = read_header(path)
    with expect_performer(path):
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        stage = None if header.get("stage") is None else BodyStage.from_dict(header["stage"])
        size, stance = Size.checked(header["size"]), Stance.from_dict(header["stance"])
        preset = preset_from_dict(header["preset"])
        card = PerformerCard(header["name"], preset, size, stance, header["training"], stage)
        banked, cut = _take(tensors, BANK), _take(tensors, CUTOUTS)
        bank = ReferenceBank.from_tensors(banked, header["bank"]) if banked else None
        if bank is None and preset.refers:
            raise ValueError(f"preset {preset.name} without the frames that it draws from")
        performer = Performer(card, tensors["plate"], bank, Cutouts.from_tensors(cut) if cut else None)
        performer.load_state_dict(tensors, strict=True)
    return performer.to(device or "cpu", memory_format=torch.channels_last).eval()  # type: ignore[call-overload,no-any-return]
