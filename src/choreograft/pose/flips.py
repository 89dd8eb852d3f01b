"""Left and right told apart again where an estimator took one for the other.

A swap shows where it begins and ends: two joints exchange places between two frames, which no body does. So for every
frame one of keep and swap is chosen, first for the whole body, then for its limbs, such that the joints move on as they
moved before (Viterbi 1967, over pairs of frames, so that limbs that cross are known by their speed). A person who turns
around moves on smoothly all the way and is left alone. What is seen most of the time is right, unless the anatomy of
most frames contradicts it: knees, feet and nose point forwards, the head is up, so the left side is known from any of
the body's directions; and whoever's face is seen shows their left side to the right of the picture.

Shapes: T frames of one uncut stretch, J = 133 joints, P left/right pairs of joints, C coordinates.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from choreograft.pose import skeleton
from choreograft.pose.track import JOINT_ARRAYS, Flags, Floats, Indices, PoseTrack, bridge_gaps

_SWITCH_COST: Final = 6.0
"""Evidence, in nats, that the sides of a limb must give at each end of a stretch that is left/right swapped."""
_SWAP_COST: Final = 0.02
"""Evidence that each frame of it must give besides: what is seen most of the time is right."""
_ANATOMY_COST: Final = 2.0
"""Evidence, in nats, that a frame gives whose anatomy tells left from right."""
_CLEAR: Final = 0.3
"""Sine of the angle, or share of the torso, below which a direction is no cue."""
_FEWEST: Final = 12
"""Frames that must give a cue."""
_MAJORITY: Final = 0.8
"""Share of them that must agree: dancers look back over their shoulders for moments."""
_BRIDGED: Final = 0.3
"""Weight of a term in which a joint was not seen but put between its neighbours in time."""
_INDEPENDENT: Final = 0.5
"""Share of the joints' evidence that counts: neighbouring joints are seen, and go wrong, together."""
_FLOOR: Final = 0.01
"""Motion, in body heights, within which any two frames of a joint agree."""
_CARRY: Final = (0.0, 0.5, 1.0)
"""Shares of the last step that a joint may be thought to go on with; what predicts a stretch best is taken."""
_METRES: Final = 1.7
"""Of the usual body: brings world coordinates to body heights."""


def contradicts_anatomy(track: PoseTrack, seen: Flags) -> bool:
    """Whether most of the frames that tell show left and right the wrong way round.

    Both cues are asked, the body's own directions in 3D and the face in the picture; one that speaks must say so, and
    the other must not object.
    """
    votes = [_vote(_chirality(track, seen)), _vote(_facing(track, seen))]
    return min(votes) < 0 and max(votes) <= 0


def weigh_anatomy(track: PoseTrack, seen: Flags) -> Floats:
    """(T,) whether each frame's sides are the right way round, -1..1: the mean of both cues, 0 where neither tells.

    Looking back over a shoulder the face says no and the rest of the body yes, and nothing is said.
    """
    cues = np.stack([_chirality(track, seen), _facing(track, seen)])
    return np.asarray(np.where(np.abs(np.nan_to_num(cues)) > _CLEAR, np.sign(cues), 0).mean(0))


def weigh_head(track: PoseTrack, seen: Flags) -> Floats:
    """(T,) whether ears and shoulders have the same sides, -1..1: heads turn by less than a right angle."""
    told = np.zeros(len(track))
    for values in (track.xy, track.world):
        points = np.where(seen[..., None], values, np.nan).astype(np.float64)
        ears = _unit(points[:, skeleton.LEFT_EAR] - points[:, skeleton.RIGHT_EAR])
        shoulders = _unit(points[:, skeleton.LEFT_SHOULDER] - points[:, skeleton.RIGHT_SHOULDER])
        together = np.nan_to_num((ears * shoulders).sum(-1))
        told += np.where(np.abs(together) > _CLEAR, np.sign(together), 0) / 2
    return told


def _vote(cue: Floats) -> int:
    """+1 right, -1 wrong, 0 undecided; `cue` (T,) is positive where right and NaN where it says nothing."""
    clear = np.abs(np.nan_to_num(cue)) > _CLEAR
    if clear.sum() < _FEWEST:
        return 0
    right = float((cue[clear] > 0).mean())
    return 1 if right >= _MAJORITY else -1 if right <= 1 - _MAJORITY else 0


