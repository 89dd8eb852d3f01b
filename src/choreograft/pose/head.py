"""The head of a person: where it is, whether its face is turned to the camera, and whether it is above the hips.

A camera that hangs from the ceiling or lies says nothing of it: only the person in its picture does.
Shapes: T frames, J = 133 joints.
"""

from collections.abc import Sequence
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from choreograft.errors import PersonError
from choreograft.pose import skeleton
from choreograft.pose.track import SEEN, PoseTrack

_EARS: Final = list(skeleton.EARS)
Side = Literal["upright", "left", "right", "down"]
"""Where the head is, seen from the hips: up, to the picture's left or right, or down."""
ALWAYS: Final = 0.9
"""Share of the frames in which a dancer is upside down only if the picture is."""
_TURNS: Final[dict[Side, tuple[str, str]]] = {
    "left": ("a quarter turn to the right", "transpose=1"),
    "right": ("a quarter turn to the left", "transpose=2"),
    "down": ("by half a turn", "hflip,vflip"),
}
"""What brings a head on that side up, and FFmpeg's filters for it, which follow whatever turn the file asks for."""


def seen_middle(xy: NDArray[Any], joints: Sequence[int]) -> NDArray[np.float64]:
    """(T, 2) the mean of those of some joints of (T, J, 2) that are seen (not NaN); NaN where none is."""
    points = xy[:, list(joints)]
    seen = np.isfinite(points).all(axis=-1, keepdims=True)
    count = seen.sum(axis=1)
    return np.where(count > 0, np.where(seen, points, 0).sum(axis=1) / np.maximum(count, 1), np.nan)


def head_middle(xy: NDArray[np.float32]) -> NDArray[np.float32]:
    """(T, 2) the mean of those of nose, eyes and ears that are seen (not NaN) in (T, J, 2); NaN where none is."""
    return seen_middle(xy, skeleton.HEAD).astype(np.float32)


def is_turned_to_camera(track: PoseTrack) -> NDArray[np.bool_]:
    """(T,) whether the head is turned to the camera rather than away from it; false where that cannot be told.

    The nose must lie nearer than the ears' middle; where depth is unknown, the left ear must lie to the left of the way
    from the shoulders up to the head, as it does (seen from the front) even upside down.
    """
    ahead = track.depth[:, _EARS].mean(axis=1) - track.depth[:, skeleton.NOSE]
    up = head_middle(track.xy) - track.xy[:, list(skeleton.SHOULDERS)].mean(axis=1)
    across = track.xy[:, skeleton.LEFT_EAR] - track.xy[:, skeleton.RIGHT_EAR]
    ordered = across[:, 1] * up[:, 0] - across[:, 0] * up[:, 1]  # positive where `across` is `up` turned to the right
    return np.asarray(np.where(np.isfinite(ahead), ahead, ordered) > 0)


def face_centre(track: PoseTrack, threshold: float) -> NDArray[np.float32]:
    """(T, 2) the nose or, where its score is below the threshold, the middle of both ears; NaN where no face is seen.

    Chan et al. 2019, "Face GAN". No face is seen either where the head is turned away.
    """
    seen = track.seen(threshold)
    nose, ears = track.xy[:, skeleton.NOSE], track.xy[:, _EARS].mean(axis=1)
    centre = np.where(seen[:, [skeleton.NOSE]], nose, np.where(seen[:, _EARS].all(axis=1, keepdims=True), ears, np.nan))
    return np.where(is_turned_to_camera(track)[:, None], centre, np.nan).astype(np.float32)


def find_sides(track: PoseTrack) -> NDArray[np.str_]:
    """(T,) a `Side` for each frame; empty where the trunk is not seen."""
    trunk = track.xy[:, list(skeleton.SHOULDERS)].mean(1) - track.xy[:, list(skeleton.HIPS)].mean(1)
    seen = track.seen(SEEN)[:, list(skeleton.TRUNK)].all(1) & track.present
    turn = np.round(np.rad2deg(np.arctan2(trunk[:, 0], -trunk[:, 1])) / 90)
    sides = np.select([turn == 0, turn == 1, turn == -1], ["upright", "right", "left"], "down")
    return np.where(seen, sides, "")


def share_of(track: PoseTrack, *sides: Side) -> float:
    """Share of the frames that show the trunk in which the head is on one of these sides; 0 where none shows it."""
    found = find_sides(track)
    known = found != ""
    return float(np.isin(found[known], sides).mean()) if known.any() else 0.0


def check_upright(name: str, track: PoseTrack) -> str | None:
    """A sentence about somebody who lies all the time, as far as the picture tells; None about all others.

    Args:
        name: of the video, for the sentence.
    Raises:
        PersonError: the person is upside down in nearly every frame.
    """
    down = share_of(track, "down")
    if down >= ALWAYS:
        raise PersonError(
            f"{name}: the person is upside down in {down:.0%} of the frames; expected feet below the head;"
            f" {_advise_turn('down')}"
        )
    lying: tuple[Side, ...] = "left", "right"
    for side in lying:
        if share_of(track, side) >= ALWAYS:
            return (
                f"{name}: the person lies with the head to the {side} all the time; if the camera lay,"
                f" {_advise_turn(side)}"
            )
    return None


def _advise_turn(side: Side) -> str:
    how, filters = _TURNS[side]
    return f'turn the video {how} first, for example with "ffmpeg -i IN -vf {filters} OUT"'
