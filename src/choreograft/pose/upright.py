"""Whether a person is upright in the picture: a camera that hangs from the ceiling or lies says nothing of it.

Shapes: T frames.
"""

from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from choreograft.errors import PersonError
from choreograft.pose import skeleton
from choreograft.pose.track import PoseTrack

Side = Literal["upright", "left", "right", "down"]
"""Where the head is, seen from the hips: up, to the picture's left or right, or down."""
SEEN: Final = 0.3
ALWAYS: Final = 0.9
"""Share of the frames in which a dancer is upside down only if the picture is."""
HALF_TURN: Final = (
    'turn the video by 180 degrees first, for example with "ffmpeg -display_rotation 180 -i IN -c copy OUT"'
)


def find_sides(track: PoseTrack) -> NDArray[np.str_]:
    """(T,) a `Side` for each frame; empty where the trunk is not seen."""
    trunk = track.xy[:, list(skeleton.SHOULDERS)].mean(1) - track.xy[:, list(skeleton.HIPS)].mean(1)
    seen = track.seen(SEEN)[:, [*skeleton.SHOULDERS, *skeleton.HIPS]].all(1) & track.present
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
            f"{name}: the person is upside down in {down:.0%} of the frames; expected feet below the head; {HALF_TURN}"
        )
    lying: tuple[tuple[Side, int], ...] = ("left", 90), ("right", -90)
    for side, angle in lying:
        if share_of(track, side) >= ALWAYS:
            return (
                f"{name}: NOTE: the person lies with the head to the {side} all the time; if the camera lay, turn"
                f" the video by {angle} degrees first"
            )
    return None
