"""The plate: the empty background of a clip, and where each frame's camera saw it.

A camera that moved a little is followed, and the plate is put together from frames laid over each other; each frame
then has the plate as its own camera saw it. Things that scroll or blink are taken from one frame, since a median of
them shows what never was there.

Shapes: N frames, K of them looked at, H x W pixels.
"""

from dataclasses import dataclass
from functools import cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from choreograft.video.watch import CameraWatch

Picture = NDArray[np.uint8]
Floats = NDArray[np.float32]

MAX_FRAMES: Final = 96
"""Frames the plate is made from, spread evenly: more change nothing that can be seen and cost memory."""
PERSON_ABOVE: Final = 32
"""Mask value (0..255) from which a pixel may show the person."""
MARGIN: Final = 1 / 64
"""Share of the height by which masks are widened: hair, cloth and motion blur reach beyond them."""
FAR: Final = 5
"""Times the margin: where a pixel is ever that far from the person, the frames in which it is near do not count, for
shadows, reflections and what the mask missed."""
MAX_LAID_PIXELS: Final = 64_000_000
"""Pixels of frames laid over each other for a camera that moves, four bytes each: of large pictures fewer frames."""
COARSE_ROWS: Final = 480
"""The camera is followed, and distances to the person are measured, on copies of about this many rows."""
BAND_ROWS: Final = 32
"""Rows worked on at once, which bounds the memory."""
RESTLESS_LEVELS: Final = 24
RESTLESS_SHARE: Final = 0.25
"""A pixel shows something that moves if in this share of the frames its colour is as many levels (of 255) from the
median."""
MAX_RESTLESS: Final = 0.5
"""Share of restless pixels up to which a camera that could not be followed is believed to stand."""
STILL: Final = 0.004
"""Share of the height up to which a camera counts as standing."""
LOST: Final = 0.25
"""Share of the steps of a camera that may be unknown for its path to be believed."""


@dataclass(frozen=True)
class Plate:
    """The background of a clip."""

    picture: Picture
    """(H, W, 3) RGB, as the camera saw it in the middle of its path."""
    views: Floats
    """(N, 2, 3) affine: the plate's pixels to those of each frame."""
    motion: float
    """How far from the middle of its path the camera took the picture's corners, share of the height; 0 if unknown."""
    followed: bool
    """Whether its path is known; there are cameras that stand before a plain wall, and those whose views are lost."""
    restless: float
    """Share of the pixels that show something that moves."""

    @property
    def moving(self) -> bool:
        """Whether the camera moved."""
        return self.motion > STILL

    @property
    def usable(self) -> bool:
        """Whether there is a background to lay people over, or only a blur."""
        return self.followed or self.restless < MAX_RESTLESS


