"""How alike two pictures look to a network that knows pictures: distances of deep features.

`perceptual` needs nothing but the weights that training needs anyway. `lpips` is the field's usual metric and is
measured where the package of that name is installed. ST-LPIPS forgives a shift of a pixel or two and does not forgive
blur: Ghildyal & Liu 2022, "Shift-tolerant Perceptual Similarity Metric" (ECCV), section 4, LPIPS's form over a VGG-16
in which every halving is a maximum at all places, then a 3 px binomial blur, reflected at the border, of which every
second pixel is kept (BlurPool, Zhang 2019). Trunk and heads are theirs, trained anew on judgements of people.

Shapes: B pictures, C channels, h x w positions of a stage's features.
"""

import contextlib
import importlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from choreograft import assets
from choreograft.errors import AssetError, give_reason
from choreograft.evaluate.metrics.regions import Box
from choreograft.evaluate.scores import Region
from choreograft.performer.device import Compute
from choreograft.performer.perceptual import FeatureNetwork
from choreograft.performer.staging import to_tensor
from choreograft.progress import Progress, silent
from choreograft.video.size import Size

Image = NDArray[np.uint8]
Pair = tuple[Image, Image]

CROP_SIZES: Final[Mapping[Region, Size]] = {"person": Size(192, 256), "face": Size(128, 128)}
"""To which the boxes of person and face are brought before the network sees them. Fixed, for the features of a small
picture and of a large one are not of the same things; about what networks of this kind were trained on (224 x 224), and
128 for a face, which is rarely larger in the videos judged. Result and truth are stretched alike."""
FRAME_SIDE_PX: Final = 256
"""Longer side of whole frames, their shape kept."""
MAX_SIDE_PX: Final = 720
"""Longer side of what the network sees; larger crops are shrunk to it. A person this tall takes seconds on a CPU."""
MIN_SIDE_PX: Final = 32
"""Shorter side of what it sees; a smaller crop leaves the deepest blurs fewer rows than they reflect."""


def crop(box: Box, region: Region, result: Image, truth: Image) -> Pair:
    """The part of both pictures (H, W, 3) that a network is shown for a region."""
    whole = Size.of(result)
    size = CROP_SIZES.get(region) or whole.scaled(FRAME_SIDE_PX / max(whole))
    return _resize(box.cut(result), size, cv2.INTER_LINEAR), _resize(box.cut(truth), size, cv2.INTER_LINEAR)


@dataclass(frozen=True)
class NetworkDistance:
    """What a network says of pairs of pictures."""

    compare: Callable[[Tensor, Tensor], Tensor]
    """Two batches (B, 3, h, w) in [-1, 1] to B distances, 0 where they are equal."""
    device: torch.device
    layout: torch.memory_format = torch.channels_last

    @torch.inference_mode()
    def __call__(self, pairs: Sequence[Pair]) -> list[float]:
        """The distance of each pair; all are of one size. float32, for nearly equal features differ in late digits."""
        sides = (torch.stack([to_tensor(picture) for picture in side]) for side in zip(*pairs, strict=True))
        batches = (side.to(self.device, memory_format=self.layout) for side in sides)
        distances: list[float] = self.compare(*batches).flatten().tolist()
        return distances


def compare_features(network: FeatureNetwork, one: Tensor, other: Tensor) -> Tensor:
    """(B,) LPIPS's form without learned weights, of pictures (B, 3, h, w): 4 at most.

    Zhang et al. 2018, "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", eq. 1:
    the features of each position are scaled to length 1; their squared difference is averaged over the positions, and
    over the stages of the network.
    """
    terms = [
        (F.normalize(a, dim=1) - F.normalize(b, dim=1)).square().sum(dim=1).mean(dim=(1, 2))
        for a, b in zip(network.features(one), network.features(other), strict=True)
    ]
    return torch.stack(terms).mean(dim=0)


def load_lpips(compute: Compute) -> NetworkDistance:
    """The package `lpips`, AlexNet variant. It is a luxury: nothing stops where it fails.

    Raises:
        AssetError: whatever it failed of: not installed, its weights not reachable, another interface.
    """
    try:
        package: Any = importlib.import_module("lpips")
    except ImportError as error:
        raise AssetError("the package lpips is not installed (pip install lpips)") from error
    try:
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):  # noqa: PTH123  it prints its set-up
            network = package.LPIPS(net="alex", verbose=False)
    except Exception as error:
        raise AssetError(f"the package lpips could not be loaded ({give_reason(error)})") from error
    return NetworkDistance(network.eval().requires_grad_(False).to(compute.device), compute.device)


