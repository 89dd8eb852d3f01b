"""A fitted body that moves from frame to frame as the picture does.

Where joints are, the tracker says well on the whole; how they move within a few frames, less so: a fitted body trembles
against the picture by half a pixel of 256 rows. The picture itself says how what it shows moves. So slow motion stays
the body's, and fast motion becomes the picture's. With u_t by how much frame t's pose changes, and J_t and D_t how that
moves the body's points x_t in the picture and in depth,

    min over u   sum_t |u_t|^2 / su^2 + |J_t u_t|^2 / sx^2 + |D_t u_t|^2 / sd^2
               + sum_t w_t |x_t + J_t u_t - x_(t-1) - J_(t-1) u_(t-1) - f_t|^2 / sf^2

where f_t is by how much the points' places moved in the picture since the frame before: pyramidal Lucas-Kanade (Bouguet
2001). The weights w let go of steps that fit no motion of a body: w = 1 / (1 + (r / r0)^2), r what is left of them.

Shapes: T frames, K points, Q numbers that a pose can change by. Pixels are those of a picture of 256 rows.
"""

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from threading import Lock
from typing import Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from choreograft.body.body_track import BodyTrack
from choreograft.body.energy import POINTS, SEEN
from choreograft.body.rig import BODY_COUNT, Chain, Points, rotation_matrices
from choreograft.body.shape import load_shape_space
from choreograft.pose.track import FILL_GAP_S, PoseTrack
from choreograft.progress import Advance, run_ahead
from choreograft.video.read import Frame

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Grey = NDArray[np.uint8]

_ROWS: Final = 256
_FINE: Final = 2
"""Steps are looked for in a picture of so many times these rows."""
_SQUARE: Final = (31, 31)
_LEVELS: Final = 3
"""Of Lucas-Kanade, in the fine picture."""
_RETURN_PX: Final = 0.25
"""A point that ends farther from its start after going there and back was lost."""
_STRANGE_PX: Final = 4.0
"""What moves so differently from the body is something else."""
_STEP_PX: Final = 0.12
"""sf: by how much steps in the picture are off."""
_DOUBT_PX: Final = 0.75
"""r0: steps that are left so far off count half."""
_PLACE_PX: Final = 0.25
"""sx: by how much the body's points are off their places; over it, sf says which motion is slow."""
_DEPTH_M: Final = 0.005
"""sd: of their depth, which the picture does not show: without it feet slide."""
_POSE: Final = 0.03
"""su: of the pelvis's turn, rad, its place, m, and the joints' turns, rad."""
_NUMBERS: Final = 6 + 3 * BODY_COUNT
_SOLVES: Final = 4
"""With the weights of the solution before."""
_WINDOW: Final = 240
_OVERLAP: Final = 24
"""Frames whose poses change together, and those on either side that are looked at: memory does not grow with the clip.
"""

_FORWARD_SLOPES: Final = Lock()
"""PyTorch counts the levels of forward derivatives for all threads together, and source and target are followed side
by side."""


def follow_picture(body: BodyTrack, track: PoseTrack, frames: Iterable[Frame], advance: Advance) -> BodyTrack:
    """The same body, moving as the picture does; where that shows nothing, it stays as it is.

    Args:
        body: T frames, fitted to `track`. track: cleaned. frames: of their video, looked at one after another.
        advance: is told the frames done.
    Raises:
        VideoError: from `frames`, which cannot be read.
    """
    chain, points = load_shape_space(BODY_COUNT).of(body.shape, torch.tensor(POINTS[SEEN]))
    at = _project(body, chain, points)
    off = _measure_steps(at, _find_joined(track), frames, advance) - np.diff(at, axis=0, prepend=at[:1])
    off[np.linalg.norm(off, axis=-1) > _STRANGE_PX] = np.nan
    root, pelvis, turns = body.root.copy(), body.pelvis.copy(), body.turns.copy()
    for begin in range(0, len(body), _WINDOW):
        first, end = max(0, begin - _OVERLAP), begin + _WINDOW
        moved = _move(body, chain, points, slice(first, end + _OVERLAP), off)
        root[begin:end], pelvis[begin:end], turns[begin:end, :BODY_COUNT] = (
            part[begin - first : end - first].numpy() for part in moved
        )
    return replace(body, root=root, pelvis=pelvis, turns=turns)


def _find_joined(track: PoseTrack) -> Flags:
    """(T,) whether a frame and the one before show the person in one shot."""
    near = np.diff(track.time_s) <= FILL_GAP_S
    joined = track.present.copy()
    joined[1:] &= track.present[:-1] & near & (np.diff(track.shot) == 0)
    joined[:1] = False
    return joined


def _project(body: BodyTrack, chain: Chain, points: Points) -> Floats:
    """(T, K, 2) px where the body's points are in the picture."""
    with torch.inference_mode():
        pose = (torch.from_numpy(part) for part in (body.root, body.pelvis, body.turns[:, :BODY_COUNT]))
        xyz = points.locate(*chain.place(*pose)).numpy()
    return body.camera.project(xyz) * (_ROWS / body.camera.size.height)


def _measure_steps(at: Floats, joined: Flags, frames: Iterable[Frame], advance: Advance) -> Floats:
    """(T, K, 2) px by how much what the picture showed at points (T, K, 2) moved, from the frame before to each frame.

    NaN where it was lost, and where a frame is not `joined` (T,) to the one before.
    """
    steps = np.full(at.shape, np.nan)
    before: Grey | None = None
    for t, now in zip(range(len(at)), run_ahead(map(_shrink, frames), "greys"), strict=False):
        if before is not None and joined[t]:
            steps[t] = _search(before, now, at[t - 1])
        before = now
        advance(t + 1)
    return steps


