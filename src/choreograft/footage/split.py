"""Which frames of a clip are trained on and which are kept back, so that a performer can be tested on new ones.

The paper splits every target's footage the same way: most of it to learn from, the rest to measure on (Chan et al.
2019, "Evaluation"). The part kept back is the clip's end: neighbours of training frames would be no test.
Shapes: T frames.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from choreograft.errors import OptionError
from choreograft.pose.track import PoseTrack

GUARD_S: Final = 0.5
"""Between the last frame trained on and the first kept back: closer ones are almost the same picture."""
MAX_HOLD_OUT: Final = 0.5
"""Share of a clip that may be kept back."""

MIN_PAIRS: Final = 8
"""Fewer pairs of consecutive frames with the person in them are no material to learn from."""
MAX_FRAMES: Final = 8000
"""Longer footage is thinned to this many frames, in pairs of neighbours: 0.9 GB of disk at the draft size."""


def check_hold_out(share: float) -> None:
    """Refuse a share that leaves too little to learn from.

    Raises:
        OptionError: below zero or above `MAX_HOLD_OUT`.
    """
    if not 0 <= share <= MAX_HOLD_OUT:
        raise OptionError(f"--hold-out is {share:g}; expected a share between 0 and {MAX_HOLD_OUT:g}")


def held_out_frames(track: PoseTrack, share: float) -> NDArray[np.intp]:
    """The frames of a clip that are kept back: its last `share`, counted in frames."""
    first = len(track) - round(share * len(track))
    return np.arange(first, len(track))


def hide_held_out(track: PoseTrack, share: float) -> PoseTrack:
    """The track with nobody present from `GUARD_S` before the first frame kept back: what training may see."""
    held = held_out_frames(track, share)
    if not len(held):
        return track
    seen = track.time_s < track.time_s[held[0]] - GUARD_S
    return replace(track, present=track.present & seen)


def choose_frames(track: PoseTrack, limit: int) -> NDArray[np.intp]:
    """Indices of frames that show the person, increasing; beyond `limit` thinned evenly, two neighbours at a time.

    Where a track has masks, what is learned is cut out by them: frames without one show nobody.
    """
    shown = np.flatnonzero(track.present if track.masks is None else track.present & track.masked)
    if len(shown) <= limit:
        return shown
    starts = shown[np.linspace(0, len(shown) - 2, limit // 2).astype(int)]
    wanted = np.union1d(starts, starts + 1)
    return np.intersect1d(wanted, shown)


def find_pairs(tracks: Sequence[PoseTrack]) -> NDArray[np.intp]:
    """Every n, counted through all tracks, whose next frame follows within the same track, without a cut or a gap."""
    starts, offset = [], 0
    for track in tracks:
        starts.append(np.flatnonzero(track.follows[1:] & track.present[:-1] & track.present[1:]) + offset)
        offset += len(track)
    return np.concatenate(starts)
