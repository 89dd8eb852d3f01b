"""The measures that look at pictures, each shown the frames of a video one after another.

Shapes: T frames, H x W pixels.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, Generic, Protocol, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from choreograft.evaluate.metrics import perceptual
from choreograft.evaluate.metrics.detail import DRAFT_HEIGHT_PX, detail, outline, texture
from choreograft.evaluate.metrics.flicker import Motion, MotionSearch, change_of_motion, own_change, unexplained_change
from choreograft.evaluate.metrics.regions import PICTURES, Box, Boxes, find_boxes
from choreograft.evaluate.metrics.similarity import mean_in, psnr, ssim_map
from choreograft.evaluate.scores import Region, Values
from choreograft.pose.track import MaskSequence, PoseTrack
from choreograft.video.size import Canvas, Size

Image = NDArray[np.uint8]
Series = dict[tuple[Region, str], Values]
Both = tuple[Motion, Motion]
"""Of result and truth."""
Item = TypeVar("Item")
Cut = Callable[[Box, Region, Image, Image], perceptual.Pair]
"""What a network is shown of a region's box of result and truth."""
HOLE_LEVELS: Final = 8.0
"""Of 255, within which a pixel is taken for the background; one of the person differs from it by three times that."""
_STILL: Final = 0.1
"""Grey levels added to both sides of a ratio of changes, so that places where nothing changes do not decide it."""
_STILL_PX: Final = 0.02
"""The same for motions."""


class Measure(Protocol):
    """Something that is shown the frames of result and truth, both at the truth's size."""

    def look(self, t: int, result: Image, truth: Image) -> None:
        """Compare frame t of both videos (H, W, 3)."""
        ...

    def finish(self) -> Series:
        """All that was measured."""
        ...


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

    def finish(self) -> Series:
        """See Measure."""
        return self.series


class Flicker:
    """Unexplained change in every region, between frames without a cut or a gap."""

    def __init__(self, boxes: Boxes, track: PoseTrack) -> None:
        self.boxes = boxes
        self.follows = track.follows
        """(T,) whether a frame has one before it, without a cut or a gap; others have no flicker."""
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


class Unrest:
    """How much a result changes beside its own motion, and how unevenly that goes on, as multiples of the truth's."""

    def __init__(self, boxes: Boxes) -> None:
        self.boxes = boxes
        self.series = unknown(boxes, "own_warping", "tremble")

    def look(self, t: int, steps: Both, before: Both | None) -> None:
        """Compare the own motions of result and truth to a frame, and those to the frame before it, if one follows."""
        changes = [np.where(step.trusted, np.abs(step.remainder).mean(axis=-1), np.nan) for step in steps]
        self._rate("own_warping", t, changes, _STILL)
        if before is not None:
            turns = [change_of_motion(*pair) for pair in zip(before, steps, strict=True)]
            self._rate("tremble", t, turns, _STILL_PX)

    def _rate(self, name: str, t: int, maps: Sequence[NDArray[np.floating]], still: float) -> None:
        for region in PICTURES:
            box = self.boxes[region][t]
            ours, true = (mean_in(box, each) + still for each in maps)
            self.series[region, name][t] = ours / true


