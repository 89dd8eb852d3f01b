"""What happens between the frames of a video: cuts, and how the camera moved.

A cut is where a video goes on with another view, or with the same view at another time. Pictures are looked at small,
their brightness evened out place by place, so that lamps and exposure count for little. Motion is taken out by dense
flow (DIS, Kroeger et al. 2016), and what that leaves of a step is held against what it leaves of the steps around: of a
fast dance much is left at every step, of a cut at one. A cut is for good: no picture soon after it is like one shortly
before it, as after a flash, a damaged frame or somebody who walks past the lens. Pictures that repeat the one before
them (holds) and pictures without content (black, white) do not count.

The view is another where the background is no longer what it was, though it was before and is afterwards. Where it
stays, a cut shows in the people alone.

The camera is followed by corners beside the person. Its step between two frames is the similarity (shift, turn, zoom)
that most corners agree on (RANSAC), so that a passer-by or a scrolling text does not pass for it. Steps add up to
a path.

Shapes: T frames of H, W pixels; h, w pixels of the small pictures; b blocks of them.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]
Image = NDArray[np.uint8]
Matrix = NDArray[np.float64]

_ROWS: Final = 96
"""Of a small picture."""
_LEAST_PX: Final = 24
"""Side of a picture that DIS takes."""
_EVEN_PX: Final = 8.0
"""Standard deviation of the neighbourhood in which brightness and contrast are evened out."""
_NOISE_LEVELS: Final = 12.0
"""Grey levels; fainter patterns are not brought out."""
_REPEAT_LEVELS: Final = 0.3
"""Mean difference, grey levels, below which a picture repeats the one before it."""
_CONTENT_LEVELS: Final = 6.0
"""Standard deviation of a picture that shows something."""
_FEWEST_PEOPLE: Final = 0.003
"""Share of the picture; less is nobody."""
_CONTEXT: Final = 3
"""Pictures on either side that all have to differ, and steps that all have to be smaller."""
_MEMORY: Final = 24
"""Pictures on either side among which none may be as before."""
_STEP_NOISE: Final = 0.02
"""What is left of the step between two pictures of a scene in which nothing moves, at most."""
_STEEP: Final = 2.0
"""How many times what is left around a step must be left of it."""
_STEEP_OF_PEOPLE: Final = 1.7
"""The same of what is left where people are: with 1.5 some steps of fast dances are cuts."""
_LATE: Final = 1.5
"""A step that takes so many times longer than those around it moves people farther: no cut, but a hold or a gap."""
_FOR_GOOD: Final = 0.6
"""Share of a step's difference that must remain between all pictures on both sides."""
_BLOCK_PX: Final = 8
"""Side of a block."""
_TEXTURED_LEVELS: Final = 6.0
"""Standard deviation, grey levels, from which on a block has a texture that can be told again."""
_ALIKE: Final = 0.8
"""Correlation of two textured blocks that show the same."""
_PLAIN_LEVELS: Final = 25.0
"""Grey levels by which plain blocks that show the same may differ."""
_FEWEST_BLOCKS: Final = 6
"""Fewer of a kind tell nothing."""
_SHIFT: Final = 0.06
"""Of the height: how far a camera that is held by hand moves in a step, or between two pieces of a take."""
_STEADY: Final = 0.6
"""Share of the background that goes on as it was while the camera stands, or moves as a hand does."""
_SAME_VIEW: Final = 0.5
"""Share of the background that is as it was, below which the view is another."""
_RELIT_LEVELS: Final = 10.0
"""Median change of the background, grey levels, from which on the light changed: people look otherwise then."""


@dataclass(frozen=True)
class Shots:
    """Which frames belong together."""

    shot: NDArray[np.int32]
    """(T,) number of the shot of each frame."""
    view: NDArray[np.int32]
    """(T,) number of the view of each frame; several shots may have one."""

    @staticmethod
    def one(frames: int) -> "Shots":
        """All of so many frames."""
        return Shots(np.zeros(frames, np.int32), np.zeros(frames, np.int32))


