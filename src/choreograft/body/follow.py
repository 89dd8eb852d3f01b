"""A fitted body that moves from frame to frame as the picture does.

The tracker says well where joints are on average and badly how they move within a few frames: the fitted body trembles
against its own picture by half a pixel of 256 rows. The picture itself says how its points move. So the slow part of
the motion stays the body's and the fast part becomes the picture's: every point x on the body, projected, gives way to

    min over x'  sum_t |x'_t - x_t|^2 / sd^2  +  sum_t w_t |x'_t - x'_(t-1) - f_t|^2 / sf^2

f_t is the point's step in the picture from frame t - 1 to t, by pyramidal Lucas-Kanade (Bouguet 2001); w_t lets go of
steps that do not fit. Then the pose is moved so that the body's points lie at x'.

Shapes: T frames, K points, Q parameters of a pose. Pixels are those of 256 rows, unless said otherwise.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import solveh_banded
from torch import Tensor

from choreograft.body.energy import BODY_POINTS
from choreograft.body.kinematics import Chain, Points, rotation_matrices
from choreograft.body.rig import BODY_COUNT
from choreograft.body.shape import load_shape_space
from choreograft.body.track import BodyTrack
from choreograft.config import CleaningConfig
from choreograft.pose.segments import find_cuts, number_segments
from choreograft.pose.track import PoseTrack
from choreograft.progress import Advance
from choreograft.video.read import Frame

Floats = NDArray[np.float64]

import choreograft.body.energy as E
from choreograft.pose import skeleton as S
_SETS='jfk'
LB=[(S.LEFT_SHOULDER,S.LEFT_ELBOW),(S.LEFT_ELBOW,S.LEFT_WRIST),(S.LEFT_HIP,S.LEFT_KNEE),(S.LEFT_KNEE,S.LEFT_ANKLE),(S.RIGHT_SHOULDER,S.RIGHT_ELBOW),(S.RIGHT_ELBOW,S.RIGHT_WRIST),(S.RIGHT_HIP,S.RIGHT_KNEE),(S.RIGHT_KNEE,S.RIGHT_ANKLE)]
TR=[(S.LEFT_SHOULDER,S.RIGHT_SHOULDER),(S.LEFT_HIP,S.RIGHT_HIP),(S.LEFT_SHOULDER,S.LEFT_HIP),(S.RIGHT_SHOULDER,S.RIGHT_HIP),(S.LEFT_SHOULDER,S.RIGHT_HIP)]
def choose(sets):
    rows=[]
    def add(js,ws):
        r=torch.zeros(141); 
        for j,w in zip(js,ws): r[j]+=w
        rows.append(r)
    if 'j' in sets:
        for j in range(23): add([j],[1])
    if 'b' in sets:
        for j in range(17): add([j],[1])
    if 'f' in sets:
        for j in E.FACE_POINTS: add([j],[1])
    if 'k' in sets:
        for j in E.HAND_POINTS: add([j],[1])
    if 'm' in sets:
        for a,b in LB: add([a,b],[.5,.5])
    if 'M' in sets:
        for a,b in LB: add([a,b],[.33,.67]); add([a,b],[.67,.33])
    if 't' in sets:
        for a,b in TR: add([a,b],[.5,.5])
    if 'T' in sets:
        l,r,h,i=S.LEFT_SHOULDER,S.RIGHT_SHOULDER,S.LEFT_HIP,S.RIGHT_HIP
        for u in (0.15,.4,.65,.9):
            for v in (.2,.5,.8): add([l,r,h,i],[(1-u)*(1-v),(1-u)*v,u*(1-v),u*v])
    return torch.stack(rows,1)
FOLLOWED: Final = BODY_POINTS
"""The points that are followed."""
_ROWS: Final = 256
_FINE: Final = 2
"""Steps are looked for in a picture of so many times these rows."""
_WINDOW_PX: Final = 21
_LEVELS: Final = 3
"""Of Lucas-Kanade, in the fine picture."""
_ROUND_TRIP: Final = 0.25
"""How far a point may end from its start that goes there and back again."""
_PLACE: Final = 0.5
"""sd: deviation of the body's places."""
_STEP: Final = 0.2
"""sf: deviation of the picture's steps."""
_DOUBT: Final = 5.0
"""In deviations of a step: what is so far off counts half."""
_FIT_ROUNDS: Final = 4
_STRANGE: Final = 4.0
"""A step in the picture that differs more from the body's is another thing's."""
_FARTHEST: Final = 3.0
"""A body is moved by at most that in a round."""
_POINT: Final = 0.2
"""Deviation of the points that the pose is to meet."""
_DEPTH_M: Final = 0.005
"""By how much their depth may change."""
_ROUNDS: Final = 1
_SPREAD: Final = (0.03,) * 3 + (0.01, 0.003, 0.01) + (0.05,) * (3 * BODY_COUNT)
"""(Q,) by how much a pose usually gives way: pelvis turned, rad, and moved, m, hardly in depth; joints turned, rad."""
_OVERLAP: Final = 24
_FRAMES: Final = 240
"""Whose poses are moved at once; memory does not grow with the clip."""