def _resize(picture: Image, size: Size, enlarging: int) -> Image:
    """A picture (H, W, 3) of another size, averaged where it shrinks."""
    shrinks = size.width * size.height < picture.shape[0] * picture.shape[1]
    interpolation = cv2.INTER_AREA if shrinks else enlarging
    return np.asarray(cv2.resize(picture, size, interpolation=interpolation), dtype=np.uint8)


class ShiftTolerantVgg(FeatureNetwork):
    """VGG-16 up to relu5_3 with blurred halvings; stages end at relu1_2, 2_2, 3_3, 4_3 and 5_3."""

    WIDTHS: Final = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))

    def __init__(self) -> None:
        super().__init__()
        width, heads = 3, []
        for widths in self.WIDTHS:
            layers: list[nn.Module] = [nn.MaxPool2d(2, stride=1), _BlurredHalving(width)] if self.stages else []
            for wider in widths:
                layers += [nn.Conv2d(width, wider, 3, padding=1), nn.ReLU()]
                width = wider
            self.stages.append(nn.Sequential(*layers))
            heads.append(nn.Conv2d(width, 1, 1, bias=False))
        self.heads = nn.ModuleList(heads)

    def forward(self, fake: Tensor, real: Tensor) -> Tensor:
        """(B,) the distance of each pair of pictures (B, 3, H, W) in [-1, 1], 0 where they are equal."""
        terms = [
            head((_unit(one) - _unit(other)).square()).mean(dim=(1, 2, 3))
            for head, one, other in zip(self.heads, self.features(fake), self.features(real), strict=True)
        ]
        return torch.stack(terms).sum(dim=0)

    def published(self, found: Iterable[str], /) -> Iterator[str]:
        """See FeatureNetwork: the checkpoint of the type VGG has `net.sliceN.M`, then `linN.model.1`."""
        names = [key.removesuffix(".weight") for key in found if key.endswith(".weight")]
        return (name for prefix in ("net.", "lin") for name in names if name.startswith(prefix))


class _BlurredHalving(nn.Module):
    """BlurPool (Zhang 2019, "Making Convolutional Networks Shift-Invariant Again"), padded by 2 as its authors do."""

    blur: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        binomial = torch.tensor([1.0, 2.0, 1.0]) / 4
        self.register_buffer("blur", torch.outer(binomial, binomial).expand(channels, 1, 3, 3), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) to (B, C, (h + 1) // 2 + 1, (w + 1) // 2 + 1)."""
        return F.conv2d(F.pad(x, (2, 2, 2, 2), mode="reflect"), self.blur, stride=2, groups=x.shape[1])


def load_stlpips(compute: Compute, progress: Progress = silent) -> NetworkDistance:
    """ST-LPIPS with its published weights, fetched if need be.

    Raises:
        AssetError: the weights are neither cached nor reachable. FileFormatError: the file holds other weights.
    """
    network = ShiftTolerantVgg()
    network.load(assets.fetch(assets.ST_LPIPS, progress))
    network.freeze()
    return NetworkDistance(network.to(compute.device), compute.device, torch.contiguous_format)


def crop_at_full_size(box: Box, region: Region, result: Image, truth: Image) -> Pair:  # noqa: ARG001
    """The part of both pictures (H, W, 3) that the network is shown: as it is where `MAX_SIDE_PX` allows."""
    whole = Size(box.right - box.left, box.bottom - box.top)
    size = whole.scaled(max(min(1.0, MAX_SIDE_PX / max(whole)), MIN_SIDE_PX / min(whole)))
    return _resize(box.cut(result), size, cv2.INTER_CUBIC), _resize(box.cut(truth), size, cv2.INTER_CUBIC)


def _unit(features: Tensor) -> Tensor:
    """(B, C, h, w) with length 1 at every position; the summand is the published network's."""
    return features / (features.square().sum(dim=1, keepdim=True).sqrt() + 1e-10)
