"""The shots of a track: when one begins after another, and what a clip of several views is refused with.

Shapes: T frames.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from choreograft.errors import VideoError
from choreograft.pose.track import PoseTrack

MOST: Final = 0.75
"""Share of the frames from which on one view is what the clip was meant to be."""
_TOLD: Final = 6


def frames_by_shot(shot: NDArray[np.int32]) -> list[NDArray[np.intp]]:
    """The frames of each shot, in order, given the number (T,) of every frame's."""
    return [np.flatnonzero(shot == number) for number in np.unique(shot)]


def find_changes(time_s: NDArray[np.float64], number: NDArray[np.int32]) -> tuple[float, ...]:
    """When the number (T,) of the shot, or of the view, changes, s."""
    return tuple(time_s[1:][np.diff(number) != 0].round(3).tolist())


def tell_times(times_s: Sequence[float]) -> str:
    """Times in words: '3.2 s', '3.2 s and 7.1 s', or the first of them and how many more there are."""
    told = [f"{time_s:.1f} s" for time_s in times_s[:_TOLD]]
    told += [f"{len(times_s) - _TOLD} more times"] if len(times_s) > _TOLD else []
    return " and ".join([", ".join(told[:-1]), told[-1]] if len(told) > 1 else told)


def check_views(name: str, track: PoseTrack) -> None:
    """Refuse a clip of several views: a body, its floor and what is behind it are found for one camera.

    Args:
        name: of the video, for the message.
    Raises:
        VideoError: the view changes; says when, and what to do.
    """
    changes_s = find_changes(track.time_s, track.view)
    if not changes_s:
        return
    raise VideoError(
        f"{name}: the picture changes to another view at {tell_times(changes_s)}; expected one camera that stands for"
        f" the whole clip; {_advise(track)}"
    )


def _advise(track: PoseTrack) -> str:
    """What to do: keep the view that most of the clip has, or cut the clip into its parts."""
    views, counts = np.unique(track.view, return_counts=True)
    if counts.max() < MOST * len(track):
        return "cut the video there, and dance, or train on, each part by itself (train takes several)"
    shown = np.flatnonzero(track.view == views[counts.argmax()])
    begin_s, last = float(track.time_s[shown[0]]), int(shown[-1])
    end_s = float(track.time_s[last + 1]) if last + 1 < len(track) else None
    until = "the end" if end_s is None else f"{end_s:.2f} s"
    cut = f"ffmpeg -ss {begin_s:.2f} -i IN" + ("" if end_s is None else f" -t {end_s - begin_s:.2f}") + " OUT"
    return f'keep the part from {begin_s:.2f} s to {until}, for example with "{cut}"'