def estimate_plate(frames: Picture, masks: Picture) -> Plate:
    """The background of a clip.

    Args:
        frames: (N, H, W, 3) uint8; may be a memory map. masks: (N, H, W) uint8, 255 = person.
    """
    views, motion, followed = follow_camera(frames, masks)
    N = len(frames)
    if motion <= STILL or not followed:
        picture, restless = _find_usual(frames, masks)
        still = np.tile(np.eye(2, 3, dtype=np.float32), (N, 1, 1))
        return Plate(picture, still, motion if followed else 0.0, followed, restless)
    chosen = choose_evenly(N, min(MAX_FRAMES, max(2, MAX_LAID_PIXELS // masks[0].size)))
    rough, _ = _lay_together(frames, masks, views, chosen)
    views[chosen] = [_align(rough, frames[n], masks[n], views[n]) for n in chosen]
    picture, restless = _lay_together(frames, masks, views, chosen)
    views = np.stack([_align(picture, frames[n], masks[n], views[n]) for n in range(N)])
    return Plate(picture, views, motion, followed, restless)


def view_plate(picture: Picture, view: Floats) -> Picture:
    """(H, W, 3) the plate as a frame's camera saw it; beyond its border it is mirrored."""
    if np.array_equal(view, np.eye(2, 3)):
        return picture
    size = picture.shape[1], picture.shape[0]
    return np.asarray(cv2.warpAffine(picture, view, size, borderMode=cv2.BORDER_REFLECT), dtype=np.uint8)


def follow_camera(frames: Picture, masks: Picture) -> tuple[Floats, float, bool]:
    """How a camera moved.

    Args:
        frames: (N, H, W, 3) uint8. masks: (N, H, W) uint8, 255 = person.
    Returns:
        (N, 2, 3) affine: pixels of the frame in the middle of its path to those of each frame; how far from there it
        took the picture's corners (95th percentile, share of the height); whether that is to be believed.
    """
    watch = CameraWatch()
    poses = []
    step = _step(frames.shape[1])
    for frame, mask in zip(frames, masks, strict=True):
        watch.add(_grey(_shrink(frame, step)), _beside(_shrink(mask, step)))
        poses.append(watch.pose.copy())
    places = np.stack(watch.places)
    middle = int(np.linalg.norm(places - np.median(places, axis=0), axis=-1).max(-1).argmin())
    moved = np.linalg.norm(places - places[middle], axis=-1).max(axis=-1)
    known = float(np.mean(watch.known[1:])) if len(poses) > 1 else 1.0
    views = np.stack([_resize_view((pose @ np.linalg.inv(poses[middle]))[:2], step) for pose in poses])
    return views.astype(np.float32), float(np.percentile(moved, 95) * step / frames.shape[1]), known >= 1 - LOST


def estimate_still_plate(frames: Picture, masks: Picture) -> Picture:
    """(H, W, 3) the background of frames that lie over each other.

    The median, per pixel and channel, of those frames in which the person does not come near the pixel; where
    something moves, one frame for all of it. Pixels that the person covers in every frame are painted in from around.

    Args:
        frames: (N, H, W, 3) uint8; may be a memory map. masks: (N, H, W) uint8, 255 = person.
    """
    return _find_usual(frames, masks)[0]


def _find_usual(frames: Picture, masks: Picture) -> tuple[Picture, float]:
    """See `estimate_still_plate`; and the share of the pixels that show something that moves."""
    chosen = choose_evenly(len(frames))
    step = _step(frames.shape[1])
    beside = [(_shrink(masks[n], step) < PERSON_ABOVE).astype(np.uint8) for n in chosen]
    away: Floats = np.array([cv2.distanceTransform(places, cv2.DIST_L2, 3) for places in beside], np.float32)
    margin = max(1, round(MARGIN * away.shape[1]))
    far = away.max(axis=0)
    free = away > np.clip(far / 2, margin, FAR * margin)
    plate, restless = np.zeros(frames.shape[1:], np.uint8), np.zeros(frames.shape[1:3], np.bool_)
    for top in range(0, frames.shape[1], BAND_ROWS):
        rows = slice(top, top + BAND_ROWS)
        seen, clear = frames[chosen, rows], _enlarge(free, frames.shape[1:3], rows)
        there, count = clear.any(axis=0), np.count_nonzero(clear, axis=0)
        usual = _median(seen, clear)
        edges = np.ceil(usual - RESTLESS_LEVELS), np.floor(usual + RESTLESS_LEVELS)
        dark, bright = (np.clip(edge, 0, 255).astype(np.uint8) for edge in edges)
        off = np.stack([cv2.inRange(picture, dark, bright) for picture in seen]) == 0
        often = np.maximum(RESTLESS_SHARE * count, 2)
        restless[rows] = there & (np.count_nonzero(off & clear, axis=0) >= often)
        plate[rows][there] = usual[there].round()
    _quiet(plate, restless, frames, chosen, free, away)
    holes = _enlarge(far <= margin, frames.shape[1:3]).astype(np.uint8)
    if holes.any():
        plate = np.asarray(cv2.inpaint(plate, holes, 3, cv2.INPAINT_TELEA), dtype=np.uint8)
    return plate, float(restless.mean())


def _median(seen: Picture, clear: NDArray[np.bool_]) -> Floats:
    """(h, w, 3) median of the colours (K, h, w, 3) of those frames in which a pixel is clear (K, h, w)."""
    covered = np.asarray(~clear, dtype=np.uint8) * np.uint8(255)
    ordered = np.maximum(seen, np.stack([cv2.merge([flat] * 3) for flat in covered]))  # what is covered comes last
    for one, other in _sorting_steps(len(ordered)):
        low = np.minimum(ordered[one], ordered[other])
        np.maximum(ordered[one], ordered[other], out=ordered[other])
        ordered[one] = low
    count, (row, column) = np.count_nonzero(clear, axis=0), np.ogrid[: clear.shape[1], : clear.shape[2]]
    low, high = (ordered[middle, row, column] for middle in (np.maximum(count - 1, 0) // 2, count // 2))
    return np.asarray((low.astype(np.float32) + high) / 2, dtype=np.float32)


@cache
def _sorting_steps(count: int) -> tuple[tuple[int, int], ...]:
    """Pairs of places that, each put in order one after another, sort so many values (Batcher 1968)."""
    steps, block = [], 1
    while block < count:
        apart = block
        while apart:
            starts = range(apart % block, count - apart, 2 * apart)
            places = [n for start in starts for n in range(start, min(start + apart, count - apart))]
            steps += [(n, n + apart) for n in places if n // (2 * block) == (n + apart) // (2 * block)]
            apart //= 2
        block *= 2
    return tuple(steps)


def _quiet(
    plate: Picture, restless: NDArray[np.bool_], frames: Picture, chosen: NDArray[np.intp], free: NDArray[np.bool_],
    away: Floats,
) -> None:  # fmt: skip
    """Fill each place where something moves from the frame whose person is farthest from it, as far as it is free."""
    side = max(3, free.shape[1] // 32)
    moves = cv2.resize(restless.astype(np.float32), free.shape[:0:-1], interpolation=cv2.INTER_AREA) > 0
    spread = cv2.dilate(moves.astype(np.uint8), np.ones((side, side), np.uint8))
    count, label = cv2.connectedComponents(spread)
    for place in range(1, count):
        there = label == place
        best = np.lexsort((away[:, there].min(axis=1), free[:, there].sum(axis=1)))[-1]
        taken = _enlarge(there & free[best], restless.shape)
        plate[taken] = frames[chosen[best]][taken]


def _step(height: int) -> int:
    return max(1, round(height / COARSE_ROWS))


def _shrink(picture: Picture, step: int) -> Picture:
    """(H, W[, 3]) to about (H / step, W / step[, 3])."""
    size = max(1, round(picture.shape[1] / step)), max(1, round(picture.shape[0] / step))
    return picture if step == 1 else np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _enlarge(flags: NDArray[np.bool_], shape: tuple[int, ...], rows: slice = slice(None)) -> NDArray[np.bool_]:
    """(..., h, w) to these rows of (..., H, W)."""
    at = [np.arange(full) * part // full for full, part in zip(shape, flags.shape[-2:], strict=True)]
    return np.asarray(flags[..., at[0][rows, None], at[1]])


def _resize_view(view: NDArray[np.floating], times: float) -> Floats:
    """(2, 3) a view of pictures with as many times the pixels each way; OpenCV counts centres at integers."""
    resized = view.astype(np.float32)
    resized[:, 2] = times * resized[:, 2] + (times - 1) / 2 * (1 - resized[:, :2].sum(axis=1))
    return resized


def _grey(picture: Picture) -> Picture:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), dtype=np.uint8)


def _beside(mask: Picture) -> Picture:
    """(H, W) 255 = safely beside the person."""
    square = np.ones((2 * max(1, round(MARGIN * len(mask))) + 1,) * 2, np.uint8)
    return np.asarray((cv2.dilate(mask, square) < PERSON_ABOVE).astype(np.uint8) * 255)


def choose_evenly(frames: int, limit: int = MAX_FRAMES) -> NDArray[np.intp]:
    """Up to so many of some frames, spread evenly, the first and the last among them."""
    return np.unique(np.linspace(0, frames - 1, min(frames, limit)).round().astype(int))


def _lay_together(frames: Picture, masks: Picture, views: Floats, chosen: NDArray[np.intp]) -> tuple[Picture, float]:
    laid = np.empty((len(chosen), *frames.shape[1:]), np.uint8), np.empty((len(chosen), *masks.shape[1:]), np.uint8)
    for k, n in enumerate(chosen):
        laid[0][k], laid[1][k] = lay_on_plate(frames[n], masks[n], views[n])
    return _find_usual(*laid)


def lay_on_plate(frame: Picture, mask: Picture, view: Floats) -> tuple[Picture, Picture]:
    """A frame and its mask as the plate's camera would have seen them; what it did not see counts as covered.

    Args:
        frame: (H, W, 3) uint8. mask: (H, W) uint8, 255 = person. view: (2, 3), see `Plate.views`.
    Returns:
        Both, of the same shapes.
    """
    if np.array_equal(view, np.eye(2, 3)):
        return frame, mask
    size, turn = (frame.shape[1], frame.shape[0]), cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR
    laid = cv2.warpAffine(frame, view, size, flags=turn)
    covered = cv2.warpAffine(mask, view, size, flags=turn, borderValue=255)
    return np.asarray(laid, dtype=np.uint8), np.asarray(covered, dtype=np.uint8)


def _align(picture: Picture, frame: Picture, mask: Picture, view: Floats) -> Floats:
    """(2, 3) a view made more exact by what is seen beside the person (Evangelidis & Psarakis 2008)."""
    step = _step(len(mask))
    free, grey, plate = _beside(_shrink(mask, step)), _grey(_shrink(frame, step)), _grey(_shrink(picture, step))
    try:
        criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 20, 1e-4)
        start = _resize_view(view, 1 / step)
        _, found = cv2.findTransformECC(plate, grey, start, cv2.MOTION_AFFINE, criteria, free, 5)
    except cv2.error:  # it did not converge
        return view
    exact = _resize_view(np.asarray(found), step)
    return exact if np.abs(exact - view).max() < 0.05 * len(mask) else view
