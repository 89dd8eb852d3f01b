"""A body at other times than those it was fitted at: other frame rates, slower or faster dances.

Shapes: T frames of the track, N new ones, J joints.
"""

from dataclasses import replace
from fractions import Fraction

import numpy as np
from scipy.spatial.transform import Rotation

from choreograft.body.track import BodyTrack
from choreograft.pose.resample import TimeGrid


def resample_body(body: BodyTrack, grid: TimeGrid, rate: Fraction) -> BodyTrack:
    """The same motion at other times; before the first and after the last frame these two stay.

    Places and joint angles are interpolated linearly, the pelvis turns the shortest way, where the grid says that two
    frames belong together; presence and standing feet are those of the frame that is shown.

    Args:
        grid: of the track that the body was fitted to. rate: nominal frames per second of the new grid.
    """
    before, share, nearest = grid.before, grid.share[:, None], grid.nearest
    after = np.minimum(before + 1, len(body) - 1)
    turn = Rotation.from_matrix(np.swapaxes(body.root[before], 1, 2) @ body.root[after]).as_rotvec()
    root = body.root[before] @ Rotation.from_rotvec(share * turn).as_matrix()
    return replace(
        body,
        rate=rate,
        time_s=grid.time_s,
        present=body.present[nearest],
        root=root.astype(np.float32),
        pelvis=((1 - share) * body.pelvis[before] + share * body.pelvis[after]).astype(np.float32),
        turns=((1 - share[..., None]) * body.turns[before] + share[..., None] * body.turns[after]).astype(np.float32),
        stands=body.stands[nearest],
        shot=grid.shot,
    )
