"""Taking out of a track what cannot be: exchanged sides, jumps, impossible limbs.

Each uncut stretch is judged by itself: behind a cut the person may have another size. Exchanged sides are told by
flips.py. Jumps: of a joint's sightings the heaviest chain is kept in which every step is one that a human can make; who
leaves and comes back faster drops out of it. Then single sightings that stick out from those before and after. Limbs:
longer than the person's limb is, in 3D where known, in the picture at the person's scale.

Shapes: T frames of one uncut stretch, J = 133 joints, L limbs, B frames looked back at.
"""

from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from scipy.ndimage import percentile_filter

from choreograft.pose import skeleton
from choreograft.pose.flips import Flip, repair_flips
from choreograft.pose.shots import body_height_px, find_stretches, frame_rate
from choreograft.pose.smooth import noise_level
from choreograft.pose.track import FILL_GAP_S, JOINT_ARRAYS, Flags, Floats, Indices, PoseTrack, Values

_MAX_SPEED: Final = 8.0
"""Body heights a second that wrists, ankles and what they carry may do; the trunk does half of it."""
_MAX_ACCELERATION: Final = 120.0
"""Body heights a square second; a joint that leaves and comes back harder was seen wrongly."""
_MAX_STRETCH: Final = 1.5
"""How many times its usual length in 3D, or its greatest in the picture, a limb may seem to have."""
_NOISE_MARGIN: Final = 6.0
"""Standard deviations of the noise that a sighting may be off by itself."""
_SLACK: Final = 0.03
"""Body heights that a joint may move at once at any rate: estimators are no surer than that."""
_SPIKE: Final = 15.0
"""Times the usual distance from the line between its neighbours, from which a depth is wrong."""
_FEWEST_BACK: Final = 3
_BURST_S: Final = 0.05
"""How long a joint may keep its highest speed; half of it for longer."""
_DETOUR: Final = 0.25
"""What moving as far as is possible in a frame costs a chain, in sightings: of two, the calmer one is right."""
_TRUNK: Final = (*skeleton.HEAD, *skeleton.SHOULDERS, *skeleton.HIPS)
_LIMBS: Final = tuple(
    tuple(sorted(pair, key=skeleton.STEPS.__getitem__)) for pair in skeleton.BODY_LIMBS if pair[0] not in skeleton.HEAD
)
"""The inner end first."""
_SPREADS: Final = 6.0
"""Median deviations from the usual length in 3D that do not count as impossible, whatever their size."""
_FEET: Final = range(skeleton.JOINTS)[skeleton.FEET]
_UNSTEADY: Final = 0.25
"""Lengths in 3D that spread by more than this share of the usual one are guesses, and rule nothing out."""
_SCALE_SPAN_S: Final = 3.0
"""Over which the person's scale in the picture hardly changes."""
_USUAL: Final = 85.0
"""Percentile that stands for a limb's greatest length in the picture, or else the length that limbs mostly have."""
_SHARE_OF_HEIGHT: Final = 0.25
"""Of the trunk, the thigh and the shin; the longest limbs, and little more than the arm's."""
_FEWEST_LENGTHS: Final = 10


def find_jumps(track: PoseTrack, seen: Flags, height_px: float, noise_px: Floats) -> Flags:
    """(T, J) sightings that a human body cannot have made between those before and after.

    Args:
        track: one uncut stretch.
        seen: (T, J) joints to trust so far.
        noise_px: (J,) standard deviation of the sightings' noise.
    """
    speed = np.full(skeleton.JOINTS, _MAX_SPEED)
    speed[list(_TRUNK)] /= 2
    slack = _SLACK * height_px + _NOISE_MARGIN * noise_px
    kept = _heaviest_chain(track, seen, speed * height_px, slack)
    jumps = seen & ~kept
    jumps[1:-1] |= _find_spikes(track.xy, kept, track.time_s, _MAX_ACCELERATION * height_px, slack)
    return jumps


