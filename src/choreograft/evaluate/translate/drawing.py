"""Pictures of an unpaired translation."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from choreograft.evaluate.translate.lessons import Domain
from choreograft.evaluate.translate.networks import Translators
from choreograft.performer.device import Compute
from choreograft.performer.images import to_image, to_tensor
from choreograft.video.sheet import tile_pictures


def translate_picture(network: nn.Module, picture: NDArray[np.uint8], compute: Compute) -> NDArray[np.uint8]:
    """A picture (H, W, 3) of one domain as it looks in the other, the same shape."""
    frame = to_tensor(picture)[None].to(compute.device, memory_format=torch.channels_last)
    with torch.inference_mode(), compute.autocast():
        return to_image(network(frame)[0])


def draw_sheet(translators: Translators, source: Domain, compute: Compute, count: int) -> NDArray[np.uint8]:
    """A contact sheet with a column each for `count` frames spread over the source: real, translated, back again."""
    real = [source.frames[n] for n in np.linspace(0, len(source.frames) - 1, count).round().astype(int)]
    there = [translate_picture(translators.to_target, picture, compute) for picture in real]
    back = [translate_picture(translators.to_source, picture, compute) for picture in there]
    return tile_pictures([real, there, back])
