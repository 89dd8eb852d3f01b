"""Cuts: where a video goes on with another view, or with the same view at another time.

Pictures are looked at small, their brightness evened out place by place, so that lamps and exposure count for little.
Motion is taken out by dense flow (DIS, Kroeger et al. 2016), and what that leaves of a step is held against what it
leaves of the steps around: of a fast dance much is left at every step, of a cut at one. A cut is for good: no picture
soon after it is like one shortly before it, as after a flash, a damaged frame or somebody who walks past the lens.
Pictures that repeat the one before them (holds) and pictures without content (black, white) do not count.

The view is another where the background is no longer what it was, though it was before and is afterwards. Where it
stays, a cut shows in the people alone.

Shapes: T frames; h, w pixels of the small pictures; b blocks of them.
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
