"""The full objective of one step (Chan et al. 2019, eq. 5; docs/method.md, section 4), on a pair of frames.

Shapes: B batch, H x W pixels. The discriminators see the pair as 12 channels: x(t-1), x(t), y(t-1), y(t).
"""

from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from choreograft.config import LossConfig
from choreograft.performer.losses import Activations, adversarial_loss, feature_matching_loss, matte_loss
from choreograft.performer.perceptual import FeatureNetwork
from choreograft.performer.staging import Composite
from choreograft.training.frames import TrainingPair

PAIR_CHANNELS: Final = 12


def join_pair(pair: TrainingPair, first: Tensor, second: Tensor) -> Tensor:
    """(B, 12, H, W): the stick figures of a pair with two frames, real or drawn, each (B, 3, H, W)."""
    joined = torch.cat([pair[0].conditioning.stick, pair[1].conditioning.stick, first, second], dim=1)
    return joined.contiguous(memory_format=torch.channels_last)


def generator_terms(
    pair: TrainingPair,
    drawn: tuple[Composite, Composite],
    real: Activations,
    fake: Activations,
    perceptual: FeatureNetwork | None,
    weights: LossConfig,
) -> dict[str, Tensor]:
    """The weighted terms of the generator's loss by name; their sum is what the generator minimises.

    Args:
        real, fake: the discriminators' activations on the real and the drawn pair.
    """
    frames = torch.cat([drawn[0].frame, drawn[1].frame])
    wanted = torch.cat([pair[0].real, pair[1].real])
    terms = {
        "adversarial": weights.adversarial * adversarial_loss(fake),
        "matching": weights.feature_matching * feature_matching_loss(real, fake),
    }
    if perceptual is not None and weights.perceptual:
        # the networks average over the batch and the objective adds the two frames up
        terms["perceptual"] = 2 * weights.perceptual * perceptual(frames, wanted)
    if weights.pixel:
        terms["pixel"] = 2 * weights.pixel * F.l1_loss(frames, wanted)
    if weights.matte and drawn[0].matte is not None and drawn[1].matte is not None:
        mattes = torch.cat([drawn[0].matte, drawn[1].matte])
        terms["matte"] = 2 * weights.matte * matte_loss(mattes, torch.cat([pair[0].mask, pair[1].mask]))
    return terms