def follow_picture(body: BodyTrack, track: PoseTrack, frames: Iterable[Frame], advance: Advance) -> BodyTrack:
    """The same body, moving from frame to frame as the picture does.

    Args:
        body: fitted to `track`, cleaned. frames: of their video; one is kept at a time.
    """
    chain, points = load_shape_space(BODY_COUNT).of(body.shape)
    points = Points(points.matrix @ choose(_SETS))
    joined = _find_joined(track)
    steps = measure_steps(_project(body, chain, points), joined, frames, advance)
    for _ in range(_ROUNDS):
        body = _move(body, chain, points, steps)
    return body


def measure_steps(at: Floats, joined: NDArray[np.bool_], frames: Iterable[Frame], advance: Advance) -> Floats:
    """(T, K, 2) by how much what the picture shows at points (T, K, 2) moved there since the frame before.

    NaN where it cannot be told, and in frames that are not `joined` (T,) to the one before.
    """
    steps = np.full(at.shape, np.nan)
    before: NDArray[np.uint8] | None = None
    for frame, here, there, known, step in zip(frames, at, np.roll(at, 1, axis=0), joined, steps, strict=False):
        scale = _FINE * _ROWS / len(frame.image)
        small = cv2.resize(frame.image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        grey = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
        if known and before is not None:
            step[:] = _track(before, grey, there, here)
        before = grey
        advance(frame.index + 1)
    return steps


def _track(before: NDArray[np.uint8], now: NDArray[np.uint8], start: Floats, guess: Floats) -> Floats:
    """(K, 2) steps of points (K, 2) from one picture to the next, NaN where the way back does not lead there."""
    options = {"winSize": (_WINDOW_PX, _WINDOW_PX), "maxLevel": _LEVELS}
    begun = (_FINE * start - 0.5).astype(np.float32)[:, None]
    ended, found, _ = cv2.calcOpticalFlowPyrLK(before, now, begun, None, **options)
    returned, back, _ = cv2.calcOpticalFlowPyrLK(now, before, ended, None, **options)
    fits = (found[:, 0] & back[:, 0] > 0) & (np.linalg.norm(returned - begun, axis=-1)[:, 0] < _FINE * _ROUND_TRIP)
    return np.where(fits[:, None], (ended - begun)[:, 0].astype(np.float64) / _FINE, np.nan)


def blend(at: Floats, steps: Floats) -> Floats:
    """(T, K, 2) places with the slow motion of `at` (T, K, 2) and the fast motion of `steps` (T, K, 2)."""
    own = np.diff(at, axis=0, prepend=at[:1])
    known = np.linalg.norm(np.nan_to_num(steps - own, nan=np.inf), axis=-1) < _STRANGE
    known[0] = False
    # one chain of equations, of all points one after another
    places, moved = (np.swapaxes(v, 0, 1).reshape(-1, 2) for v in (at, np.where(known[..., None], steps, 0.0)))
    weight = known.T.reshape(-1) / _STEP**2
    strength, result = weight, places
    for _ in range(_FIT_ROUNDS):
        later = np.append(strength[1:], 0.0)
        pull = strength[:, None] * moved
        bands = np.stack([-strength, 1 / _PLACE**2 + strength + later])
        result = solveh_banded(bands, places / _PLACE**2 + pull - np.concatenate([pull[1:], np.zeros((1, 2))]))
        off = np.linalg.norm(np.diff(result, axis=0, prepend=result[:1]) - moved, axis=-1)
        strength = weight / (1 + (off / (_DOUBT * _STEP)) ** 2)
    return np.asarray(np.swapaxes(result.reshape(at.shape[1], -1, 2), 0, 1))


def _find_joined(track: PoseTrack) -> NDArray[np.bool_]:
    """(T,) whether a frame and the one before show the person in one shot."""
    config = CleaningConfig()
    cuts = find_cuts(track, track.seen(config.min_score), config)
    segment = number_segments(track.time_s, cuts, track.present, config)
    joined = np.zeros(len(track), np.bool_)
    joined[1:] = track.present[1:] & track.present[:-1] & (segment[1:] == segment[:-1])
    return joined


def _project(body: BodyTrack, chain: Chain, points: Points) -> Floats:
    """(T, K, 2) where the body's points are in the picture."""
    with torch.inference_mode():
        placed = chain.place(*(torch.from_numpy(v) for v in (body.root, body.pelvis, body.turns[:, :BODY_COUNT])))
        at = points.locate(*placed).numpy()
    return body.camera.project(at) * (_ROWS / body.camera.size.height)


def _move(body: BodyTrack, chain: Chain, points: Points, steps: Floats) -> BodyTrack:
    axes, lens = (torch.from_numpy(part.astype(np.float32)) for part in (body.camera.axes, body.camera.position))
    focal = body.camera.focal_px * _ROWS / body.camera.size.height
    spread = torch.tensor(_SPREAD)

    def pose(change: Tensor, root: Tensor, pelvis: Tensor, turns: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        change = change * spread
        turned = rotation_matrices(change[..., :3]) @ root
        return turned, pelvis + change[..., 3:6], turns + change[..., 6:].reshape(turns.shape)

    def look(change: Tensor, root: Tensor, pelvis: Tensor, turns: Tensor) -> tuple[Tensor, Tensor]:
        """(2 K,), (K,) of one frame."""
        placed = pose(change, root, pelvis, turns)
        at = (points.locate(*chain.place(*(part[None] for part in placed)))[0] - lens) @ axes.T
        return (focal * at[:, :2] / at[:, 2:]).flatten(), at[:, 2]

    slopes = torch.func.vmap(torch.func.jacfwd(look), in_dims=(None, 0, 0, 0))
    rest = torch.zeros(len(spread))
    root, pelvis, turns = body.root.copy(), body.pelvis.copy(), body.turns.copy()
    own = np.diff(_project(body, chain, points), axis=0, prepend=0)
    off = np.where(np.linalg.norm(np.nan_to_num(steps - own, nan=np.inf), axis=-1, keepdims=True) < _STRANGE, steps - own, np.nan)
    for begin in range(0, len(body), _FRAMES):
        first = max(0, begin - _OVERLAP)
        window = slice(first, begin + _FRAMES + _OVERLAP)
        keep = slice(begin, begin + _FRAMES)
        parts = [torch.from_numpy(v) for v in (body.root[window], body.pelvis[window], body.turns[window, :BODY_COUNT])]
        with torch.no_grad():
            across, inwards = slopes(rest, *parts)
            change = torch.from_numpy(solve(across.double().numpy(), inwards.double().numpy(), off[window]).astype(np.float32))
            moved = pose(change, *parts)
        inner = slice(begin - first, begin - first + _FRAMES)
        root[keep], pelvis[keep], turns[keep, :BODY_COUNT] = (v[inner].numpy() for v in moved)
    return replace(body, root=root, pelvis=pelvis, turns=turns)


def solve(across, inwards, off):
    T, _, Q = across.shape
    K = off.shape[1]
    known = np.isfinite(off).all(-1)
    known[0] = False
    off = np.where(known[..., None], off, 0.0)
    held = np.eye(Q) + across.transpose(0, 2, 1) @ across / _PLACE**2 + inwards.transpose(0, 2, 1) @ inwards / _DEPTH_M**2
    weight = known / _STEP**2
    strength = weight
    for _ in range(_FIT_ROUNDS):
        pull = across * np.repeat(strength, 2, axis=1)[..., None]  # from the side of now
        before = np.roll(across, 1, axis=0)
        behind = before * np.repeat(strength, 2, axis=1)[..., None]
        diagonal = held + pull.transpose(0, 2, 1) @ across
        diagonal[:-1] += (behind.transpose(0, 2, 1) @ before)[1:]
        coupling = -pull.transpose(0, 2, 1) @ before  # (T, Q, Q) t with t - 1
        flat = off.reshape(T, 2 * K, 1)
        right = pull.transpose(0, 2, 1) @ flat
        right[:-1] -= (behind.transpose(0, 2, 1) @ flat)[1:]
        back = np.zeros((T, Q, Q))
        u = np.zeros((T, Q, 1))
        for t in range(T):
            if t:
                diagonal[t] -= coupling[t] @ back[t - 1]
                right[t] -= coupling[t] @ u[t - 1]
            both = np.concatenate([right[t], coupling[t + 1].T if t + 1 < T else np.zeros((Q, Q))], axis=1)
            x = np.linalg.solve(diagonal[t], both)
            u[t], back[t] = x[:, :1], x[:, 1:]
        for t in range(T - 2, -1, -1):
            u[t] -= back[t] @ u[t + 1]
        moved = (across @ u).reshape(T, K, 2)
        left = np.linalg.norm(np.diff(moved, axis=0, prepend=moved[:1]) - off, axis=-1)
        strength = weight / (1 + (left / (_DOUBT * _STEP)) ** 2)
    return u[..., 0]