@dataclass(frozen=True)
class _Picture:
    """A small picture, and how it follows the one before."""

    frame: int
    time_s: float
    grey: Floats
    """(h, w)"""
    even: Floats
    """(h, w) evened out, within about -2 to 2."""
    people: Flags
    """(h, w)"""
    step_s: float = 0.0
    left: float = 0.0
    """What flow leaves of the step from the picture before."""
    left_of_people: float = 0.0
    """The same where people are; 0 where there are none."""
    held: float = 1.0
    """Share of the background that is as it was in the picture before."""


class CutWatch:
    """Finds the cuts of a video while its frames go by."""

    def __init__(self) -> None:
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        self._recent: deque[_Picture] = deque(maxlen=2 * _MEMORY)
        self._shown: Image | None = None
        self._frames = 0
        self._cuts: dict[int, bool] = {}
        """Frames that begin a shot, and whether the view is another."""

    def add(self, image: Image, time_s: float, people: Image) -> None:
        """Take the next frame (H, W, 3) and where people are in it, of the same shape at any size, 255 = people."""
        frame, small = self._frames, _shrink(image)
        self._frames += 1
        if self._shown is not None and cv2.absdiff(small, self._shown).mean() < _REPEAT_LEVELS:
            return
        self._shown = small
        grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
        if grey.std() < _CONTENT_LEVELS:
            return
        picture = _Picture(frame, time_s, grey, _even_out(grey), _spread(people, grey.shape))
        self._recent.append(_follow(self._recent[-1], picture, self._flow) if self._recent else picture)
        self._judge(len(self._recent) - _MEMORY)

    def conclude(self) -> Shots:
        """The shots of all frames."""
        for at in range(len(self._recent) - _MEMORY + 1, len(self._recent)):
            self._judge(at)
        shot, view = np.zeros((2, self._frames), np.int32)
        for frame, other_view in self._cuts.items():
            shot[frame], view[frame] = 1, other_view
        return Shots(np.cumsum(shot, dtype=np.int32), np.cumsum(view, dtype=np.int32))

    def _judge(self, at: int) -> None:
        """Whether the picture with that number among the recent ones begins a shot."""
        if at < 1:
            return
        pictures = list(self._recent)
        before, now, after = pictures[max(0, at - _MEMORY) : at], pictures[at], pictures[at : at + _MEMORY]
        if min(now.frame, self._frames - now.frame) < _CONTEXT:
            return
        around = [*pictures[max(1, at - _CONTEXT) : at], *pictures[at + 1 : at + 1 + _CONTEXT]]
        steady = min((picture.held for picture in around), default=1.0) > _STEADY
        left = max((picture.left for picture in around), default=0.0)
        changes = now.left > _STEEP * (left + _STEP_NOISE) or (steady and now.held < _SAME_VIEW)
        jumps = steady and min(len(before), len(after)) >= _CONTEXT and _jump(now, around)
        if not (changes or jumps):
            return
        pairs = [*product(before[-_CONTEXT:], after[:_CONTEXT])]
        pairs += [(before[-1], later) for later in after] + [(earlier, now) for earlier in before]
        if max(_find_held(*pair) for pair in pairs) < _SAME_VIEW:
            self._cuts[now.frame] = True
        elif jumps and _is_for_good(before[-1], now, pairs):
            self._cuts[now.frame] = False


def _jump(now: _Picture, around: Sequence[_Picture]) -> bool:
    """Whether people move farther than in all steps around, in no more time."""
    left = max(picture.left_of_people for picture in around) + _STEP_NOISE
    in_time = now.step_s < _LATE * max(picture.step_s for picture in around)
    return in_time and now.left_of_people > _STEEP_OF_PEOPLE * left


