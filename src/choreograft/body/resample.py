"""A body at other times than those it was fitted at: other frame rates, slower or faster dances.

Shapes: T frames of the track, N new ones, J joints.
"""

from dataclasses import replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from choreograft.body.track import BodyTrack


def resample_body(body: BodyTrack, time_s: NDArray[np.float64], rate: Fraction) -> BodyTrack:
    """The same motion at times (N,) on the track's clock; before the first and after the last frame these two stay.

    Places and joint angles are interpolated linearly, the pelvis turns the shortest way; presence and standing feet are
    those of the nearest frame.
    """
    T = len(body)
    at = np.clip(np.interp(time_s, body.time_s, np.arange(T)), 0, T - 1)
    before = np.minimum(at.astype(np.intp), max(T - 2, 0))
    after = np.minimum(before + 1, T - 1)
    share = (at - before)[:, None]
    nearest = np.rint(at).astype(np.intp)
    turn = Rotation.from_matrix(np.swapaxes(body.root[before], 1, 2) @ body.root[after]).as_rotvec()
    root = body.root[before] @ Rotation.from_rotvec(share * turn).as_matrix()
    return replace(
        body,
        rate=rate,
        time_s=np.asarray(time_s, dtype=np.float64),
        present=body.present[nearest],
        root=root.astype(np.float32),
        pelvis=((1 - share) * body.pelvis[before] + share * body.pelvis[after]).astype(np.float32),
        turns=((1 - share[..., None]) * body.turns[before] + share[..., None] * body.turns[after]).astype(np.float32),
        stands=body.stands[nearest],
    )