def _chirality(track: PoseTrack, seen: Flags) -> Floats:
    """(T,) volume spanned by the directions to the left, up and forwards, -1..1."""
    points = np.where(seen[..., None], track.world, np.nan).astype(np.float64)

    def middle(*joints: int) -> Floats:
        return np.asarray(points[:, list(joints)].mean(1))

    left = middle(skeleton.LEFT_SHOULDER, skeleton.LEFT_HIP) - middle(skeleton.RIGHT_SHOULDER, skeleton.RIGHT_HIP)
    up = middle(*skeleton.SHOULDERS) - middle(*skeleton.HIPS)
    toes = middle(skeleton.LEFT_BIG_TOE, skeleton.RIGHT_BIG_TOE) - middle(skeleton.LEFT_HEEL, skeleton.RIGHT_HEEL)
    nose = points[:, skeleton.NOSE] - middle(skeleton.LEFT_EAR, skeleton.RIGHT_EAR)
    side = np.cross(_unit(left), _unit(up))
    return np.asarray(np.nan_to_num((side * _unit(toes)).sum(-1)) + np.nan_to_num((side * _unit(nose)).sum(-1))) / 2


def _unit(vectors: Floats) -> Floats:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-9))


def _facing(track: PoseTrack, seen: Flags) -> Floats:
    """(T,) how far to the right the left shoulder is, in torsos, where an upright person shows a face."""
    xy = np.where(seen[..., None], track.xy, np.nan).astype(np.float64)
    left, right = xy[:, skeleton.LEFT_SHOULDER], xy[:, skeleton.RIGHT_SHOULDER]
    torso = xy[:, list(skeleton.HIPS)].mean(1) - (left + right) / 2
    length = np.linalg.norm(torso, axis=-1)
    tells = seen[:, skeleton.FACE].any(1) & (torso[:, 1] > 0.7 * length)
    return np.asarray(np.where(tells, (left - right)[:, 0] / np.maximum(length, 1e-9), np.nan))


@dataclass(frozen=True)
class Flip:
    """A stretch of frames in which left and right of a limb group were exchanged."""

    group: str
    """body, arms, legs or head."""
    first_frame: int
    last_frame: int
    """The last frame that was swapped."""


@dataclass(frozen=True)
class _Group:
    """Limbs that are swapped together."""

    name: str
    deciding: tuple[int, ...]
    """The left joint of each pair whose motion decides."""
    members: Indices
    """All joints that go with them."""
    attached: tuple[tuple[int, int], ...] = ()
    """Left joints that do not go with them, and those that hang there: a wrong arm is far from its shoulder."""
    anatomy: Callable[[PoseTrack, Flags], Floats] | None = None
    """(T,) -1..1 whether the sides are right, where anatomy tells."""
    is_last: bool = False
    """What they hang from has been decided before; else a misfit may be that part's fault."""


def _both_sides(*left: int | slice) -> Indices:
    joints = np.arange(skeleton.JOINTS)
    chosen = np.concatenate([np.atleast_1d(joints[part]) for part in left])
    return np.unique(np.concatenate([chosen, np.array(skeleton.MIRROR)[chosen]]))


_FOOT: Final = (skeleton.LEFT_BIG_TOE, skeleton.LEFT_HEEL)
_ARM: Final = (skeleton.LEFT_ELBOW, skeleton.LEFT_WRIST)
_LEG: Final = (skeleton.LEFT_KNEE, skeleton.LEFT_ANKLE, *_FOOT)
_HEAD: Final = (skeleton.LEFT_EYE, skeleton.LEFT_EAR)
_ARM_MEMBERS: Final = (*_ARM, skeleton.LEFT_HAND)
_LEG_MEMBERS: Final = (*_LEG, skeleton.LEFT_SMALL_TOE)
_SHOULDER, _HIP = (skeleton.LEFT_SHOULDER,), (skeleton.LEFT_HIP,)
_SIDE: Final = (skeleton.LEFT_SHOULDER, skeleton.LEFT_HIP)
_UPPER_ARM: Final = (skeleton.LEFT_SHOULDER, skeleton.LEFT_ELBOW)
_THIGH: Final = (skeleton.LEFT_HIP, skeleton.LEFT_KNEE)
_ARM_AND_SHOULDER: Final = _both_sides(*_SHOULDER, *_ARM_MEMBERS)
_LEG_AND_HIP: Final = _both_sides(*_HIP, *_LEG_MEMBERS)
_EAR: Final = ((skeleton.LEFT_SHOULDER, skeleton.LEFT_EAR),)
_GROUPS: Final = (
    _Group("body", (*_SIDE, *_ARM, *_LEG, *_HEAD), np.arange(skeleton.JOINTS), anatomy=weigh_anatomy),
    _Group("arms", _SHOULDER + _ARM, _ARM_AND_SHOULDER, (_SIDE,)),
    _Group("legs", _HIP + _LEG, _LEG_AND_HIP, (_SIDE,)),
    _Group("arms", _SHOULDER + _ARM, _ARM_AND_SHOULDER, (_SIDE,), weigh_head, is_last=True),
    _Group("legs", _HIP + _LEG, _LEG_AND_HIP, (_SIDE,), is_last=True),
    _Group("arms", _ARM, _both_sides(*_ARM_MEMBERS), (_UPPER_ARM,), is_last=True),
    _Group("legs", _LEG, _both_sides(*_LEG_MEMBERS), (_THIGH,), is_last=True),
    _Group("arms", _SHOULDER, _both_sides(*_SHOULDER), (_SIDE, _UPPER_ARM), is_last=True),
    _Group("legs", _HIP, _both_sides(*_HIP), (_SIDE, _THIGH), is_last=True),
    _Group("head", _HEAD, _both_sides(*_HEAD, skeleton.FACE), _EAR, weigh_head, is_last=True),
)
"""In the order in which they are decided: trunk and limbs by motion, the same by fit, limbs alone, what is left."""
_LIMBS: Final = (("arms", _SHOULDER + _ARM), ("legs", _HIP + _LEG), ("head", _HEAD))