def _shrink(image: Image) -> Image:
    width = max(_LEAST_PX, round(image.shape[1] * _ROWS / image.shape[0]))
    return np.asarray(cv2.resize(image, (width, _ROWS), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _spread(people: Image, shape: tuple[int, ...]) -> Flags:
    """(h, w) where people are, and a little around them."""
    small = cv2.resize(people, (shape[1], shape[0]), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.dilate(small, np.ones((5, 5), np.uint8)) > 127)


def _even_out(grey: Floats) -> Floats:
    mean = cv2.GaussianBlur(grey, (0, 0), _EVEN_PX)
    variance = cv2.GaussianBlur(grey * grey, (0, 0), _EVEN_PX) - mean * mean
    return np.asarray((grey - mean) / np.sqrt(np.maximum(variance, 0) + _NOISE_LEVELS**2), dtype=np.float32)


def _follow(before: _Picture, now: _Picture, flow: cv2.DISOpticalFlow) -> _Picture:
    """A picture with how it follows the one before."""
    then, there = (np.clip(127 + 50 * picture.even, 0, 255).astype(np.uint8) for picture in (before, now))
    way = flow.calc(there, then, np.zeros((*there.shape, 2), np.float32))
    y, x = np.indices(there.shape, np.float32)
    moved = cv2.remap(before.even, x + way[..., 0], y + way[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    left = np.minimum(np.abs(moved - now.even), 2)
    return replace(
        now,
        step_s=now.time_s - before.time_s,
        left=float(left.mean()),
        left_of_people=_mean_of_people(left, before, now),
        held=_find_held(before, now),
    )


def _mean_of_people(values: Floats, a: _Picture, b: _Picture) -> float:
    where = a.people | b.people
    return float(values[where].mean()) if where.mean() > _FEWEST_PEOPLE else 0.0


def _is_for_good(before: _Picture, now: _Picture, pairs: Sequence[tuple[_Picture, _Picture]]) -> bool:
    """Whether people differ between all pictures on both sides, in the same light."""
    relit = np.abs(before.grey - now.grey)[~(before.people | now.people)]
    if relit.size and np.median(relit) > _RELIT_LEVELS:
        return False
    least = min(_differ(*pair) for pair in pairs)
    return least > _FOR_GOOD * _differ(before, now)


def _differ(a: _Picture, b: _Picture) -> float:
    return _mean_of_people(np.minimum(np.abs(a.even - b.even), 2), a, b)


def _find_held(a: _Picture, b: _Picture) -> float:
    """Share of the background, beside the people of both pictures, that is the same in both, but for a shift."""
    held = _compare(a.grey, b.grey, a.people | b.people)
    if held > _STEADY:
        return held
    # it multiplies what it is given by the window
    window = cv2.createHanningWindow(a.even.shape[::-1], cv2.CV_32F)
    shift, _ = cv2.phaseCorrelate(a.even.copy(), b.even.copy(), window)
    if not 0.5 < np.abs(shift).max() < _SHIFT * _ROWS:
        return held
    move, size = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], np.float32), a.grey.shape[::-1]
    moved = cv2.warpAffine(a.grey, move, size, borderMode=cv2.BORDER_REPLICATE)
    people = cv2.warpAffine(a.people.astype(np.uint8), move, size) > 0
    return max(held, _compare(np.asarray(moved), b.grey, np.asarray(people | b.people)))


def _compare(a: Floats, b: Floats, people: Flags) -> float:
    """Share of the blocks without people that are alike: of those with texture, where there are enough."""
    mean_a, mean_b = _pool(a), _pool(b)
    spread_a, spread_b = _pool(a * a) - mean_a**2, _pool(b * b) - mean_b**2
    free = _pool(people.astype(np.float32)) < 0.25
    textured = free & (np.maximum(spread_a, spread_b) > _TEXTURED_LEVELS**2)
    if textured.sum() >= _FEWEST_BLOCKS:
        alike = (_pool(a * b) - mean_a * mean_b) / np.sqrt(np.maximum(spread_a, 1) * np.maximum(spread_b, 1))
        return float((alike[textured] > _ALIKE).mean())
    plain = free & ~textured
    if plain.sum() < _FEWEST_BLOCKS:
        return 1.0
    gain = np.median((mean_b[plain] + 4) / (mean_a[plain] + 4))
    return float((np.abs(gain * mean_a[plain] - mean_b[plain]) < _PLAIN_LEVELS).mean())


def _pool(values: Floats) -> Floats:
    """(b, b') means of the blocks."""
    rows, columns = (side // _BLOCK_PX for side in values.shape)
    whole = values[: rows * _BLOCK_PX, : columns * _BLOCK_PX]
    return np.asarray(whole.reshape(rows, _BLOCK_PX, columns, _BLOCK_PX).mean((1, 3)))


_CORNERS: Final = 240
_FEWEST: Final = 12
"""Corners that have to agree for a step to be believed."""
_RANSAC_PX: Final = 0.7
_ASTRAY_PX: Final = 0.5
"""A corner that, followed there and back, ends farther from its beginning was lost."""
_FAINTEST: Final = 0.003
"""Of the clearest corner's strength: plain walls have faint ones only, and they count as much as a patterned dress."""
_STILL_PX: Final = 0.5
_STILL_SHARE: Final = 0.35
"""Of the corners: where as many stand still, the camera does."""


class CameraWatch:
    """Follows the camera through a clip, frame after frame."""

    def __init__(self) -> None:
        self._before: tuple[Image, Image] | None = None
        self._corners: NDArray[np.float32] = np.zeros((0, 1, 2), np.float32)
        self.pose: Matrix = np.eye(3)
        """(3, 3) takes the first frame's pixels to the newest one's."""
        self.places: list[Matrix] = []
        """Where the first frame's centre and corners (5, 2) are in each frame, px."""
        self.known: list[bool] = []
        """Whether the step to each frame could be measured."""
        self.brightening: list[float] = []
        """How much brighter the background is than in the frame before; 1 = as bright."""

    def add(self, grey: Image, free: Image) -> None:
        """Take the next frame (H, W) and where no person is in it (H, W), 255 = free."""
        self.brightening.append(1.0 if self._before is None else _find_brightening(*self._before, grey, free))
        step = None if self._before is None else self._find_step(self._before[0], grey)
        self.known.append(step is not None)
        if step is not None:
            self.pose = step @ self.pose
        self.places.append(_move_frame(self.pose, grey.shape[1], grey.shape[0]))
        self._before = grey, free
        corners = cv2.goodFeaturesToTrack(grey, _CORNERS, _FAINTEST, max(6, grey.shape[0] // 32), mask=free)
        self._corners = np.zeros((0, 1, 2), np.float32) if corners is None else corners.astype(np.float32)

    def _find_step(self, before: Image, grey: Image) -> Matrix | None:
        """(3, 3) from the frame before to this one; None where too few corners agree."""
        if len(self._corners) < _FEWEST:
            return None
        # a step of the exposure moves nothing
        even = np.asarray(cv2.convertScaleAbs(grey, alpha=1 / self.brightening[-1]), dtype=np.uint8)
        there = _follow_corners(before, even, self._corners)
        astray_px, moved_px = (
            np.linalg.norm(places - self._corners, axis=-1).ravel()
            for places in (_follow_corners(even, before, there), there)
        )
        honest = astray_px < _ASTRAY_PX
        still = honest & (moved_px < _STILL_PX)
        if still.sum() > _STILL_SHARE * honest.sum():  # somebody may walk before a camera that stands
            honest = still
        if honest.sum() < _FEWEST:
            return None
        step, agree = cv2.estimateAffinePartial2D(
            self._corners[honest], there[honest], method=cv2.RANSAC, ransacReprojThreshold=_RANSAC_PX
        )
        if step is None or agree.sum() < _FEWEST:
            return None
        return np.vstack([step, (0, 0, 1)])


def _find_brightening(before: Image, free_before: Image, grey: Image, free: Image) -> float:
    """Ratio of the brightness of what is free of the person in both frames."""
    both = cv2.bitwise_and(free_before, free)
    return max(cv2.mean(grey, both)[0], 1.0) / max(cv2.mean(before, both)[0], 1.0)


def _follow_corners(before: Image, after: Image, corners: NDArray[np.float32]) -> NDArray[np.float32]:
    """(K, 1, 2) where the corners of one picture are in another, NaN for those lost."""
    there, found, _ = cv2.calcOpticalFlowPyrLK(before, after, corners, np.zeros_like(corners), winSize=(15, 15))
    known = np.asarray(found).astype(bool)[..., None]
    return np.where(known, np.asarray(there), np.nan).astype(np.float32)


def _move_frame(pose: Matrix, width: int, height: int) -> Matrix:
    """(5, 2) the centre and the corners of the first frame under a pose."""
    points = np.array([(0.5, 0.5), (0, 0), (1, 0), (0, 1), (1, 1)]) * (width, height)
    return np.asarray(points @ pose[:2, :2].T + pose[:2, 2])
