"""The full objective of one step (Chan et al. 2019, eq. 5; docs/method.md, section 4), on a pair of frames.

Shapes: B batch, H x W pixels; losses are scalars in float32. The discriminators see the pair as 12 channels: x(t-1),
x(t), y(t-1), y(t); frame by frame each of its frames as 6: x(t), y(t).
"""

from collections.abc import Sequence
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from choreograft.config import LossConfig
from choreograft.performer.perceptual import FeatureNetwork
from choreograft.performer.staging import Composite
from choreograft.training.lessons import TrainingPair

PAIR_CHANNELS: Final = 12
FRAME_CHANNELS: Final = 6
Activations = Sequence[Sequence[Tensor]]
"""[scale][layer] as MultiScaleDiscriminator returns them."""


def join_pair(pair: TrainingPair, first: Tensor, second: Tensor) -> Tensor:
    """(B, 12, H, W): the stick figures of a pair with two frames, real or drawn, each (B, 3, H, W)."""
    joined = torch.cat([pair[0].conditioning.stick, pair[1].conditioning.stick, first, second], dim=1)
    return joined.contiguous(memory_format=torch.channels_last)


def join_frames(pair: TrainingPair, first: Tensor, second: Tensor) -> Tensor:
    """(2 B, 6, H, W): each frame of a pair, real or drawn, (B, 3, H, W), with its own stick figure alone."""
    joined = [torch.cat([at.conditioning.stick, frame], dim=1) for at, frame in zip(pair, (first, second), strict=True)]
    return torch.cat(joined).contiguous(memory_format=torch.channels_last)


def verdict_terms(real: Activations, fake: Activations, looks: int, weights: LossConfig) -> dict[str, Tensor]:
    """What the discriminators add to the generator's loss, weighted, by name.

    Args:
        real, fake: their activations on what is real and on what is drawn.
        looks: how often they look at a pair: once, or at each of its frames. The losses average, the objective adds up.
    """
    terms = {}
    if weights.adversarial:
        terms["adversarial"] = looks * weights.adversarial * adversarial_loss(fake)
    if weights.feature_matching:
        terms["matching"] = looks * weights.feature_matching * feature_matching_loss(real, fake)
    return terms


def picture_terms(
    pair: TrainingPair, drawn: tuple[Composite, Composite], perceptual: FeatureNetwork | None, weights: LossConfig
) -> dict[str, Tensor]:
    """What the difference between drawn and real frames adds to the generator's loss, weighted, by name."""
    frames = torch.cat([drawn[0].frame, drawn[1].frame])
    terms = likeness_terms(frames, torch.cat([pair[0].real, pair[1].real]), perceptual, weights, looks=2)
    if weights.matte and drawn[0].matte is not None and drawn[1].matte is not None:
        mattes = torch.cat([drawn[0].matte, drawn[1].matte])
        terms["matte"] = 2 * weights.matte * matte_loss(mattes, torch.cat([pair[0].mask, pair[1].mask]))
    return terms


def likeness_terms(
    drawn: Tensor, wanted: Tensor, perceptual: FeatureNetwork | None, weights: LossConfig, looks: int = 1
) -> dict[str, Tensor]:
    """What the difference between pictures (N, 3, H, W) in [-1, 1] adds to a generator's loss, weighted, by name.

    Args:
        looks: how many of the N belong to one sample: means are taken over all, the objective adds those up.
    """
    terms = {}
    if perceptual is not None and weights.perceptual:
        terms["perceptual"] = looks * weights.perceptual * perceptual(drawn, wanted)
    if weights.pixel:
        terms["pixel"] = looks * weights.pixel * F.l1_loss(drawn, wanted)
    return terms


def discriminator_loss(real: Activations, fake: Activations) -> Tensor:
    """LSGAN (Mao et al. 2017, eq. 9 with a = 0, b = 1): real to 1, fake to 0; summed over scales."""
    return torch.stack(
        [0.5 * (_distance_to(r[-1], 1.0) + _distance_to(f[-1], 0.0)) for r, f in zip(real, fake, strict=True)]
    ).sum()


def adversarial_loss(fake: Activations) -> Tensor:
    """LSGAN for the generator (c = 1): verdicts on fake pull to 1; summed over scales."""
    return torch.stack([_distance_to(scale[-1], 1.0) for scale in fake]).sum()


def feature_matching_loss(real: Activations, fake: Activations) -> Tensor:
    """L1 between discriminator activations on real and fake (Wang et al. 2018, eq. 4), the verdicts left out.

    Summed over layers and scales with pix2pixHD's weights: 4 / (stride-2 layers + 1) a layer, mean over scales.
    """
    terms = []
    for real_scale, fake_scale in zip(real, fake, strict=True):
        weight = 4.0 / (len(real_scale) - 1) / len(real)
        pairs = zip(real_scale[:-1], fake_scale[:-1], strict=True)
        terms += [weight * F.l1_loss(f.float(), r.detach().float()) for r, f in pairs]
    return torch.stack(terms).sum()


def matte_loss(matte: Tensor, mask: Tensor) -> Tensor:
    """1 - soft Dice overlap (Milletari et al. 2016, eq. 1, first powers) of (B, 1, H, W) in [0, 1], mean over B.

    L1 would be content with an empty matte while the person fills a tenth of the frame; the overlap is not.
    """
    both = (matte * mask).sum((1, 2, 3))
    either = matte.sum((1, 2, 3)) + mask.sum((1, 2, 3))
    return (1 - 2 * both / either.clamp_min(1e-6)).mean()


def _distance_to(verdicts: Tensor, value: float) -> Tensor:
    return (verdicts.float() - value).square().mean()