class Steps:
    """All about the steps from frame to frame, worked out at a draft's size: what grey levels mean depends on it."""

    def __init__(self, exact: PoseTrack, truth: PoseTrack, result: Size) -> None:
        """Of the track that regions come from, that of the true video, and the size of the result."""
        size = draft_size(result)
        boxes = find_boxes(exact, size)
        self.flicker, self.warping, self.unrest = Flicker(boxes, truth), WarpingError(boxes), Unrest(boxes)
        self._motion = MotionSearch()
        self._canvases = Canvas(result, size), Canvas(truth.size, size)
        self._before: tuple[Image, Image] | None = None
        self._step: Both | None = None

    def look(self, t: int, result: Image, truth: Image) -> None:
        """Compare frame t of both videos, each of its own size, with the one before it."""
        ours, true = (canvas.place_image(each) for canvas, each in zip(self._canvases, (result, truth), strict=True))
        step = None
        if self._before is not None and self.flicker.follows[t]:
            own, moved = (self._motion.between(*pair) for pair in zip(self._before, (ours, true), strict=True))
            self.flicker.look(t, self._before[0], ours, moved)
            self.warping.look(t, self._before[0], ours, moved)
            step = own, moved
            self.unrest.look(t, step, self._step)
        self._before, self._step = (ours, true), step

    def finish(self) -> Series:
        """The series of all of them."""
        return self.flicker.series | self.warping.series | self.unrest.series


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
    """One network's distance in every region that has boxes."""

    def __init__(self, name: str, distance: perceptual.Distance, boxes: Boxes, batch: int, cut: Cut) -> None:
        self.name, self.boxes, self.cut = name, boxes, cut
        self._waiting = {region: Waiting(distance, len(row), batch) for region, row in boxes.items()}

    def look(self, t: int, result: Image, truth: Image) -> None:
        """Compare frame t of both videos (H, W, 3)."""
        for region, waiting in self._waiting.items():
            box = self.boxes[region][t]
            if box is not None:
                waiting.add(t, self.cut(box, region, result, truth))

    def finish(self) -> Series:
        """See Measure."""
        return {(region, self.name): waiting.finish() for region, waiting in self._waiting.items()}


class Fidelity:
    """Detail, texture and outline of the person, at the truth's size."""

    MEASURES: Final = {"detail": detail, "texture": texture, "outline": outline}

    def __init__(self, masks: MaskSequence, canvas: Canvas) -> None:
        """Of the true person's masks, and how they lie in the pictures compared."""
        self.masks, self.canvas = masks, canvas
        self.series: Series = {("person", name): np.full(len(masks), np.nan) for name in self.MEASURES}

    def look(self, t: int, result: Image, truth: Image) -> None:
        """Compare frame t of both videos (H, W, 3)."""
        mask = self.canvas.place_image(self.masks[t])
        for name, measure in self.MEASURES.items():
            self.series["person", name][t] = measure(result, truth, mask)

    def finish(self) -> Series:
        """See Measure."""
        return self.series


class Holes:
    """How much of the person shows what is behind them."""

    def __init__(self, masks: MaskSequence, canvas: Canvas, truths: Iterable[Image]) -> None:
        """Of the true person's masks, how they lie in the pictures compared, and those of the true video.

        What is behind them is the mean of the true frames in which the person is not near.
        """
        self.masks, self.canvas = masks, canvas
        total, count = np.zeros(()), np.zeros(())
        for t, truth in enumerate(truths):
            free = (cv2.dilate(canvas.place_image(masks[t]), np.ones((9, 9), np.uint8)) == 0)[..., None]
            total, count = total + free * truth.astype(np.float32), count + free
        self.plate = np.where(count > 0, total / np.maximum(count, 1), np.inf)  # what is never free is never shown
        self.series: Values = np.full(len(masks), np.nan)

    def look(self, t: int, result: Image, truth: Image) -> None:
        """Compare frame t of both videos (H, W, 3)."""
        person = cv2.erode(self.canvas.place_image(self.masks[t]), np.ones((3, 3), np.uint8)) > 127
        if person.any():
            shown = np.abs(result - self.plate).max(axis=-1) < HOLE_LEVELS
            other = np.abs(truth - self.plate).max(axis=-1) > 3 * HOLE_LEVELS
            self.series[t] = 100 * (person & shown & other).sum() / person.sum()

    def finish(self) -> Series:
        """See Measure."""
        return {("person", "holes"): self.series}


def draft_size(size: Size) -> Size:
    """A size shrunk to a draft's height where it is taller."""
    scale = min(1.0, DRAFT_HEIGHT_PX / size.height)
    return Size(max(1, round(size.width * scale)), round(size.height * scale))


def thin_out(boxes: Boxes, regions: Sequence[Region], step: int) -> Boxes:
    """The boxes of some regions in every `step`-th frame, from the middle of the first step; None in the others."""
    return {
        region: tuple(box if t % step == step // 2 else None for t, box in enumerate(boxes[region]))
        for region in regions
    }


def unknown(boxes: Boxes, *names: str) -> Series:
    """Series of metrics in every region, all NaN."""
    return {(region, name): np.full(len(boxes[region]), np.nan) for region in PICTURES for name in names}
