"""ST-LPIPS: learned perceptual distance that forgives a shift of a pixel or two and does not forgive blur.

Ghildyal & Liu 2022, "Shift-tolerant Perceptual Similarity Metric" (ECCV), section 4: LPIPS's form over a VGG-16 in
which every halving is a maximum at all places, then a 3 px binomial blur, reflected at the border, of which every
second pixel is kept (BlurPool, Zhang 2019). Trunk and heads are theirs, trained anew on judgements of people.

Shapes: B pictures, C channels, h x w positions of a stage's features.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from choreograft import assets
from choreograft.evaluate.metrics.regions import Box
from choreograft.evaluate.scores import Region
from choreograft.performer.device import Compute
from choreograft.performer.images import to_tensor
from choreograft.performer.perceptual import FeatureNetwork, named_file, read_weights
from choreograft.progress import Progress, silent

Image = NDArray[np.uint8]
Pair = tuple[Image, Image]

MAX_SIDE_PX: Final = 720
"""Longer side of what the network sees; larger crops are shrunk to it. A person this tall takes seconds on a CPU."""
MIN_SIDE_PX: Final = 32
"""Shorter side of what it sees; a smaller crop leaves the deepest blurs fewer rows than they reflect."""


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

    def load(self, path: Path) -> None:
        """Take the weights from the published checkpoint of the type VGG, `net.sliceN.M` and `linN.model.1`.

        Raises:
            FileFormatError: the file holds other weights.
        """
        found = read_weights(path)
        trunk = [key for key in found if key.startswith("net.") and not key.endswith(".filt")]
        heads = [key for key in found if key.startswith("lin")]
        with named_file(path):
            for part, keys in ((self.stages, trunk), (self.heads, heads)):
                names = [name for name, _ in part.named_parameters()]
                part.load_state_dict({n: found[key] for n, key in zip(names, keys, strict=True)})


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


class ShiftTolerantDistance:
    """ST-LPIPS of pairs of crops at their own size."""

    def __init__(self, network: ShiftTolerantVgg, compute: Compute) -> None:
        self.network = network.to(compute.device)
        self.compute = compute

    @torch.inference_mode()
    def __call__(self, pairs: Sequence[Pair]) -> list[float]:
        """The distance of each pair of equal size, one after another: crops differ in size. About 0..1, 0 = equal."""
        distances = []
        for pair in pairs:
            one, other = (to_tensor(picture)[None].to(self.compute.device) for picture in pair)
            distances.append(float(self.network(one, other)))
        return distances


def load_stlpips(compute: Compute, progress: Progress = silent) -> ShiftTolerantDistance:
    """The metric with its published weights, fetched if need be.

    Raises:
        AssetError: the weights are neither cached nor reachable. FileFormatError: the file holds other weights.
    """
    network = ShiftTolerantVgg()
    network.load(assets.fetch(assets.ST_LPIPS, progress))
    network.freeze()
    return ShiftTolerantDistance(network, compute)


def crop_at_full_size(box: Box, region: Region, result: Image, truth: Image) -> Pair:  # noqa: ARG001
    """The part of both pictures (H, W, 3) that the network is shown: as it is where `MAX_SIDE_PX` allows."""
    size = np.array([box.right - box.left, box.bottom - box.top])
    scale = min(1.0, MAX_SIDE_PX / size.max())
    scale = max(scale, MIN_SIDE_PX / size.min())
    if scale == 1:
        return box.cut(result), box.cut(truth)
    width, height = np.maximum(np.round(size * scale), 1).astype(int).tolist()
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    one, other = (cv2.resize(box.cut(picture), (width, height), interpolation=way) for picture in (result, truth))
    return np.asarray(one, np.uint8), np.asarray(other, np.uint8)


def _unit(features: Tensor) -> Tensor:
    """(B, C, h, w) with length 1 at every position; the summand is the published network's."""
    return features / (features.square().sum(dim=1, keepdim=True).sqrt() + 1e-10)
