"""The border between pictures and tensors: the only two functions that convert (docs/conventions.md, "Colour")."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def to_tensor(image: NDArray[np.uint8]) -> Tensor:
    """Picture (H, W, C) or mask (H, W), uint8, to float32 (C, H, W): pictures in [-1, 1], masks (1, H, W) in [0, 1]."""
    pixels = torch.from_numpy(np.array(image)).float()  # a copy: memory maps are read-only
    if image.ndim == 2:
        return pixels[None] / 255
    return pixels.permute(2, 0, 1) / 127.5 - 1


def to_image(tensor: Tensor) -> NDArray[np.uint8]:
    """Float (3, H, W) in [-1, 1], on any device, to a picture (H, W, 3) uint8; values outside are clipped."""
    levels = (tensor.detach().float() + 1).mul(127.5).round().clamp(0, 255)
    image: NDArray[np.uint8] = levels.to(torch.uint8).permute(1, 2, 0).contiguous().cpu().numpy()
    return image