def _shrink(frame: Frame) -> Grey:
    """The fine picture of a frame."""
    scale = _FINE * _ROWS / len(frame.image)
    small = cv2.resize(frame.image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), dtype=np.uint8)


def _search(before: Grey, now: Grey, at: Floats) -> Floats:
    """(K, 2) px from points (K, 2) of a picture to where the next one shows them; NaN where they are lost."""
    start = (_FINE * at - 0.5).astype(np.float32)[:, None]  # OpenCV counts centres at integers
    follow = partial(cv2.calcOpticalFlowPyrLK, winSize=_SQUARE, maxLevel=_LEVELS)
    end, found, _ = follow(before, now, start, np.empty_like(start))
    back, returned, _ = follow(now, before, end, np.empty_like(end))
    astray = np.linalg.norm(back - start, axis=-1) > _FINE * _RETURN_PX
    return np.where(astray | (found == 0) | (returned == 0), np.nan, (end - start)[:, 0] / _FINE)


def _move(body: BodyTrack, chain: Chain, points: Points, window: slice, off: Floats) -> tuple[Tensor, Tensor, Tensor]:
    """Root, pelvis and turns of some frames so that steps in the picture are no longer `off` (T, K, 2)."""
    axes, lens = (torch.from_numpy(part.astype(np.float32)) for part in (body.camera.axes, body.camera.position))
    focal_px = body.camera.focal_px * _ROWS / body.camera.size.height
    own = [torch.from_numpy(part[window]) for part in (body.root, body.pelvis, body.turns[:, :BODY_COUNT])]

    def change(by: Tensor, root: Tensor, pelvis: Tensor, turns: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        turn, shift, bend = (_POSE * by).tensor_split((3, 6), dim=-1)
        return rotation_matrices(turn) @ root, pelvis + shift, turns + bend.reshape(turns.shape)

    def look(by: Tensor, *pose: Tensor) -> tuple[Tensor, Tensor]:
        """(2 K,) px in the picture and (K,) m in depth, of one frame."""
        placed = chain.place(*(part[None] for part in change(by, *pose)))
        x_y, depth = ((points.locate(*placed)[0] - lens) @ axes.T).tensor_split((2,), dim=1)
        return (focal_px * x_y / depth).flatten(), depth[:, 0]

    with torch.no_grad():
        slopes = torch.func.vmap(torch.func.jacfwd(look), in_dims=(None, 0, 0, 0))
        with _FORWARD_SLOPES:
            across, inwards = (slope.double().numpy() for slope in slopes(torch.zeros(_NUMBERS), *own))
        by = _settle(across, inwards, off[window])
        return change(torch.from_numpy(by.astype(np.float32)), *own)


def _settle(across: Floats, inwards: Floats, off: Floats) -> Floats:
    """(T, Q) the changes u, in su, of the module's equation.

    Args:
        across: (T, 2 K, Q) J, px. inwards: (T, K, Q) D, m. off: (T, K, 2) px by how much steps differ from the body's
            own; NaN where unknown.
    """
    known = np.asarray(np.isfinite(off).all(-1), dtype=np.bool_)
    known[0] = False
    wanted = np.where(known[..., None], off, 0.0).reshape(len(off), -1, 1)
    before = np.roll(across, 1, axis=0)
    held = np.eye(across.shape[2]) + _square(across, across) / _PLACE_PX**2 + _square(inwards, inwards) / _DEPTH_M**2
    weight = known / _STEP_PX**2
    for _ in range(_SOLVES):
        each = np.repeat(weight, 2, axis=1)[..., None]
        pull, push = each * across, each * before
        diagonal, right = held + _square(pull, across), _square(pull, wanted)
        diagonal[:-1] += _square(push, before)[1:]
        right[:-1] -= _square(push, wanted)[1:]
        by = _solve_chain(diagonal, -_square(pull, before), right)
        left = (wanted - across @ by + before @ np.roll(by, 1, axis=0)).reshape(off.shape)
        weight = known / _STEP_PX**2 / (1 + (left**2).sum(-1) / _DOUBT_PX**2)
    return by[..., 0]


def _square(a: Floats, b: Floats) -> Floats:
    return np.asarray(a.transpose(0, 2, 1) @ b)


def _solve_chain(diagonal: Floats, coupling: Floats, right: Floats) -> Floats:
    """(T, Q, 1) x of diagonal_t x_t + coupling_t x_(t-1) + coupling_(t+1)^T x_(t+1) = right_t, all (T, Q, Q or 1)."""
    x, back = right.copy(), np.zeros_like(coupling)
    following = np.append(coupling[1:], np.zeros_like(coupling[:1]), axis=0).transpose(0, 2, 1)
    for t in range(len(x)):
        pivot = diagonal[t] - coupling[t] @ back[t - 1]  # the first frame's coupling is zero
        rest = right[t] - coupling[t] @ x[t - 1]
        x[t], back[t] = np.split(np.linalg.solve(pivot, np.hstack([following[t], rest])), [-1], axis=1)[::-1]
    for t in range(len(x) - 2, -1, -1):
        x[t] -= back[t] @ x[t + 1]
    return x