def _heaviest_chain(track: PoseTrack, seen: Flags, speed: Floats, slack: Floats) -> Flags:
    """(T, J) sightings that survive: the sum of their scores is the largest possible.

    Where a joint goes for good to where it cannot have gone, it was wrong before; such a break costs as much as the
    sightings of the time that is looked back, so what leaves for longer is believed.
    """
    xy, score = track.xy, np.where(seen, track.score, 0).astype(np.float64)
    time_s, T = track.time_s, len(track)
    step_s = _step_s(time_s)
    back = max(_FEWEST_BACK, round(FILL_GAP_S / step_s))
    best, came = np.zeros((T, score.shape[1])), np.full((T, score.shape[1]), -1)
    top, top_at = np.zeros(score.shape[1]), np.full(score.shape[1], -1)
    joints = np.arange(score.shape[1])
    for n in range(T):
        earlier = np.arange(max(0, n - back), n)
        broken = np.where(seen[earlier].any(0), top - back * score[n], top)
        gain, origin = np.maximum(broken, 0), np.where(broken > 0, top_at, -1)
        if len(earlier):
            moved = np.linalg.norm(xy[n] - xy[earlier], axis=-1)
            away_s = (time_s[n] - time_s[earlier])[:, None]
            reach = speed * (np.minimum(away_s, _BURST_S) + np.maximum(away_s - _BURST_S, 0) / 2) + slack
            usable = seen[earlier] & (moved <= reach)
            ways = np.where(usable, best[earlier] - _DETOUR * moved / (speed * step_s + slack), -np.inf)
            chosen = ways.argmax(0)
            follows = ways[chosen, joints] > gain
            gain, origin = np.where(follows, ways[chosen, joints], gain), np.where(follows, earlier[chosen], origin)
        best[n] = np.where(seen[n], gain + score[n], -np.inf)
        came[n] = origin
        higher = best[n] > top
        top, top_at = np.where(higher, best[n], top), np.where(higher, n, top_at)
    kept, at = np.zeros((T, len(joints)), np.bool_), top_at.copy()
    while (at >= 0).any():
        alive = at >= 0
        kept[at[alive], joints[alive]] = True
        at = np.where(alive, came[np.maximum(at, 0), joints], -1)
    return kept


def _find_spikes(xy: Values, kept: Flags, time_s: Floats, acceleration: float, slack: Floats) -> Flags:
    """(T - 2, J) sightings off the straight line between their neighbours by more than a human can accelerate."""
    before, after = time_s[1:-1] - time_s[:-2], time_s[2:] - time_s[1:-1]
    share = (before / (before + after))[:, None, None]
    off = np.linalg.norm(xy[1:-1] - ((1 - share) * xy[:-2] + share * xy[2:]), axis=-1)
    limit = acceleration * (before * after)[:, None] / 2 + slack
    return _find_peaks(np.where(_between(kept), off / limit, 0), 1.0)


def _between(seen: Flags) -> Flags:
    """(T - 2, J) sightings (T, J) between two others."""
    return np.asarray(seen[:-2] & seen[1:-1] & seen[2:])


def _find_peaks(excess: Floats, limit: Floats | float) -> Flags:
    """(T - 2, J) where an excess (T - 2, J) is beyond the limit, and no less than in the frames around."""
    padded = np.pad(excess, ((1, 1), (0, 0)))
    return np.asarray((excess > limit) & (excess >= np.maximum(padded[:-2], padded[2:])))


def find_impossible_limbs(track: PoseTrack, seen: Flags, height_px: float, noise_px: Floats) -> Flags:
    """(T, J) joints too far from their neighbours on the body.

    Of a limb's two ends the one is blamed with more impossible limbs, then the one of lower score by far, then the
    outer one. Hands and face are held against the wrist and the nose.
    """
    limbs = np.array(_LIMBS)
    both = np.asarray(seen[:, limbs].all(-1))  # (T, L)
    bad = _too_long_in_space(track.world, limbs, both) | _too_long_in_picture(track, limbs, both, height_px, noise_px)
    inner, outer = limbs.T
    count = np.stack([bad[:, (limbs == joint).any(1)].sum(1) for joint in range(skeleton.JOINTS)], axis=1)
    doubtful = track.score[:, inner] < 0.6 * track.score[:, outer]
    is_inner = (count[:, inner] > count[:, outer]) | ((count[:, inner] == count[:, outer]) & doubtful)
    blamed = np.zeros_like(seen)
    blamed[np.nonzero(bad)[0], np.where(is_inner, inner, outer)[bad]] = True
    return blamed & seen


def _too_long_in_space(world: Values, limbs: Indices, both: Flags) -> Flags:
    """(T, L) limbs much longer in 3D than usual.

    Shorter ones are no worse than an estimator's flat guess, and so is the length of a foot.
    """
    length = _measure(world, limbs).astype(np.float64)
    known = both & np.isfinite(length)
    enough = known.sum(0) >= _FEWEST_LENGTHS
    length = np.where(known & enough, length, np.nan)
    usual = np.nanmedian(np.where(enough, length, 0), axis=0)
    spread = 1.5 * np.nanmedian(np.where(enough, np.abs(length - usual), 0), axis=0)
    enough &= spread < _UNSTEADY * usual
    longest = np.maximum(_MAX_STRETCH * usual, usual + _SPREADS * spread)
    return np.asarray(known & enough & (length > longest) & ~np.isin(limbs, _FEET).any(1))


