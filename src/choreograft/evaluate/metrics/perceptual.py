"""How alike two pictures look to a network that knows pictures: distances of deep features.

`perceptual` needs nothing but the weights that training needs anyway. `lpips` is the field's usual metric and is
measured where the package of that name is installed.

Shapes: B pictures, C channels, h x w positions of a stage's features.
"""

import contextlib
import importlib
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from choreograft.errors import give_reason
from choreograft.evaluate.metrics.regions import Box
from choreograft.evaluate.scores import Region
from choreograft.performer.device import Compute
from choreograft.performer.images import to_tensor
from choreograft.performer.perceptual import FeatureNetwork
from choreograft.video.size import Size

Image = NDArray[np.uint8]
Pair = tuple[Image, Image]
Distance = Callable[[Sequence[Pair]], list[float]]

CROP_SIZES: Final[Mapping[Region, Size]] = {"person": Size(192, 256), "face": Size(128, 128)}
"""To which the boxes of person and face are brought before the network sees them. Fixed, for the features of a small
picture and of a large one are not of the same things; about what networks of this kind were trained on (224 x 224), and
128 for a face, which is rarely larger in the videos judged. Result and truth are stretched alike."""
FRAME_SIDE_PX: Final = 256
"""Longer side of whole frames, their shape kept."""
LPIPS_NOTE: Final = "LPIPS was left out: "


def crop(box: Box, region: Region, result: Image, truth: Image) -> Pair:
    """The part of both pictures (H, W, 3) that a network is shown for a region."""
    size = CROP_SIZES.get(region) or _frame_size(result)
    return _resize(box.cut(result), size), _resize(box.cut(truth), size)


class FeatureDistance:
    """LPIPS's form without learned weights.

    Zhang et al. 2018, "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", eq. 1:
    the features of each position are scaled to length 1; their squared difference is averaged over the positions, and
    over the stages of the network.
    """

    def __init__(self, network: FeatureNetwork, compute: Compute) -> None:
        self.network = network.to(compute.device)
        self.compute = compute

    @torch.inference_mode()
    def __call__(self, pairs: Sequence[Pair]) -> list[float]:
        """The distance of each pair of equal size, 0 where they are equal, 4 at most."""
        one, other = _stack(pairs, self.compute)
        terms = [
            (F.normalize(a, dim=1) - F.normalize(b, dim=1)).square().sum(dim=1).mean(dim=(1, 2))
            for a, b in zip(self.network.features(one), self.network.features(other), strict=True)
        ]
        distances: list[float] = torch.stack(terms).mean(dim=0).tolist()
        return distances


class Lpips:
    """The package `lpips`, AlexNet variant, as a distance of pairs."""

    def __init__(self, network: nn.Module, compute: Compute) -> None:
        self.network = network.eval().requires_grad_(False).to(compute.device)
        self.compute = compute

    @torch.inference_mode()
    def __call__(self, pairs: Sequence[Pair]) -> list[float]:
        """The distance of each pair of equal size, 0 where they are equal."""
        distances: list[float] = self.network(*_stack(pairs, self.compute)).flatten().tolist()
        return distances


def load_lpips(compute: Compute) -> Lpips | str:
    """The learned metric, or the note that says why it is left out.

    It is a luxury: whatever it fails of (not installed, its weights not reachable, another interface) is told in the
    report and stops nothing.
    """
    try:
        package: Any = importlib.import_module("lpips")
    except ImportError:
        return LPIPS_NOTE + "the package lpips is not installed (pip install lpips)"
    try:
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):  # noqa: PTH123  it prints its set-up
            return Lpips(package.LPIPS(net="alex", verbose=False), compute)
    except Exception as error:  # noqa: BLE001  any failure of a package that nothing else needs
        return LPIPS_NOTE + f"the package lpips could not be loaded ({give_reason(error)})"


def _frame_size(picture: Image) -> Size:
    height, width = picture.shape[:2]
    scale = FRAME_SIDE_PX / max(height, width)
    return Size(max(1, round(width * scale)), max(1, round(height * scale)))


def _resize(picture: Image, size: Size) -> Image:
    shrinks = size.width * size.height < picture.shape[0] * picture.shape[1]
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, size, interpolation=interpolation), dtype=np.uint8)


def _stack(pairs: Sequence[Pair], compute: Compute) -> tuple[Tensor, Tensor]:
    """Two batches (B, 3, h, w) in [-1, 1] on the device; float32, for nearly equal features differ in late digits."""
    one, other = (torch.stack([to_tensor(pair[side]) for pair in pairs]).to(compute.device) for side in (0, 1))
    return one.contiguous(memory_format=torch.channels_last), other.contiguous(memory_format=torch.channels_last)
