"""Taking out of a track what cannot be: exchanged sides, jumps, impossible limbs.

Each uncut stretch is judged by itself: behind a cut the person may have another size. Shapes: T frames, J = 133 joints.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from choreograft.config import CleaningConfig
from choreograft.pose import skeleton
from choreograft.pose.flips import Flip, repair_flips
from choreograft.pose.noise import noise_level
from choreograft.pose.outliers import find_impossible_limbs, find_jumps, mend_spikes
from choreograft.pose.segments import body_height_px, find_stretches, frame_rate
from choreograft.pose.track import PoseTrack

Flags = NDArray[np.bool_]
Indices = NDArray[np.intp]


@dataclass(frozen=True)
class Repair:
    """A track without what cannot be."""

    track: PoseTrack
    seen: Flags
    flips: tuple[Flip, ...] = ()
    jumped: int = 0
    misplaced: int = 0
    noise_px: tuple[float, ...] = ()
    """Of each frame's body joints; frames outside of all stretches have none."""


def repair_track(track: PoseTrack, seen: Flags, segment: Indices, config: CleaningConfig) -> Repair:
    """Put sides right, and forget joints (T, J) that jump or stretch their limbs, in every uncut stretch by itself."""
    xy, score, depth, world = (values.copy() for values in (track.xy, track.score, track.depth, track.world))
    whole = Repair(replace(track, xy=xy, score=score, depth=depth, world=world), seen.copy())
    for frames in find_stretches(segment, seen):
        part = _repair_stretch(replace(track, masks=None).select(frames), seen[frames], config)
        for name in ("xy", "score", "depth", "world"):
            getattr(whole.track, name)[frames] = getattr(part.track, name)
        whole.seen[frames] = part.seen
        first = int(frames[0])
        whole = replace(
            whole,
            flips=whole.flips + tuple(Flip(f.group, f.first_frame + first, f.last_frame + first) for f in part.flips),
            jumped=whole.jumped + part.jumped,
            misplaced=whole.misplaced + part.misplaced,
            noise_px=whole.noise_px + part.noise_px,
        )
    return whole


def _repair_stretch(track: PoseTrack, seen: Flags, config: CleaningConfig) -> Repair:
    height_px = body_height_px(track, seen)
    noise_px = noise_level(track.xy, seen, frame_rate(track.time_s, track.rate), config)
    track, seen, flips = repair_flips(track, seen, height_px, config)
    jumps = find_jumps(track, seen, height_px, noise_px, config)
    calm = seen & ~jumps
    misplaced = find_impossible_limbs(track, calm, height_px, noise_px, config)
    depth = mend_spikes(track.depth[..., None], seen, track.time_s)[..., 0]
    track = replace(track, depth=depth, world=mend_spikes(track.world, seen, track.time_s))
    counted = slice(skeleton.BODY.start, skeleton.FEET.stop)
    return Repair(
        track,
        calm & ~misplaced,
        flips,
        jumped=int(jumps[:, counted].sum()),
        misplaced=int(misplaced[:, counted].sum()),
        noise_px=len(track) * (float(np.median(noise_px[skeleton.BODY])),),
    )
