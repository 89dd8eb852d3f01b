"""The terms of the objective (docs/method.md, sections 3 and 4); all return a scalar in float32.

An activation list is [scale][layer] as MultiScaleDiscriminator returns it.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

Activations = Sequence[Sequence[Tensor]]


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
