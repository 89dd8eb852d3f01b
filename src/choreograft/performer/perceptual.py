"""Perceptual loss: L1 between the features that an image classifier sees (Johnson et al. 2016; Wang et al. 2018, 3.4).

VGG-19 is the paper's network and must be downloaded (575 MB); EfficientNet-Lite0 (18 MB) sees enough for a draft.
Shapes: B batch, H x W pixels; pictures are (B, 3, H, W) in [-1, 1].
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from pickle import UnpicklingError  # what torch.load raises when it refuses a file; nothing is unpickled here
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from choreograft import assets
from choreograft.errors import AssetError, FileFormatError, give_reason
from choreograft.performer.networks import run_stages
from choreograft.presets import Perceptual
from choreograft.progress import Progress, silent

IMAGENET_MEAN: Final = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION: Final = (0.229, 0.224, 0.225)


class FeatureNetwork(nn.Module, ABC):
    """A frozen classifier cut into stages; subclasses fill `stages` and `weights`, and name their layers."""

    mean: Tensor
    deviation: Tensor
    weights: tuple[float, ...]
    """Of each stage's L1 in the loss."""
    relative = False
    """Whether a stage's L1 is divided by the mean size of the real features, which puts stages on one scale."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(IMAGENET_DEVIATION).view(1, 3, 1, 1), persistent=False)
        self.stages = nn.ModuleList()

    def features(self, picture: Tensor) -> list[Tensor]:
        """(B, 3, H, W) in [-1, 1] to the features after each stage."""
        return run_stages(self.stages, ((picture + 1) / 2 - self.mean) / self.deviation)

    def forward(self, fake: Tensor, real: Tensor) -> Tensor:
        """The weighted L1 between the features of two pictures, mean over the batch; a scalar in float32."""
        with torch.no_grad():
            wanted = self.features(real)
        terms = []
        for weight, f, r in zip(self.weights, self.features(fake), wanted, strict=True):
            term = weight * F.l1_loss(f.float(), r.float())
            terms.append(term / r.float().abs().mean().clamp_min(1e-6) if self.relative else term)
        return torch.stack(terms).sum()

    @abstractmethod
    def published(self, found: Iterable[str], /) -> Iterator[str]:
        """What the published file calls the convolutions and normalisations, in order.

        Args:
            found: all names in it.
        """

    def load(self, path: Path) -> None:
        """Take the weights from the published file; its later layers and the classifier are left out.

        Raises:
            FileFormatError: the file holds others.
        """
        found = read_weights(path)
        own = [module for module in self.modules() if isinstance(module, nn.Conv2d | nn.BatchNorm2d)]
        with named_file(path):
            names = list(self.published(found))[: len(own)]
            for module, name in zip(own, names, strict=True):
                module.load_state_dict({field: found[f"{name}.{field}"] for field in module.state_dict()})

    def freeze(self) -> "FeatureNetwork":
        """Evaluation mode, no gradients for the weights, and the memory layout that CPUs and GPUs are fastest with."""
        network: FeatureNetwork = self.eval().requires_grad_(False)
        return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


class Vgg19(FeatureNetwork):
    """VGG-19 (Simonyan & Zisserman 2015) up to relu5_1; stages end at relu1_1, 2_1, 3_1, 4_1 and 5_1."""

    weights = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)
    # channels of each convolution, 0 for a pooling; the first convolution of a block closes a stage
    LAYERS: Final = ((64,), (64, 0, 128), (128, 0, 256), (256, 256, 256, 0, 512), (512, 512, 512, 0, 512))

    def __init__(self) -> None:
        super().__init__()
        width = 3
        for stage in self.LAYERS:
            layers: list[nn.Module] = []
            for channels in stage:
                layers += [nn.Conv2d(width, channels, 3, padding=1), nn.ReLU()] if channels else [nn.MaxPool2d(2)]
                width = channels or width
            self.stages.append(nn.Sequential(*layers))

    def published(self, found: Iterable[str], /) -> Iterator[str]:
        """See FeatureNetwork: torchvision's vgg19 file has `features.N.weight` and `.bias`, in order of N."""
        numbers = sorted({int(key.split(".")[1]) for key in found if key.startswith("features.")})
        return (f"features.{number}" for number in numbers)


class EfficientNetLite0(FeatureNetwork):
    """EfficientNet-Lite0 (Tan & Le 2019; Lite: no squeeze-and-excitation, ReLU6), to stride 16 of its 32."""

    weights = (1.0, 1.0, 1.0, 1.0, 1.0)
    relative = True
    # kernel, stride, expansion, channels of each inverted residual block of each stage after the first
    BLOCKS: Final = (
        ((3, 1, 1, 16),), ((3, 2, 6, 24), (3, 1, 6, 24)), ((5, 2, 6, 40), (5, 1, 6, 40)),
        ((3, 2, 6, 80), (3, 1, 6, 80), (3, 1, 6, 80), (5, 1, 6, 112), (5, 1, 6, 112), (5, 1, 6, 112)),
    )  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self.stages.append(nn.Sequential(_SameConvolution(3, 32, 3, 2), nn.ReLU6()))
        width = 32
        for blocks in self.BLOCKS:
            widths = [width, *(channels for *_, channels in blocks)]
            stage = (InvertedResidual(before, *block) for before, block in zip(widths, blocks, strict=False))
            self.stages.append(nn.Sequential(*stage))
            width = widths[-1]

    def published(self, _: Iterable[str], /) -> Iterator[str]:
        """See FeatureNetwork."""
        yield from ("_conv_stem", "_bn0")
        for index, block in enumerate(chain.from_iterable(self.BLOCKS)):
            steps = list(enumerate(("expand", "depthwise", "project")))
            for n, step in steps[block[2] == 1 :]:  # what is not expanded lacks the first
                yield from (f"_blocks.{index}._{step}_conv", f"_blocks.{index}._bn{n}")

    def freeze(self) -> FeatureNetwork:
        """Every normalisation becomes part of the convolution before it: the same features for a tenth less time."""
        for part in list(self.eval().modules()):
            if isinstance(part, _SameConvolution):
                part.fuse()
        return super().freeze()


