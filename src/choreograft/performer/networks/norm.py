"""Instance normalisation without learned scale (Ulyanov et al. 2016), as all of the networks here use it."""

import torch.nn.functional as F
from torch import Tensor, nn


class InstanceNorm(nn.Module):
    """Every channel of every picture to mean 0 and variance 1 over its pixels."""

    def __init__(self, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape.

        A batch of one is normalised as a batch: the same numbers, but PyTorch keeps the tensor channels last, where its
        instance normalisation copies it to and fro; the draft's generator takes a third less time on a CPU.
        """
        if len(x) == 1:
            return F.batch_norm(x, None, None, training=True, eps=self.eps)
        return F.instance_norm(x, eps=self.eps)
