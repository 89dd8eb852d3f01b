"""The measures that look at pictures, each shown the frames of a video one after another.

Shapes: T frames, H x W pixels.
"""

from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from choreograft.evaluate.metrics import perceptual
from choreograft.evaluate.metrics.flicker import Motion, own_change, unexplained_change
from choreograft.evaluate.metrics.regions import PICTURES, Boxes
from choreograft.evaluate.metrics.similarity import mean_in, psnr, ssim_map
from choreograft.evaluate.scores import Region, Values
from choreograft.pose.track import PoseTrack
from choreograft.training.recording import NEIGHBOUR

Image = NDArray[np.uint8]
Series = dict[tuple[Region, str], Values]
Item = TypeVar("Item")
_STILL: Final = 0.1
"""Grey levels added to both sides of a ratio of changes, so that places where nothing changes do not decide it."""


class Similarity:
    """SSIM and PSNR in every region."""

    def __init__(self, boxes: Boxes) -> None:
        self.boxes = boxes
        self.series = unknown(boxes, "ssim", "psnr")

    def look(self, t: int, result: Image, truth: Image) -> None:
        """Compare frame t of both videos (H, W, 3)."""
        alike = ssim_map(result, truth)
        for region in PICTURES:
            box = self.boxes[region][t]
            self.series[region, "ssim"][t] = mean_in(box, alike)
            self.series[region, "psnr"][t] = psnr(box, result, truth)


class Flicker:
    """Unexplained change in every region, between frames without a gap."""

    def __init__(self, boxes: Boxes, track: PoseTrack) -> None:
        self.boxes = boxes
        self.follows = np.concatenate([[False], np.diff(track.time_s) <= NEIGHBOUR / float(track.rate)])
        """(T,) whether a frame has one before it, without a gap; others have no flicker."""
        self.series = unknown(boxes, "flicker")

    def look(self, t: int, before: Image, result: Image, motion: Motion) -> None:
        """Compare frame t with the one before it (H, W, 3)."""
        change = unexplained_change(before, result, motion)
        for region in PICTURES:
            self.series[region, "flicker"][t] = mean_in(self.boxes[region][t], change)


class WarpingError:
    """How much a result changes beside the true motion, as a multiple of what the truth does, in every region."""

    def __init__(self, boxes: Boxes) -> None:
        self.boxes = boxes
        self.series = unknown(boxes, "warping_error")

    def look(self, t: int, before: Image, result: Image, motion: Motion) -> None:
        """Compare frame t with the one directly before it (H, W, 3)."""
        ours, true = own_change(before, result, motion)
        for region in PICTURES:
            box = self.boxes[region][t]
            self.series[region, "warping_error"][t] = (mean_in(box, ours) + _STILL) / (mean_in(box, true) + _STILL)


class Waiting(Generic[Item]):
    """Gathers what a network is to look at, and shows it a batch at a time."""

    def __init__(self, measure: Callable[[Sequence[Item]], Sequence[float]], frames: int, batch: int) -> None:
        self.measure, self.batch = measure, batch
        self.values: Values = np.full(frames, np.nan)
        self._waiting: list[tuple[int, Item]] = []

    def add(self, t: int, item: Item) -> None:
        """Put down what is to be measured of frame t."""
        self._waiting.append((t, item))
        if len(self._waiting) == self.batch:
            self.finish()

    def finish(self) -> Values:
        """Measure what still waits; (T,) all values, NaN where nothing was added."""
        if self._waiting:
            at, items = zip(*self._waiting, strict=True)
            self.values[list(at)] = self.measure(items)
            self._waiting.clear()
        return self.values


class DeepDistance:
    """One network's distance in every region."""

    def __init__(self, name: str, distance: perceptual.Distance, boxes: Boxes, batch: int) -> None:
        self.name, self.boxes = name, boxes
        self._waiting = {region: Waiting(distance, len(boxes[region]), batch) for region in PICTURES}

    def look(self, t: int, result: Image, truth: Image) -> None:
        """Compare frame t of both videos (H, W, 3)."""
        for region, waiting in self._waiting.items():
            box = self.boxes[region][t]
            if box is not None:
                waiting.add(t, perceptual.crop(box, region, result, truth))

    def finish(self) -> Series:
        """The series of every region."""
        return {(region, self.name): waiting.finish() for region, waiting in self._waiting.items()}


def unknown(boxes: Boxes, *names: str) -> Series:
    """Series of metrics in every region, all NaN."""
    return {(region, name): np.full(len(boxes[region]), np.nan) for region in PICTURES for name in names}
