"""Weight files of the published form, with random values: the real ones are hundreds of megabytes."""

from pathlib import Path

import torch

VGG_CONVOLUTIONS = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28)
"""Positions of torchvision's convolutions up to relu5_1."""


def vgg_file(path: Path) -> dict[str, torch.Tensor]:
    """Small random weights under torchvision's names, with the later layers that we leave out."""
    weights, width = {}, 3
    for position, channels in zip(VGG_CONVOLUTIONS, (64, 64, 128, 128, *[256] * 4, *[512] * 5), strict=True):
        weights[f"features.{position}.weight"] = torch.randn(channels, width, 3, 3) * (2 / (9 * width)) ** 0.5
        weights[f"features.{position}.bias"] = torch.randn(channels) * 0.01
        width = channels
    weights["features.30.weight"], weights["features.30.bias"] = torch.zeros(512, 512, 3, 3), torch.zeros(512)
    weights["classifier.0.weight"] = torch.zeros(2, 2)
    torch.save(weights, path)
    return weights