def repair_flips(track: PoseTrack, seen: Flags, height_px: float) -> tuple[PoseTrack, Flags, tuple[Flip, ...]]:
    """Exchange left and right where they were swapped.

    Args:
        track: one uncut stretch.
        seen: (T, J) joints to trust.
        height_px: of the person.
    Returns:
        The track and `seen`, with xy, score, depth and world of the swapped joints exchanged, and what was, by time.
    """
    exchanged = np.zeros_like(seen)
    for group in _GROUPS:
        cost = _motion_costs(track, seen, group.deciding, height_px)
        cost[:, 1] += _attachment_costs(track, seen, group, height_px)[:, None, None]
        if group.anatomy is not None:
            cost[:, 1] += _ANATOMY_COST * group.anatomy(track, seen)[:, None, None]
        swapped = _decode(cost)
        if group.name == "body" and contradicts_anatomy(exchange_sides(track, np.flatnonzero(swapped)), seen):
            swapped = ~swapped
        frames = np.flatnonzero(swapped)
        track, seen = exchange_sides(track, frames, group.members), _exchange(seen, frames, group.members)
        exchanged[np.ix_(frames, group.members)] ^= True
    return track, seen, _list_flips(exchanged)


def _list_flips(exchanged: Flags) -> tuple[Flip, ...]:
    """Stretches by limb group, in order of time, of the joints (T, J) that were exchanged in the end."""
    limbs = {name: np.asarray(exchanged[:, list(joints)].any(1)) for name, joints in _LIMBS}
    body = np.logical_and.reduce(list(limbs.values()))
    groups = {"body": body} | {name: flags & ~body for name, flags in limbs.items()}
    flips = [Flip(name, first, last) for name, flags in groups.items() for first, last in find_runs(flags)]
    return tuple(sorted(flips, key=lambda flip: (flip.first_frame, flip.group)))


def find_runs(flags: Flags) -> Iterable[tuple[int, int]]:
    """First and last index of every run of true values."""
    edges = np.diff(np.concatenate([[0], flags.astype(np.int8), [0]]))
    return zip(np.flatnonzero(edges == 1).tolist(), (np.flatnonzero(edges == -1) - 1).tolist(), strict=True)


def exchange_sides(track: PoseTrack, frames: Indices, joints: Indices | None = None) -> PoseTrack:
    """The track with left and right of `joints` (both sides listed; all by default) exchanged in `frames`."""
    joints = np.arange(skeleton.JOINTS) if joints is None else joints
    exchanged: dict[str, Any] = {name: _exchange(getattr(track, name), frames, joints) for name in JOINT_ARRAYS}
    return replace(track, **exchanged)


def _exchange(values: NDArray[Any], frames: Indices, joints: Indices) -> NDArray[Any]:
    exchanged = values.copy()
    exchanged[np.ix_(frames, joints)] = values[np.ix_(frames, np.array(skeleton.MIRROR)[joints])]
    return exchanged


def _measure_places(track: PoseTrack, seen: Flags, height_px: float) -> Iterator[Floats]:
    """(T, J, C) where joints are, in body heights, NaN where unseen: in the picture, then in space."""
    for values, unit in ((track.xy, height_px), (track.world, _METRES)):
        yield np.where(seen[..., None], values, np.nan).astype(np.float64) / unit


def _motion_costs(track: PoseTrack, seen: Flags, left: tuple[int, ...], height_px: float) -> Floats:
    """(T, 2, 2, 2) how unlikely, in nats, each frame's places are after those of the two frames before.

    The axes after the first say whether the frame, the one before and the one before that are swapped.
    """
    pairs = np.array([(joint, skeleton.MIRROR[joint]) for joint in left])  # (P, 2)
    costs = []
    for places in _measure_places(track, seen, height_px):
        sides = places[:, pairs.ravel()]
        known = np.asarray(np.isfinite(sides).all(-1))
        if known.any():
            bridged = bridge_gaps(sides, known).reshape(len(track), *pairs.shape, -1)
            costs.append(_step_costs(bridged, known.reshape(bridged.shape[:-1]), track.time_s))
    return _INDEPENDENT * np.mean(costs, axis=0) if costs else np.zeros((len(track), 2, 2, 2))


