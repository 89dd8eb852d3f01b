"""Performer files: one safetensors file with weights, plate and everything needed to use them. No pickle.

With header.py the only module of this package that touches the disk, besides the perceptual networks' weight files.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from choreograft.files import atomic_path
from choreograft.performer.cutouts import Cutouts
from choreograft.performer.header import CUTOUTS, FORMAT, SKELETON, VERSION, expect_performer, read_header
from choreograft.performer.performer import Performer, PerformerCard
from choreograft.performer.references import ReferenceBank
from choreograft.presets import preset_from_dict
from choreograft.retarget.body import BodyStage
from choreograft.retarget.normalise import Stance
from choreograft.video.size import Size

BANK: Final = "bank/"
"""What the names of the reference bank's tensors begin with."""


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


def _stage_from(content: dict[str, Any] | None) -> BodyStage | None:
    return None if content is None else BodyStage.from_dict(content)


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
        card = PerformerCard(
            header["name"], preset_from_dict(header["preset"]), Size.checked(header["size"]),
            Stance.from_dict(header["stance"]), header["training"], _stage_from(header.get("stage")),
        )  # fmt: skip
        banked, cut = _take(tensors, BANK), _take(tensors, CUTOUTS)
        bank = ReferenceBank.from_tensors(banked, header["bank"]) if banked else None
        if bank is None and card.preset.refers:
            raise ValueError(f"preset {card.preset.name} without the frames that it draws from")
        performer = Performer(card, tensors["plate"], bank, Cutouts.from_tensors(cut) if cut else None)
        performer.load_state_dict(tensors, strict=True)
    return performer.to(device or "cpu", memory_format=torch.channels_last).eval()  # type: ignore[call-overload,no-any-return]
