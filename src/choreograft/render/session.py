"""A render session: frames of a performer, one at a time, each conditioned on the one before.

Shapes: H x W pixels of the performer's canvas.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from choreograft.performer.device import Compute
from choreograft.performer.images import to_image
from choreograft.performer.performer import Performer
from choreograft.pose.track import PoseTrack


@dataclass(frozen=True)
class RenderedFrame:
    """One finished frame and the pose it was drawn from."""

    image: NDArray[np.uint8]
    """(H, W, 3) RGB."""
    stick: NDArray[np.uint8]
    """(H, W, 3) RGB; black where nobody is there."""


@torch.inference_mode()
def render_frames(performer: Performer, track: PoseTrack, compute: Compute) -> Iterator[RenderedFrame]:
    """Draw every frame of a track in the performer's canvas pixels.

    A frame without a person is the empty plate, and the next person after it starts, as in training, from a zero image.

    Every frame is conditioned on the one directly before it, whatever the rate of the track and that of the footage
    which the generator learned from (measured in docs/method.md, section 4). At higher rates that frame lies closer
    than in training, which looks like a slow movement, and training knows those. The output of one training interval
    ago would make several videos that take turns, and one anchor for each interval jumps where the anchor changes. At
    lower rates, hidden frames in between would multiply the time for little.
    """
    empty = to_image(performer.plate)
    black = np.zeros_like(empty)
    plate = performer.plate.cpu()
    previous = performer.no_previous()
    for t in range(len(track)):
        if not track.present[t]:
            previous = performer.no_previous()
            yield RenderedFrame(empty, black)
            continue
        conditioning = performer.staging.describe(track, t, plate).to(compute.device)
        with compute.autocast():
            drawn = performer(conditioning, previous)
        previous = drawn.frame
        yield RenderedFrame(to_image(drawn.frame[0]), to_image(conditioning.stick[0]))