class _SameConvolution(nn.Module):
    """Convolution and batch norm; with TensorFlow's "same" padding, whose odd pixel is at the right and the bottom."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, groups: int = 1) -> None:
        super().__init__()
        own = kernel // 2 if stride == 1 else 0  # without a stride the padding is even, and the convolution's own
        self.convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding=own, groups=groups, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(outputs, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, h, w) to (B, outputs, ceil(h / stride), ceil(w / stride))."""
        (kernel, _), (stride, _) = self.convolution.kernel_size, self.convolution.stride
        if stride > 1:
            down, across = (max(kernel - (n % stride or stride), 0) for n in x.shape[-2:])
            x = F.pad(x, (across // 2, across - across // 2, down // 2, down - down // 2))
        y: Tensor = self.norm(self.convolution(x))
        return y

    def fuse(self) -> None:
        """Take the batch norm, in evaluation mode, into the convolution."""
        if isinstance(self.norm, nn.BatchNorm2d):
            self.convolution, self.norm = fuse_conv_bn_eval(self.convolution, self.norm), nn.Identity()


class InvertedResidual(nn.Module):
    """Expand 1x1, depthwise, project 1x1; with a shortcut where the shape allows (Sandler et al. 2018)."""

    def __init__(self, in_channels: int, kernel: int, stride: int, expansion: int, out_channels: int) -> None:
        super().__init__()
        inner = in_channels * expansion
        self.expand = _SameConvolution(in_channels, inner, 1, 1) if expansion > 1 else None
        self.depthwise = _SameConvolution(inner, inner, kernel, stride, groups=inner)
        self.project = _SameConvolution(inner, out_channels, 1, 1)
        self.shortcut = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, h, w) to (B, out_channels, h / stride, w / stride)."""
        wide = x if self.expand is None else F.relu6(self.expand(x))
        y: Tensor = self.project(F.relu6(self.depthwise(wide)))
        return x + y if self.shortcut else y


def fetch_weights(kind: Perceptual, progress: Progress = silent) -> Path | None:
    """The weight file of that network, fetched if need be; None for "none".

    Raises:
        AssetError: the weights are neither cached nor reachable.
    """
    if kind == "none":
        return None
    if kind == "efficientnet_lite0":
        return assets.fetch(assets.EFFICIENTNET_LITE0, progress)
    try:
        return assets.fetch(assets.VGG19, progress)
    except AssetError as error:
        ways = "give the file as --perceptual FILE, or take --perceptual efficientnet_lite0"
        raise AssetError(f"{error}; or {ways}") from error


def check_weights(kind: Perceptual, progress: Progress = silent, weights: Path | None = None) -> None:
    """Refuse before minutes of work what `load_perceptual` would refuse after them; the published file is fetched.

    Args:
        weights: as `load_perceptual`; the user's own file is read, as nothing else says what it holds.
    Raises:
        As `load_perceptual`.
    """
    if weights is None:
        fetch_weights(kind, progress)
    else:
        load_perceptual(kind, progress, weights)


def load_perceptual(
    kind: Perceptual, progress: Progress = silent, weights: Path | None = None
) -> FeatureNetwork | None:
    """The perceptual network of that name, frozen; None for "none".

    Args:
        weights: the user's own file; None for the published one.
    Raises:
        AssetError: the weights are neither cached nor reachable.
        FileFormatError: the file holds other weights.
    """
    weights = weights or fetch_weights(kind, progress)
    if weights is None:
        return None
    network = Vgg19() if kind == "vgg19" else EfficientNetLite0()
    network.load(weights)
    return network.freeze()


def read_weights(path: Path) -> dict[str, Tensor]:
    """A published .pth of tensors alone; `weights_only` refuses anything that could run code."""
    with named_file(path):
        found = torch.load(path, map_location="cpu", weights_only=True)
    if not isinstance(found, dict):
        raise FileFormatError(f"{path}: expected a table of weights, found {type(found).__name__}")
    return found


@contextmanager
def named_file(path: Path) -> Iterator[None]:
    """Turn whatever a wrong weight file causes into one line that names it."""
    try:
        yield
    except (KeyError, RuntimeError, ValueError, OSError, EOFError, UnpicklingError) as error:
        raise FileFormatError(
            f"{path}: not the expected weights ({give_reason(error)}); remove it or give another"
        ) from error