def _step_costs(places: Floats, known: Flags, time_s: Floats) -> Floats:
    """(T, 2, 2, 2) costs from one kind of coordinates (T, P, 2, C), summed over pairs and sides."""
    T = len(places)
    before, earlier = np.maximum(np.arange(T) - 1, 0), np.maximum(np.arange(T) - 2, 0)
    steps = np.diff(time_s, prepend=time_s[:1])
    pace = np.divide(steps, steps[before], out=np.zeros(T), where=steps[before] > 0)[:, None, None, None]
    ever = known.any(0)
    weight = np.where(known, 1.0, _BRIDGED) * ever

    def swap(values: Floats, swaps: tuple[int, ...]) -> list[Floats]:
        """Values (T, P, 2, ...) of each frame, of the one before and of the one before that, sides exchanged or not."""
        parts = values, values[before], values[earlier]
        return [part[:, :, ::-1] if swapped else part for part, swapped in zip(parts, swaps, strict=True)]

    def residuals(swaps: tuple[int, ...], carry: float) -> Floats:
        """(T, P, 2) distance from where a joint should be."""
        now, last, first = swap(places, swaps)
        return np.asarray(np.linalg.norm(now - last - carry * pace * (last - first), axis=-1))

    carry = min(_CARRY, key=lambda share: float(np.median(residuals((0, 0, 0), share)[:, ever])))
    usual = np.maximum(np.median(residuals((0, 0, 0), carry), axis=(0, 2)), _FLOOR)[:, None]  # (P, 1)
    cost = np.zeros((T, 2, 2, 2))
    for swaps in np.ndindex(2, 2, 2):
        now, last, first = swap(weight, swaps)
        off = np.log1p(np.square(residuals(swaps, carry) / usual))
        cost[(slice(None), *swaps)] = (now * last * first * off).sum((1, 2))
    return cost


def _attachment_costs(track: PoseTrack, seen: Flags, group: _Group, height_px: float) -> Floats:
    """(T,) what speaks, in nats, against a swap, by how well limbs fit what they hang from as they are and swapped.

    Where that has not been decided yet a misfit says nothing for a swap: it may be the other part's.
    """
    cost = np.zeros(len(track))
    mirror = skeleton.MIRROR
    for fixed, moving in group.attached:
        for places in _measure_places(track, seen, height_px):
            own = np.stack([_length(places, fixed, moving), _length(places, mirror[fixed], mirror[moving])])
            other = np.stack([_length(places, fixed, mirror[moving]), _length(places, mirror[fixed], moving)])
            whole = np.asarray(np.isfinite(own + other).all(0))
            if whole.any():
                usual = np.median(own[:, whole])
                spread = max(1.5 * float(np.median(np.abs(own[:, whole] - usual))), _FLOOR)
                fits, misfits = (np.log1p(np.square((v[:, whole] - usual) / spread)).sum(0) for v in (own, other))
                cost[whole] += _INDEPENDENT / 2 * (misfits - fits if group.is_last else np.maximum(misfits - fits, 0))
    return cost


def _length(places: Floats, a: int, b: int) -> Floats:
    return np.asarray(np.linalg.norm(places[:, a] - places[:, b], axis=-1))


def _decode(cost: Floats) -> Flags:
    """(T,) which frames are swapped, at least cost (Viterbi over the states of two neighbouring frames)."""
    T = len(cost)
    ends = _SWITCH_COST * np.array([[0.0], [1.0]])  # a stretch that reaches the clip's end has another end there
    each = _SWAP_COST * np.array([[0.0], [1.0]]) + _SWITCH_COST * (1 - np.eye(2))
    best = np.where(np.eye(2) > 0, 0.0, np.inf) + each + ends + cost[0, :, :, 0]  # (now, before)
    came = np.zeros((T, 2, 2), np.int8)
    for n in range(1, T):
        way = best[None] + cost[n]  # (now, before, earlier)
        came[n] = way.argmin(-1)
        best = way.min(-1) + each
    state = np.unravel_index((best + ends).argmin(), (2, 2))
    now, last = int(state[0]), int(state[1])
    swapped = np.zeros(T, np.bool_)
    for n in range(T - 1, -1, -1):
        swapped[n] = now
        now, last = last, int(came[n, now, last])
    return swapped
