"""Following people through a clip: which of the poses of each frame belong to the same person.

An estimator finds people frame by frame and says nothing of who is who. Here a *strand* is one person's sightings in
order of time. Strands are grown frame by frame (predicted motion, body size and colours of the clothes against all
poses of the frame, assigned together) as long as they go on the way people move, then joined across absences, cuts and
fades, the likeliest first: a mirror image or a passer-by that an estimator shows for a while joins nobody, for the
person is the likelier continuation of themselves.

Shapes: T frames, K = 17 body joints, P = 3 places on the body whose colour is looked at, S places in the picture.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from choreograft.errors import OptionError, PersonError
from choreograft.pose import skeleton
from choreograft.pose.track import SEEN, Person
from choreograft.video.size import Size

ANCHORS: Final = (skeleton.NOSE, *skeleton.TRUNK, *skeleton.KNEES)
"""Joints that tell where a person is, however the arms and feet fly about."""
_MAIN_JOINTS: Final = slice(skeleton.LEFT_SHOULDER, skeleton.RIGHT_ANKLE + 1)
_SCENE_SIDE: Final = 6

_MAX_STEP: Final = 0.15
"""How far, in body sizes, a person may at once be from where they were or from where their motion would have them."""
_PACE: Final = 2.5
"""What is added to that, in body sizes a second: nobody runs faster. Who seems to is perhaps somebody else."""
_PACE_SPAN_S: Final = 0.1
"""Longest absence, or one frame, over which it is added: where somebody turns up later `_join` judges, knowing all."""
_MAX_GAP_S: Final = 1.0
"""Absences up to this long are bridged by predicted motion; longer ones by `_join`."""
_VELOCITY_SPAN_S: Final = 0.25
_COAST_S: Final = 0.4
"""How long an unseen person is thought to keep walking."""
_MAX_SIZE_RATIO: Final = 1.8
_MAX_COLOUR_STEP: Final = 0.25
"""RGB distance, 0..1, beyond which two sightings do not show the same clothes."""
_COLOUR_WEIGHT: Final = 2.0
_SIZE_WEIGHT: Final = 0.5
_MAX_COST: Final = 1.25
"""Alike in place but not in clothes, or the reverse, is still the same person; neither is not."""
_SAME_SCENE: Final = 0.06
"""RGB distance, 0..1, of two coarse pictures below which there was no cut between them."""
_JOIN_STEP: Final = 0.5
"""As `_MAX_STEP`, for two strands with an absence between them."""
_JOIN_DISTANCE_WEIGHT: Final = 0.2
"""Low: after an absence a person may be anywhere."""
_MIN_SIGHTINGS: Final = 2
_IMPOSSIBLE: Final = 1e6


@dataclass(frozen=True)
class Sighting:
    """One person in one frame, reduced to what following needs."""

    joints: NDArray[np.float32]
    """(K, 2) px, NaN where unseen."""
    score: float
    """Mean confidence of shoulders, arms, hips and legs inside the frame, 0..1."""
    fill: float
    """Share of the frame that the joints' box covers, 0..1."""
    colours: NDArray[np.float32]
    """(P, 3) RGB 0..1 of chest, belly and thighs, NaN where unknown."""
    scene: NDArray[np.float32]
    """(S, 3) RGB 0..1 of the whole picture, coarsely: it changes at a cut. NaN where unknown."""

    @cached_property
    def size_px(self) -> float:
        """The longer side of the joints' box."""
        return float(np.max(np.nanmax(self.joints, 0) - np.nanmin(self.joints, 0)))


