"""The measures that look at pictures, each shown the frames of a video one after another.

Shapes: T frames, H x W pixels, h x w of them in a box.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Final, Generic, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from choreograft.evaluate.metrics import perceptual
from choreograft.evaluate.metrics.detail import DRAFT_HEIGHT_PX, detail, outline, texture
from choreograft.evaluate.metrics.flicker import Motion, MotionSearch, change_of_motion, own_change, unexplained_change
from choreograft.evaluate.metrics.regions import PICTURES, Box, Boxes, find_boxes
from choreograft.evaluate.scores import Region, Values
from choreograft.pose.track import MaskSequence, PoseTrack
from choreograft.video.size import Canvas, Size

Image = NDArray[np.uint8]
Series = dict[tuple[Region, str], Values]
Item = TypeVar("Item")
Cut = Callable[[Box, Region, Image, Image], perceptual.Pair]
"""What a network is shown of a region's box of result and truth."""
HOLE_LEVELS: Final = 8.0
"""Of 255, within which a pixel is taken for the background; one of the person differs from it by three times that."""
_STILL: Final = 0.1
"""Grey levels added to both sides of a ratio of changes, so that places where nothing changes do not decide it."""
_STILL_PX: Final = 0.02
"""The same for motions."""

PEAK: Final = 255
PSNR_CAP_DB: Final = 100.0
"""PSNR of equal pictures, which is infinite; a finite value keeps means finite. One grey level in one of a million
values gives 108 dB, so no measurement of a video comes near."""
_SIGMA_PX: Final = 1.5
_RADIUS_PX: Final = 5
"""Of the Gaussian window, 11 px across (Wang et al. 2004, section III.C)."""
_C1: Final = (0.01 * PEAK) ** 2
_C2: Final = (0.03 * PEAK) ** 2


class Measure(ABC):
    """Something that is shown the frames of result and truth, both at the truth's size."""

    series: Series
    """What was measured so far; NaN in the frames not looked at."""

    @abstractmethod
    def look(self, t: int, result: Image, truth: Image) -> None:
        """Compare frame t of both videos (H, W, 3)."""

    def finish(self) -> Series:
        """All that was measured."""
        return self.series


class Chart:
    """Values of some metrics in every region and frame; NaN where a frame has no such region, or was not looked at."""

    def __init__(self, boxes: Boxes, *names: str) -> None:
        self.boxes = boxes
        self.series = {(region, name): np.full(len(boxes[region]), np.nan) for region in PICTURES for name in names}

    def note(self, name: str, t: int, measure: Callable[[Box], float]) -> None:
        """Put down what a metric says of each region of frame t."""
        for region in PICTURES:
            box = self.boxes[region][t]
            if box is not None:
                self.series[region, name][t] = measure(box)

    def note_ratio(self, name: str, t: int, maps: Sequence[NDArray[np.floating]], still: float) -> None:
        """The same of the means of two maps (H, W), `still` added to both."""
        self.note(name, t, lambda box: (mean_in(box, maps[0]) + still) / (mean_in(box, maps[1]) + still))


class Similarity(Chart, Measure):
    """SSIM and PSNR in every region."""

    def __init__(self, boxes: Boxes) -> None:
        super().__init__(boxes, "ssim", "psnr")

    def look(self, t: int, result: Image, truth: Image) -> None:
        """Compare frame t of both videos (H, W, 3)."""
        self.note("ssim", t, partial(mean_in, values=ssim_map(result, truth)))
        self.note("psnr", t, partial(psnr, picture=result, truth=truth))


class Steps(Chart, Measure):
    """All about the steps from frame to frame, worked out at a draft's size: what grey levels mean depends on it.

    `flicker` is change that the true motion does not explain, `warping_error` how much a result changes beside it as a
    multiple of what the truth does; `own_warping` and `tremble` are how much it changes beside its own motion, and how
    unevenly that goes on, as multiples of the truth's. Frames after a cut or a gap have none.
    """

    def __init__(self, exact: PoseTrack, truth: PoseTrack, result: Size) -> None:
        """Of the track that regions come from, that of the true video, and the size of the result."""
        size = draft_size(result)
        super().__init__(find_boxes(exact, size), "flicker", "warping_error", "own_warping", "tremble")
        self._follows = truth.follows
        self._motion = MotionSearch()
        self._canvases = Canvas(result, size), Canvas(truth.size, size)
        self._before: tuple[Image, Image] | None = None
        self._step: tuple[Motion, Motion] | None = None

    def look(self, t: int, result: Image, truth: Image) -> None:
        """Compare frame t of both videos, each of its own size, with the one before it."""
        ours, true = (canvas.place_image(each) for canvas, each in zip(self._canvases, (result, truth), strict=True))
        step = None
        if self._before is not None and self._follows[t]:
            own, moved = (self._motion.between(*pair) for pair in zip(self._before, (ours, true), strict=True))
            step = own, moved
            self.note("flicker", t, partial(mean_in, values=unexplained_change(self._before[0], ours, moved)))
            self.note_ratio("warping_error", t, (own_change(self._before[0], ours, moved), moved.change), _STILL)
            self.note_ratio("own_warping", t, (own.change, moved.change), _STILL)
            if self._step is not None:
                turns = [change_of_motion(*pair) for pair in zip(self._step, step, strict=True)]
                self.note_ratio("tremble", t, turns, _STILL_PX)
        self._before, self._step = (ours, true), step


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


