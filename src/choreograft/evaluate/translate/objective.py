"""What the generators of an unpaired translation learn from, but for the discriminators' verdicts.

Zhu et al. 2017 (CycleGAN), section 3.2 and 5.2; Bansal et al. 2018 (Recycle-GAN), section 3. All losses are L1 and
scalars in float32. Shapes: H x W pixels; frames are (T, 3, H, W) in [-1, 1], T consecutive ones.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from choreograft.config import TranslationConfig
from choreograft.evaluate.translate.networks import Direction
from choreograft.training.step import Terms


def translate(network: nn.Module, frames: Tensor) -> Tensor:
    """Each of the frames (T, 3, H, W) for itself, the same shape; one by one is how `InstanceNorm` is fast."""
    return torch.cat([network(frame) for frame in torch.split(frames, 1)])


def direction_terms(
    direction: Direction, here: Tensor, there: Tensor, drawn: Tensor, config: TranslationConfig
) -> Terms:
    """The weighted losses of one direction by name.

    Args:
        here, there: `config.loaded` consecutive real frames of the domain it begins in, and of the other.
        drawn: the first `config.shown` of `here`, translated.
    """
    terms: Terms = {}
    if config.cycle:
        terms["cycle"] = config.cycle * cycle_loss(direction, here[: config.shown], drawn)
    if config.identity:
        terms["identity"] = config.identity * identity_loss(direction, there[: config.shown])
    if config.recurrent:
        terms["recurrent"] = config.recurrent * recurrent_loss(direction, here)
    if config.recycle:
        terms["recycle"] = config.recycle * recycle_loss(direction, here, drawn)
    return terms


def cycle_loss(direction: Direction, here: Tensor, drawn: Tensor) -> Tensor:
    """F(G(x)) - x for frames and their translations, (T, 3, H, W) each."""
    return _l1(translate(direction.back, drawn), here)


def identity_loss(direction: Direction, there: Tensor) -> Tensor:
    """G(y) - y for frames (T, 3, H, W) that are where they should be already."""
    return _l1(translate(direction.there, there), there)


def recurrent_loss(direction: Direction, here: Tensor) -> Tensor:
    """P_X(x(t-1), x(t)) - x(t+1) for three real frames (3, 3, H, W)."""
    return _l1(direction.next_here(_join(here[:2])), here[2:])


def recycle_loss(direction: Direction, here: Tensor, drawn: Tensor) -> Tensor:
    """F(P_Y(G(x(t-1)), G(x(t)))) - x(t+1) for three real frames (3, 3, H, W) and the first two translated."""
    return _l1(direction.back(direction.next_there(_join(drawn))), here[2:])


def _join(frames: Tensor) -> Tensor:
    """(2, 3, H, W) to (1, 6, H, W), the earlier frame first."""
    return frames.flatten(0, 1)[None].contiguous(memory_format=torch.channels_last)


def _l1(found: Tensor, wanted: Tensor) -> Tensor:
    return F.l1_loss(found.float(), wanted.float())