def _too_long_in_picture(track: PoseTrack, limbs: Indices, both: Flags, height_px: float, noise_px: Floats) -> Flags:
    """(T, L) limbs longer than they ever are for this person at this scale."""
    length = _measure(track.xy, limbs)
    scale = _scale_px(track.time_s, np.where(both, length, np.nan), height_px)[:, None]
    enough = both.sum(0) >= _FEWEST_LENGTHS
    share = np.where(both & enough, length / scale, np.nan)
    greatest = np.nanpercentile(np.where(enough, share, 0), _USUAL, axis=0)
    greatest = np.maximum(greatest, _SHARE_OF_HEIGHT * height_px / np.median(scale))
    margin_px = _NOISE_MARGIN * np.hypot(noise_px[limbs[:, 0]], noise_px[limbs[:, 1]]) + _SLACK * height_px
    return np.asarray(both & enough & (length > _MAX_STRETCH * greatest * scale + margin_px))


def _measure(places: Values, limbs: Indices) -> Values:
    """(T, L) lengths of limbs between joints at (T, J, C)."""
    return np.asarray(np.linalg.norm(places[:, limbs[:, 0]] - places[:, limbs[:, 1]], axis=-1))


def _scale_px(time_s: Floats, length: Values, height_px: float) -> Floats:
    """(T,) a length that follows how near the person is: the long limbs of the trunk and legs, around each frame.

    Args:
        length: (T, L) of the limbs, px; NaN where unseen.
    """
    T, shown = len(length), np.flatnonzero(np.isfinite(length).any(1))
    if not len(shown):
        return np.full(T, height_px)
    total = np.interp(np.arange(T), shown, np.nanpercentile(length[shown], 80, axis=1))
    frames = min(T, max(1, round(_SCALE_SPAN_S / _step_s(time_s))))
    return np.maximum(percentile_filter(total, 70, size=frames), 1e-3 * height_px)


def _step_s(time_s: Floats) -> float:
    """The usual time between frames; a second where there is one only."""
    return float(np.median(np.diff(time_s))) if len(time_s) > 1 else 1.0


def mend_spikes(values: Values, seen: Flags, time_s: Floats) -> Values:
    """Values (T, J, C) without single ones that stick out of their joint's own course; a line replaces them.

    For depth and world coordinates, which estimators sometimes get wrong where the joint in the picture is right.
    """
    mended = values.copy()
    share = ((time_s[1:-1] - time_s[:-2]) / (time_s[2:] - time_s[:-2])).astype(np.float32)[:, None, None]
    line = (1 - share) * values[:-2] + share * values[2:]
    off = np.linalg.norm(values[1:-1] - line, axis=-1)
    whole = _between(seen) & np.isfinite(off)
    usual = np.array(
        [np.median(column[known]) if known.any() else 0 for column, known in zip(off.T, whole.T, strict=True)]
    )
    spikes = _find_peaks(np.where(whole, off, 0), _SPIKE * usual)
    mended[1:-1][spikes] = line[spikes]
    return mended


@dataclass(frozen=True)
class Repair:
    """A track without what cannot be."""

    track: PoseTrack
    seen: Flags
    """(T, J) joints to trust."""
    jumped: Flags
    """(T, J) joints that nobody moves so fast."""
    misplaced: Flags
    """(T, J) joints at the end of limbs that nobody has."""
    flips: list[Flip] = field(default_factory=list)
    noise_px: list[float] = field(default_factory=list)
    """Of each frame's body joints; frames outside of all stretches have none."""


def repair_track(track: PoseTrack, seen: Flags, segment: Indices) -> Repair:
    """Put sides right, and forget joints (T, J) that jump or stretch their limbs, in every uncut stretch by itself."""
    arrays: dict[str, Any] = {name: getattr(track, name).copy() for name in JOINT_ARRAYS}
    whole = Repair(replace(track, **arrays), seen.copy(), np.zeros_like(seen), np.zeros_like(seen))
    for frames in find_stretches(segment, seen):
        part, sure = replace(track, masks=None).select(frames), seen[frames]
        height_px = body_height_px(part, sure)
        noise_px = noise_level(part.xy, sure, frame_rate(part.time_s, part.rate))
        part, sure, flips = repair_flips(part, sure, height_px)
        jumped = find_jumps(part, sure, height_px, noise_px)
        misplaced = find_impossible_limbs(part, sure & ~jumped, height_px, noise_px)
        for name in JOINT_ARRAYS:
            arrays[name][frames] = getattr(part, name)
        arrays["depth"][frames] = mend_spikes(part.depth[..., None], sure, part.time_s)[..., 0]
        arrays["world"][frames] = mend_spikes(part.world, sure, part.time_s)
        whole.seen[frames] = sure & ~jumped & ~misplaced
        whole.jumped[frames], whole.misplaced[frames] = jumped, misplaced
        first = int(frames[0])
        whole.flips.extend(Flip(flip.group, flip.first_frame + first, flip.last_frame + first) for flip in flips)
        whole.noise_px.extend(len(frames) * [float(np.median(noise_px[skeleton.BODY]))])
    return whole