def sight(person: Person, image: NDArray[np.uint8]) -> Sighting | None:
    """Reduce one person found in an RGB frame (H, W, 3); None if hardly a joint was seen."""
    height, width = image.shape[:2]
    body, score = person.xy[skeleton.BODY], person.score[skeleton.BODY]
    joints = np.where((score >= SEEN)[:, None], body, np.float32(np.nan))
    if np.isfinite(joints[list(ANCHORS), 0]).sum() < 2:
        return None
    with np.errstate(invalid="ignore"):
        inside = np.all((body >= 0) & (body <= (width, height)), axis=-1)[_MAIN_JOINTS]
    main = score[_MAIN_JOINTS][inside]
    low, high = np.nanmin(joints, 0), np.nanmax(joints, 0)
    coarse = cv2.resize(image, (_SCENE_SIDE, _SCENE_SIDE), interpolation=cv2.INTER_AREA)
    across, down = np.clip(high, 0, (width, height)) - np.clip(low, 0, (width, height))
    return Sighting(
        joints=joints,
        score=float(main.mean()) if len(main) else 0.0,
        fill=float(across * down) / (width * height),
        colours=_clothes(joints, image),
        scene=np.asarray(coarse.reshape(-1, 3) / np.float32(255), dtype=np.float32),
    )


def mark_people(people: Iterable[Person], frame: Size, size: Size) -> NDArray[np.uint8]:
    """Where people are in a frame: a mask (h, w) of a smaller size, 255 = people; boxes where they have no masks."""
    marked = np.zeros((size.height, size.width), np.uint8)
    for person in people:
        if person.mask is not None:
            marked = np.maximum(marked, cv2.resize(person.mask, size, interpolation=cv2.INTER_AREA))
        elif (seen := np.isfinite(person.xy).all(-1)).any():
            points = (person.xy[seen] * (np.asarray(size) / frame)).clip(0, size).astype(int)
            (left, top), (right, bottom) = points.min(0), points.max(0)
            marked[top : bottom + 1, left : right + 1] = 255
    return marked


