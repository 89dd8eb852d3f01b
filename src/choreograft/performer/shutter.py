"""For how much of the time between two frames a camera's shutter was open, told from how footage smears what moves.

Forearms and shins that move across themselves: a box as long as the way they go while the shutter is open blurs their
outline. The box is found by blurring those that stand still, as long as the fast ones move, until they are as soft.

Shapes: M frames of h x w pixels.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from choreograft.body.body_track import BodyTrack
from choreograft.pose import skeleton
from choreograft.pose.track import NEIGHBOUR

Floats = NDArray[np.float64]
FOREARMS: Final = ((skeleton.LEFT_ELBOW, skeleton.LEFT_WRIST), (skeleton.RIGHT_ELBOW, skeleton.RIGHT_WRIST))
SHINS: Final = ((skeleton.LEFT_KNEE, skeleton.LEFT_ANKLE), (skeleton.RIGHT_KNEE, skeleton.RIGHT_ANKLE))
MIDDLE: Final = 0.6
"""Share of the way along a limb that is looked at: where it moves faster."""
WIDTH: Final = 1.0
"""Of a patch, in lengths of the limb."""
SHORTEST_PX: Final = 8
"""Limbs that point at the camera tell nothing."""
STILL: Final = 0.03
"""Lengths of itself that a limb at most moves in a frame to stand still."""
SLOWEST, FASTEST = 0.12, 0.25
"""Lengths by which those move that are compared: slower ones hardly smear, faster ones vanish in what is behind."""
STEEPEST: Final = 0.6
"""Share of the motion that may go along the limb, whose outline does not show it."""
LEAST: Final = 15
"""Patches of either kind without which nothing is known."""
MOST: Final = 150
"""Still patches that are blurred."""
FAINT: Final = 20
"""Grey levels: rows with less contrast show no outline."""
GROUPS: Final = 2
"""By speed, that are compared."""
SHARES: Final = np.linspace(0, 1, 21)
"""Of the frame's time, that are tried."""


@dataclass(frozen=True)
class Patch:
    """A limb, upright in a little picture."""

    grey: NDArray[np.float32]
    """As high as the limb is long."""
    step_px: float
    """By which it moves to the side in a frame's time."""

    @property
    def speed(self) -> float:
        """Lengths of itself a frame."""
        return self.step_px / len(self.grey)

    def contrast(self, blur_px: float = 0.0) -> float:
        """How strongly a row changes from side to side, blurred by a box of that length."""
        picture = self.grey
        if blur_px > 0:
            reach = int(np.ceil(blur_px / 2)) + 1
            box = np.clip((blur_px + 1) / 2 - np.abs(np.arange(-reach, reach + 1)), 0, 1).astype(np.float32)
            picture = np.asarray(cv2.filter2D(picture, -1, box[None] / box.sum()), dtype=np.float32)
        steepest = np.abs(np.diff(picture, axis=1)).max(axis=1)
        return float(np.median(steepest / np.maximum(np.ptp(picture, axis=1), FAINT)))


def measure_shutter(frames: NDArray[np.uint8], bodies: Sequence[BodyTrack]) -> float | None:
    """Share of the time between two frames for which the shutter was open, 0..1; None where too little moves.

    Args:
        frames: (M, h, w, 3) RGB of some clips. bodies: of these frames, one track a clip, in their pixels.
    """
    clips, off = np.split(frames, clip_ends(bodies)), np.zeros(len(SHARES))
    for limbs in (FOREARMS, SHINS):
        patches = [patch for clip in zip(clips, bodies, strict=True) for patch in _cut_limbs(*clip, limbs)]
        still = [patch for patch in patches if patch.speed < STILL]
        fast = [patch for patch in patches if SLOWEST < patch.speed < FASTEST]
        if min(len(still), len(fast)) >= LEAST:
            off += _compare(still[:: -(-len(still) // MOST)], fast)
    return float(SHARES[off.argmin()]) if off.any() else None


def clip_ends(bodies: Sequence[BodyTrack]) -> NDArray[np.intp]:
    """Where in the frames of some clips, one after the other, each ends but the last, for `np.split`."""
    return np.cumsum([len(body) for body in bodies])[:-1]


def _compare(still: Sequence[Patch], fast: Sequence[Patch]) -> Floats:
    """(S,) how far limbs that stand still, blurred for each of `SHARES`, are from being as soft as those that move."""
    off = np.zeros(len(SHARES))
    fast = sorted(fast, key=lambda patch: patch.step_px)
    for start, end in pairwise(np.linspace(0, len(fast), GROUPS + 1).astype(int)):
        soft = np.median([patch.contrast() for patch in fast[start:end]])
        step_px = float(np.median([patch.step_px for patch in fast[start:end]]))
        blurred = [np.median([patch.contrast(share * step_px) for patch in still]) for share in SHARES]
        off += np.square(np.log(np.maximum(blurred, 1e-6) / max(float(soft), 1e-6)))
    return off


def _cut_limbs(frames: NDArray[np.uint8], body: BodyTrack, limbs: Sequence[tuple[int, int]]) -> Iterator[Patch]:
    """The limbs of all frames that either stand still or move across themselves."""
    places = body.camera.project(body.points[:, : skeleton.BODY.stop])
    for t, steps in _find_steps(places, body):
        grey = None
        for upper, lower in limbs:
            along = places[t, lower] - places[t, upper]
            length = float(np.hypot(*along))
            step = (1 - MIDDLE) * steps[upper] + MIDDLE * steps[lower]
            if length < SHORTEST_PX:
                continue
            aside = float(abs(along[0] * step[1] - along[1] * step[0])) / length
            if aside > STILL * length and aside < np.sqrt(1 - STEEPEST**2) * np.hypot(*step):
                continue
            grey = cv2.cvtColor(frames[t], cv2.COLOR_RGB2GRAY) if grey is None else grey
            yield Patch(_cut_upright(grey, places[t, upper] + MIDDLE * along, along / length, length), aside)


def _find_steps(places: Floats, body: BodyTrack) -> Iterator[tuple[int, Floats]]:
    """Frames between two neighbours, and how far their joints (J, 2) move in a frame's time, px."""
    close = (np.diff(body.time_s) <= NEIGHBOUR / float(body.rate)) & (np.diff(body.shot) == 0)
    close &= body.present[1:] & body.present[:-1]
    for t in np.flatnonzero(close[1:] & close[:-1]) + 1:
        frames = (body.time_s[t + 1] - body.time_s[t - 1]) * float(body.rate)
        yield int(t), (places[t + 1] - places[t - 1]) / frames


def _cut_upright(grey: NDArray[np.uint8], middle: Floats, axis: Floats, length: float) -> NDArray[np.float32]:
    """A patch about a limb, which lies along the axis (2,), px."""
    size = (round(WIDTH * length), round(length))
    turn = np.array([[-axis[1], axis[0]], axis])
    shift = np.array(size) / 2 - turn @ middle
    return cv2.warpAffine(grey, np.column_stack([turn, shift]), size, borderMode=cv2.BORDER_REPLICATE).astype(
        np.float32
    )