class DeepDistance(Measure):
    """One network's distance in every region that has boxes."""

    def __init__(self, name: str, distance: perceptual.NetworkDistance, boxes: Boxes, batch: int, cut: Cut) -> None:
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


class Fidelity(Measure):
    """Detail, texture and outline of the person, at the truth's size."""

    MEASURES: Final = {"detail": detail, "texture": texture, "outline": outline}

    def __init__(self, masks: MaskSequence, canvas: Canvas) -> None:
        """Of the true person's masks, and how they lie in the pictures compared."""
        self.masks, self.canvas = masks, canvas
        self.series = {("person", name): np.full(len(masks), np.nan) for name in self.MEASURES}

    def look(self, t: int, result: Image, truth: Image) -> None:
        """Compare frame t of both videos (H, W, 3)."""
        mask = self.canvas.place_image(self.masks[t])
        for name, measure in self.MEASURES.items():
            self.series["person", name][t] = measure(result, truth, mask)


class Holes(Measure):
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
        self.series = {("person", "holes"): np.full(len(masks), np.nan)}

    def look(self, t: int, result: Image, truth: Image) -> None:
        """Compare frame t of both videos (H, W, 3)."""
        person = cv2.erode(self.canvas.place_image(self.masks[t]), np.ones((3, 3), np.uint8)) > 127
        if person.any():
            shown = np.abs(result - self.plate).max(axis=-1) < HOLE_LEVELS
            other = np.abs(truth - self.plate).max(axis=-1) > 3 * HOLE_LEVELS
            self.series["person", "holes"][t] = 100 * (person & shown & other).sum() / person.sum()


def draft_size(size: Size) -> Size:
    """A size shrunk to a draft's height where it is taller."""
    return size.scaled(min(1.0, DRAFT_HEIGHT_PX / size.height))


def thin_out(boxes: Boxes, regions: Sequence[Region], step: int) -> Boxes:
    """The boxes of some regions in every `step`-th frame, from the middle of the first step; None in the others."""
    return {
        region: tuple(box if t % step == step // 2 else None for t, box in enumerate(boxes[region]))
        for region in regions
    }


def ssim_map(picture: Image, truth: Image) -> NDArray[np.float32]:
    """Structural similarity about every pixel, the mean of the three channels.

    Wang et al. 2004, "Image Quality Assessment", with their window and constants.

    Args:
        picture, truth: (H, W, 3) uint8, at least 11 px high and wide.
    Returns:
        (H, W) in [-1, 1], 1 where they are equal. NaN within 5 px of the border, where the window does not fit.
    """
    similarity = np.full(picture.shape[:2], np.nan, np.float32)
    inner = (slice(_RADIUS_PX, -_RADIUS_PX),) * 2
    maps = [_compare_channel(picture[..., channel], truth[..., channel])[inner] for channel in range(3)]
    similarity[inner] = np.mean(maps, axis=0)
    return similarity


def _compare_channel(picture: Image, truth: Image) -> NDArray[np.float32]:
    """(H, W) structural similarity of one channel of each."""
    ours, true = (each.astype(np.float32) - PEAK / 2 for each in (picture, truth))  # centred, float32 is exact enough
    mean, true_mean = _average(ours), _average(true)
    covariance = _average(ours * true) - mean * true_mean
    variances = _average(ours * ours + true * true) - (mean * mean + true_mean * true_mean)
    mean, true_mean = mean + PEAK / 2, true_mean + PEAK / 2
    alike = (2 * mean * true_mean + _C1) * (2 * covariance + _C2)
    alike /= (mean * mean + true_mean * true_mean + _C1) * (variances + _C2)
    return np.asarray(alike, np.float32)


def _average(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """(H, W) the mean in the window about every pixel."""
    side = 2 * _RADIUS_PX + 1
    return np.asarray(cv2.GaussianBlur(values, (side, side), _SIGMA_PX), np.float32)


def mean_in(box: Box, values: NDArray[np.floating]) -> float:
    """The mean of the known values (H, W) in a box; NaN where nothing is known in it."""
    part = box.cut(values)
    known = part[np.isfinite(part)]
    return float(known.mean(dtype=np.float64)) if known.size else float("nan")


def psnr(box: Box, picture: Image, truth: Image) -> float:
    """Peak signal-to-noise ratio of two pictures (H, W, 3) in a box, dB, at most `PSNR_CAP_DB`."""
    difference = box.cut(picture).astype(np.float32) - box.cut(truth)
    error = float(np.mean(np.square(difference), dtype=np.float64))
    return PSNR_CAP_DB if error == 0 else min(PSNR_CAP_DB, float(10 * np.log10(PEAK**2 / error)))


def soft_iou(found: NDArray[np.uint8], wanted: NDArray[np.uint8]) -> float:
    """Intersection over union of two soft masks (H, W) of 0..255: the smaller values over the larger.

    For masks of 0 and 255 it is the ordinary IoU; equal soft masks score 1 (the Ruzicka similarity).

    Returns:
        0..1; NaN where nobody is wanted.
    """
    if not wanted.any():
        return float("nan")
    smaller, larger = np.minimum(found, wanted), np.maximum(found, wanted)
    return float(smaller.sum(dtype=np.float64) / larger.sum(dtype=np.float64))