def _clothes(joints: NDArray[np.float32], image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Mean colours of small squares on chest, belly and thighs, (P, 3) in 0..1."""
    shoulders, hips = joints[list(skeleton.SHOULDERS)].mean(0), joints[list(skeleton.HIPS)].mean(0)
    knees = joints[list(skeleton.KNEES)]
    thighs = (joints[list(skeleton.HIPS)] + knees).mean(0) / 2
    places = np.stack([0.75 * shoulders + 0.25 * hips, 0.3 * shoulders + 0.7 * hips, thighs])
    reach = max(2, round(float(np.nan_to_num(np.linalg.norm(shoulders - hips))) / 12))
    colours = np.full((len(places), 3), np.nan, np.float32)
    for place, (x, y) in enumerate(places):
        if np.isfinite(x + y) and 0 <= x < image.shape[1] and 0 <= y < image.shape[0]:
            left, top = max(0, int(x) - reach), max(0, int(y) - reach)
            patch = image[top : int(y) + reach + 1, left : int(x) + reach + 1]
            colours[place] = patch.reshape(-1, 3).mean(0) / 255
    return colours


class _Step(NamedTuple):
    frame: int
    time_s: float
    which: int
    """Of its frame's people."""
    sighting: Sighting


@dataclass(frozen=True)
class Strand:
    """Sightings of one person, in order of time."""

    steps: list[_Step]

    @property
    def score(self) -> float:
        """Median score of the sightings: a tree taken for a person scores low most of the time."""
        return float(np.median([step.sighting.score for step in self.steps]))

    @property
    def fill(self) -> float:
        """Sum over the frames of the share of the frame that is filled."""
        return sum(step.sighting.fill for step in self.steps)

    def predict(self, time_s: float) -> NDArray[np.float32]:
        """Where the joints should be, (K, 2) px: the person as seen last, moved on by the recent common motion."""
        last, now_s = self.steps[-1].sighting.joints, self.steps[-1].time_s
        *_, first = takewhile(lambda step: now_s - step.time_s <= _VELOCITY_SPAN_S, reversed(self.steps))
        moved = (last - first.sighting.joints)[list(ANCHORS)]
        if first.time_s == now_s or not np.isfinite(moved).all(-1).any():
            return last
        velocity = np.nanmedian(moved, 0) / (now_s - first.time_s)
        return np.asarray(last + velocity * min(time_s - now_s, _COAST_S), dtype=np.float32)

    def usual_size_px(self, ends: slice) -> float:
        """The median of the sightings in `ends`."""
        return float(np.median([step.sighting.size_px for step in self.steps[ends]]))

    def usual_colours(self, ends: slice) -> NDArray[np.float32]:
        """(P, 3), the median of the sightings in `ends`."""
        stack = np.stack([step.sighting.colours for step in self.steps[ends]])
        known = np.isfinite(stack)
        if known.all():
            return np.asarray(np.median(stack, 0), dtype=np.float32)
        hidden = ~known.any(0)
        middle = np.nanmedian(np.where(hidden, 0, stack), 0)
        return np.where(hidden, np.float32(np.nan), middle).astype(np.float32)


def follow_person(
    people: Sequence[Sequence[Sighting | None]], time_s: Sequence[float], person: int = 1, min_score: float = 0.0
) -> list[int | None]:
    """Which of each frame's people is person number `person`, counted from 1 by how much of the clip they fill.

    Args:
        people: T frames of any number of sightings; None stands for one that cannot be used.
        time_s: T presentation times.
        min_score: people whose median score is below this do not count.
    Returns:
        T indices into the frame's people; None where the person is absent.
    Raises:
        OptionError: `person` is below 1.
        PersonError: fewer people than `person` are in the clip.
    """
    if person < 1:
        raise OptionError(f"--person is {person}; people are counted from 1, the one who fills most of the video")
    strands = find_strands(people, time_s, min_score)
    if person > len(strands):
        if not strands:
            raise PersonError("found nobody; expected a person in full view; choose another video")
        found = "one person" if len(strands) == 1 else f"{len(strands)} people"
        raise PersonError(f"found {found}, expected at least {person}; choose a person between 1 and {len(strands)}")
    chosen = {step.frame: step.which for step in strands[person - 1].steps}
    return [chosen.get(frame) for frame in range(len(people))]


def find_strands(
    people: Sequence[Sequence[Sighting | None]], time_s: Sequence[float], min_score: float = 0.0
) -> list[Strand]:
    """Everybody in the clip, the one who fills most of the frame over time first."""
    steady = [strand for strand in _grow(people, time_s) if len(strand.steps) >= _MIN_SIGHTINGS]
    real = [strand for strand in steady if strand.score >= min_score]
    return sorted(_join(real), key=lambda strand: strand.fill, reverse=True)


def _grow(people: Sequence[Sequence[Sighting | None]], time_s: Sequence[float]) -> list[Strand]:
    """Link sightings of neighbouring frames, bridging short absences."""
    done: list[Strand] = []
    open_strands: list[Strand] = []
    frame_s = float(np.median(np.diff(time_s))) if len(time_s) > 1 else 0.0
    for frame, (sightings, now_s) in enumerate(zip(people, time_s, strict=True)):
        done += [strand for strand in open_strands if now_s - strand.steps[-1].time_s > _MAX_GAP_S]
        open_strands = [strand for strand in open_strands if now_s - strand.steps[-1].time_s <= _MAX_GAP_S]
        steps = [_Step(frame, now_s, index, seen) for index, seen in enumerate(sightings) if seen is not None]
        costs = np.array([[_step_cost(strand, step, frame_s) for step in steps] for strand in open_strands])
        taken = _assign(costs)
        for column, row in taken.items():
            open_strands[row].steps.append(steps[column])
        open_strands += [Strand([step]) for column, step in enumerate(steps) if column not in taken]
    return done + open_strands


def _assign(costs: NDArray[np.float64]) -> dict[int, int]:
    """The row of each column, pairs of least total cost, without the impossible ones."""
    if costs.size == 0:
        return {}
    rows, columns = linear_sum_assignment(costs)
    return {int(c): int(r) for r, c in zip(rows, columns, strict=True) if costs[r, c] < _IMPOSSIBLE}


def _step_cost(strand: Strand, step: _Step, frame_s: float) -> float:
    """How unlikely it is that `step` goes on with `strand`: distance from the prediction, size, colour."""
    last, sighting, recent = strand.steps[-1], step.sighting, slice(-8, None)
    size_px = max(strand.usual_size_px(recent), 1.0)
    distance = _distance_px(strand.predict(step.time_s), sighting.joints) / size_px
    still = _distance_px(last.sighting.joints, sighting.joints) / size_px  # who turns back was predicted wrong
    if not min(distance, still) <= _MAX_STEP + _PACE * min(step.time_s - last.time_s, max(_PACE_SPAN_S, frame_s)):
        return _IMPOSSIBLE
    stretch = abs(np.log(max(sighting.size_px, 1.0) / size_px))
    colour = np.nan_to_num(_colour_distance(strand.usual_colours(recent), sighting.colours))
    cost = distance + _SIZE_WEIGHT * float(stretch) + _COLOUR_WEIGHT * float(colour)
    return cost if cost <= _MAX_COST else _IMPOSSIBLE


def _distance_px(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Mean distance of the anchors seen in both (K, 2); NaN if there is none."""
    off = np.linalg.norm(a - b, axis=-1)[list(ANCHORS)]
    return float(np.nanmean(off)) if np.isfinite(off).any() else float("nan")


def _colour_distance(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Mean RGB distance, 0..1, over the places known in both (P, 3); NaN if there is none."""
    distances = np.linalg.norm(a - b, axis=-1) / np.sqrt(3)
    known = np.isfinite(distances)
    return float(distances[known].mean()) if known.any() else float("nan")


def _join(strands: list[Strand]) -> list[Strand]:
    """Join strands that may be one person before and after an absence, the likeliest pair first."""
    joined = dict(enumerate(strands))
    costs = np.array([[_join_cost(a, b) for b in strands] for a in strands]).reshape(len(strands), len(strands))
    while len(strands) and costs.min() < _IMPOSSIBLE:
        i, j = map(int, np.unravel_index(costs.argmin(), costs.shape))
        earlier = joined[i]
        earlier.steps.extend(joined.pop(j).steps)
        costs[j], costs[:, j] = _IMPOSSIBLE, _IMPOSSIBLE
        for k, other in joined.items():
            if k != i:
                costs[i, k], costs[k, i] = _join_cost(earlier, other), _join_cost(other, earlier)
    return list(joined.values())


def _join_cost(earlier: Strand, later: Strand) -> float:
    """How unlikely it is that `later` is the person of `earlier`."""
    last, first = earlier.steps[-1], later.steps[0]
    if first.frame <= last.frame:
        return _IMPOSSIBLE
    ends, starts = slice(-15, None), slice(0, 15)
    stretch = abs(np.log(earlier.usual_size_px(ends) / max(later.usual_size_px(starts), 1.0)))
    colour = float(np.nan_to_num(_colour_distance(earlier.usual_colours(ends), later.usual_colours(starts))))
    if stretch > np.log(_MAX_SIZE_RATIO) or colour > _MAX_COLOUR_STEP:
        return _IMPOSSIBLE
    distance = _distance_px(last.sighting.joints, first.sighting.joints) / earlier.usual_size_px(ends)
    absence_s = first.time_s - last.time_s
    scenes = last.sighting.scene, first.sighting.scene
    if distance > _JOIN_STEP + _PACE * absence_s and _colour_distance(*scenes) < _SAME_SCENE:
        return _IMPOSSIBLE  # a mirror image, a shadow or a double: there was no cut, and no time to get there
    far = 1.0 if np.isnan(distance) else min(distance, 3.0)
    return _SIZE_WEIGHT * float(stretch) + _COLOUR_WEIGHT * colour + _JOIN_DISTANCE_WEIGHT * far
