"""Gradient descent as the fit uses it: Adam, a cosine schedule, a fixed number of steps; equal input, equal output."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

_FINEST: Final = 0.05
"""Step size at the end, as a share of that at the beginning."""


def descend(groups: list[dict[str, Any]], cost: Callable[[], Tensor], steps: int) -> None:
    """Take `steps` steps down `cost` (a scalar) over the parameters of `groups`, each with its step size `lr`."""
    optimiser = torch.optim.Adam(groups, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: _FINEST + (1 - _FINEST) * 0.5 * (1 + np.cos(np.pi * step / steps))
    )
    for _ in range(steps):
        optimiser.zero_grad(set_to_none=True)
        cost().backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
