"""A picture at half its size, as pix2pixHD takes it for coarser networks and discriminators (Wang et al. 2018)."""

import torch.nn.functional as F
from torch import Tensor


def halve(pictures: Tensor) -> Tensor:
    """(B, C, H, W) to (B, C, ceil(H / 2), ceil(W / 2)): the mean of 3x3 pixels about every other one.

    At the border, of those of the nine that lie within the picture.
    """
    return F.avg_pool2d(pictures, 3, stride=2, padding=1, count_include_pad=False)
