"""Retargeting in 3D: the source's joint rotations, the target's shape, the target's camera and floor.

What the paper's normalisation (normalise.py) cannot know comes out right by construction: limbs keep the target's
lengths, a camera from the side or from below makes no difference, a squat stays a squat. What is decided here is where
the target stands, which way the dance faces, and that standing feet stand:

- Distances on the floor are counted in leg lengths. The source's usual place comes to lie on the target's usual place.
- The dance is turned about the vertical so that it faces where the target's footage faces, unless one of them turns
  about too much to face anywhere.
- Whoever would leave the target's picture, or come nearer or go farther than the target ever was plus some steps,
  travels less; the body does not shrink for it (docs/method.md, section 2).
- Feet that stand are held where they stand, the lowest sole on the floor; the legs follow by inverse kinematics.
- Hands that rest on the body in the source rest on it in the result.

Shapes: T frames. World axes of `choreograft.body`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, label
from scipy.spatial.transform import Rotation

from choreograft.body.camera import FloorCamera
from choreograft.body.limbs import reach_with_arms, reach_with_legs, turn_feet
from choreograft.body.rig import SIDES
from choreograft.body.shape import SOLES, BodyShape, load_shape_space
from choreograft.body.track import BodyTrack, join_bodies
from choreograft.config import BodyRetargetConfig
from choreograft.errors import FileFormatError
from choreograft.pose import skeleton
from choreograft.pose.clean import CARRIED
from choreograft.pose.shots import frames_by_shot
from choreograft.pose.track import PoseTrack

Array = NDArray[np.float64]

_ANKLES = (skeleton.LEFT_ANKLE, skeleton.RIGHT_ANKLE)
_CORE = (*skeleton.SHOULDERS, *skeleton.HIPS)
"""What has to stay in the picture; arms and legs may reach out of it."""


@dataclass(frozen=True)
class BodyStage:
    """All that retargeting has to know of the target's footage."""

    shape: BodyShape
    camera: FloorCamera
    place_m: tuple[float, float]
    """Usual place on the floor: x, y of the world."""
    heading_rad: float
    """Where the person faces as a rule, about the vertical; 0 is towards the camera."""
    faces: float
    """How much they face one way, 0 (turning about) to 1."""
    near_m: float
    """The y at which they came nearest to the camera, outliers aside."""
    far_m: float

    @staticmethod
    def measure(body: BodyTrack) -> "BodyStage":
        """The stage of a fitted clip."""
        shown = body.present if body.present.any() else np.ones(len(body), np.bool_)
        floor, headings = _floor_places(body)[shown], find_headings(body)[shown]
        heading, faces = _dominant(headings)
        x, y = np.median(floor, axis=0)
        near, far = np.percentile(floor[:, 1], (2, 98))
        return BodyStage(body.shape, body.camera, (float(x), float(y)), heading, faces, float(near), float(far))

    def as_dict(self) -> dict[str, Any]:
        """For JSON; `from_dict` is the inverse."""
        plain = asdict(self) | {"shape": self.shape.as_dict(), "camera": self.camera.as_dict()}
        return plain | {"place_m": list(self.place_m)}

    @staticmethod
    def from_dict(content: Mapping[str, Any]) -> "BodyStage":
        """What `as_dict` wrote.

        Raises:
            FileFormatError: fields are missing or unknown.
        """
        try:
            return BodyStage(
                **{
                    **content,
                    "shape": BodyShape.from_dict(content["shape"]),
                    "camera": FloorCamera.from_dict(content["camera"]),
                    "place_m": (float(content["place_m"][0]), float(content["place_m"][1])),
                }
            )
        except (KeyError, TypeError, IndexError, ValueError) as error:
            raise FileFormatError(
                f"expected a body stage with shape, camera and place, found {error}; train the performer again"
            ) from error


def retarget_body(source: BodyTrack, target: BodyStage, config: BodyRetargetConfig | None = None) -> BodyTrack:
    """The target's body doing what the source's body does, before the target's camera.

    Args:
        source: fitted to the source's clip. target: measured on the target's.
    Returns:
        A body of the source's times, with the target's shape and camera; a source retargeted onto its own stage comes
        back as it was, up to a standing foot's tremble.
    """
    config = BodyRetargetConfig() if config is None else config
    stage = BodyStage.measure(source)
    turn = _turn_between(stage, target, config)
    stature = leg_length_m(target.shape) / leg_length_m(source.shape)
    steps = ((_floor_places(source) - np.asarray(stage.place_m)) @ turn[:2, :2].T) * stature  # (T, 2) m
    carried = source.pelvis[:, :2] - _floor_places(source)
    over_feet = (carried @ turn[:2, :2].T) * stature
    moved = replace(source, shape=target.shape, camera=target.camera, root=(turn @ source.root).astype(np.float32))
    places = np.asarray(target.place_m) + _keep_on_stage(steps, over_feet, moved, source, target, config)
    pelvis = np.column_stack([places + over_feet, np.zeros(len(source))])
    moved = replace(moved, pelvis=pelvis.astype(np.float32))
    moved = _spread_legs(moved, source, turn, stature)
    shots = frames_by_shot(source.shot)
    return join_bodies([_settle(moved.select(at), source.select(at), stature, config) for at in shots])


def _settle(moved: BodyTrack, source: BodyTrack, stature: float, config: BodyRetargetConfig) -> BodyTrack:
    """All that looks at neighbouring frames, of one shot."""
    moved = _put_on_floor(moved, source, stature, config)
    return _keep_contacts(_hold_feet(moved, config), source, config)


def to_pose_track(body: BodyTrack, source: BodyTrack, track: PoseTrack) -> PoseTrack:
    """The stick figure's joints of a retargeted body, in its camera's pixels.

    What the fit does not know, expressions and the tracker's own idea of a finger, is carried over in the picture:
    points of hands and face keep the source's small differences from its fitted body.

    Args:
        source: the body that was retargeted. track: the cleaned track it was fitted to; its scores, presence and times
            are kept, so that a joint that was not seen is not drawn.
    Returns:
        A track of the body's camera's size; depth and world landmarks are the body's.
    """
    joints = body.points[:, : skeleton.JOINTS].astype(np.float64)
    seen = body.camera.place(joints)
    hips = seen[:, list(skeleton.HIPS)].mean(1, keepdims=True)
    known = track.seen(float(np.finfo(np.float32).tiny))
    px_per_m = body.camera.focal_px / hips[..., 2]  # (T, 1)
    xy = body.camera.project(joints) + _find_details(source, track, px_per_m)
    local = seen - hips
    return PoseTrack(
        size=body.camera.size,
        rate=track.rate,
        time_s=track.time_s,
        xy=np.where(known[..., None], xy, np.nan).astype(np.float32),
        score=np.where(known, track.score, 0).astype(np.float32),
        depth=np.where(known, local[..., 2] * px_per_m, np.nan).astype(np.float32),
        world=np.where(known[..., None], local, np.nan).astype(np.float32),
        present=track.present,
        shot=track.shot,
        view=track.view,
    )


def _find_details(source: BodyTrack, track: PoseTrack, px_per_m: Array) -> Array:
    """(T, 133, 2) px of the result: how hands and face differ from the source's body, seen from wrist and nose."""
    joints = source.points[:, : skeleton.JOINTS].astype(np.float64)
    off = np.nan_to_num(track.xy - source.camera.project(joints))
    hips = source.camera.place(joints)[:, list(skeleton.HIPS), 2].mean(1, keepdims=True)
    details = np.zeros_like(off)
    for part, carrier in CARRIED:
        details[:, part] = off[:, part] - off[:, carrier, None]
    return np.asarray(details * (px_per_m * hips / source.camera.focal_px)[..., None])


def leg_length_m(shape: BodyShape) -> float:
    """Thigh plus shin."""
    return shape.build().leg_m


def find_headings(body: BodyTrack) -> Array:
    """(T,) rad: which way the pelvis faces about the vertical, 0 towards the camera's side, positive to its right."""
    ahead = body.root @ np.array([0.0, -1.0, 0.0])
    return np.asarray(np.arctan2(ahead[:, 0], -ahead[:, 1]))


def _dominant(headings: Array) -> tuple[float, float]:
    """The direction most headings agree on, and how much they do, 0..1."""
    around = np.exp(1j * headings)
    middle = np.angle(np.median(around.real) + 1j * np.median(around.imag))
    close = np.abs(np.angle(around * np.exp(-1j * middle))) < np.deg2rad(50)
    if close.any():
        middle = np.angle(around[close].mean())
    return float(middle), float(close.mean())


def _turn_between(source: BodyStage, target: BodyStage, config: BodyRetargetConfig) -> Array:
    """(3, 3) about the vertical: from where the source's dance faces to where the target's footage does."""
    angle = 0.0
    if source.faces >= config.least_facing:
        towards = target.heading_rad if target.faces >= config.least_facing else 0.0
        angle = float(np.angle(np.exp(1j * (towards - source.heading_rad))))
    if abs(angle) < np.deg2rad(config.least_turn_deg):
        angle = 0.0
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])


def _floor_places(body: BodyTrack) -> Array:
    """(T, 2) where the body stands: between the ankles."""
    return np.asarray(body.points[:, list(_ANKLES), :2].mean(1), dtype=np.float64)


def _keep_on_stage(
    steps: Array, over_feet: Array, moved: BodyTrack, source: BodyTrack, target: BodyStage, config: BodyRetargetConfig
) -> Array:
    """Steps (T, 2) m about the target's place, shrunk by one factor for depth and one for breadth where they must."""
    steps = steps.copy()
    nearest = min(target.near_m - config.depth_slack_m, target.place_m[1])
    farthest = max(target.far_m + config.depth_slack_m, target.place_m[1])
    low, high = np.percentile(steps[source.present, 1], (1, 99)) if source.present.any() else (0.0, 0.0)
    room = [
        (nearest - target.place_m[1]) / low if low < 0 else 1.0,
        (farthest - target.place_m[1]) / high if high > 0 else 1.0,
    ]
    steps[:, 1] *= min(1.0, *room)
    # breadth: the core of whoever is inside of the source's picture stays inside of the target's
    core = source.camera.project(source.points[:, _CORE])[..., 0]
    inside = ((core >= 0) & (core <= source.camera.size.width)).all(1) & source.present
    offsets = moved.points[:, _CORE] - moved.pelvis[:, None]
    depth = target.place_m[1] + steps[:, 1] + over_feet[:, 1]
    half = target.camera.size.width / 2 / target.camera.focal_px * (depth[:, None] + offsets[..., 1])
    side = np.sign(steps[:, :1])
    bound = half - side * (target.place_m[0] + over_feet[:, :1] + offsets[..., 0])  # how far to the side there is room
    counts = inside[:, None] & (bound > 0) & (np.abs(steps[:, :1]) > 1e-6)
    factors = bound[counts] / np.broadcast_to(np.abs(steps[:, :1]), counts.shape)[counts]
    steps[:, 0] *= min(1.0, float(factors.min(initial=1.0)))
    return steps


def _spread_legs(moved: BodyTrack, source: BodyTrack, turn: Array, stature: float) -> BodyTrack:
    """Bring each ankle as far from its hip as the source's, in leg lengths: a squat of any build is equally deep."""
    hips = [load_shape_space().segment_of(f"hip.{side}") for side in SIDES]
    way = source.points[:, list(_ANKLES)] - source.segments[1][:, hips]
    return reach_with_legs(moved, moved.segments[1][:, hips] + stature * way.astype(np.float64) @ turn.T)


def _put_on_floor(moved: BodyTrack, source: BodyTrack, stature: float, config: BodyRetargetConfig) -> BodyTrack:
    """Raise the body so that its lowest sole is as high as the source's, in leg lengths; on the floor if it stands."""
    height = np.maximum(source.points[:, SOLES, 2].min(1).astype(np.float64), 0) * stature
    height = np.where(source.stands.any(1) | (height < config.on_floor_m), 0.0, height)
    height = gaussian_filter1d(height, config.smoothing_s / _step_s(moved), mode="nearest")
    lift = height - moved.points[:, SOLES, 2].min(1)
    pelvis = moved.pelvis.copy()
    pelvis[:, 2] += lift.astype(np.float32)
    return replace(moved, pelvis=pelvis)


def _hold_feet(moved: BodyTrack, config: BodyRetargetConfig) -> BodyTrack:
    """Hold each standing foot at its mean place while it stands, and ease in and out of that while it swings."""
    moved = turn_feet(moved, _find_trembles(moved, config))
    for _ in range(2):  # a sole moves a little against its ankle, so it is aimed at twice
        ankles = moved.points[:, list(_ANKLES)].astype(np.float64)  # (T, 2, 3)
        moved = reach_with_legs(moved, ankles + _find_shifts(moved, config))
    return moved


def _find_trembles(moved: BodyTrack, config: BodyRetargetConfig) -> Array:
    """(T, 2, 3) rad: what steadies each foot's orientation while it stands, as rotation vectors of the world."""
    sigma = config.steady_s / _step_s(moved)
    steady = np.zeros((len(moved), 2, 3))
    for foot, side in enumerate(SIDES):
        turned = moved.segments[0][:, load_shape_space().segment_of(f"ankle.{side}")].astype(np.float64)
        runs, count = label(moved.stands[:, foot])
        for run in range(1, count + 1):
            at = runs == run
            mean = gaussian_filter1d(turned[at], sigma, axis=0, mode="nearest")
            u, _, vt = np.linalg.svd(mean)
            steady[at, foot] = Rotation.from_matrix(u @ vt @ np.swapaxes(turned[at], 1, 2)).as_rotvec()
        steady[:, foot] = _ease(steady[:, foot], moved.stands[:, foot], moved.time_s, config.ease_s)
    return steady


def _find_shifts(moved: BodyTrack, config: BodyRetargetConfig) -> Array:
    """(T, 2, 3) m from where the feet are to where they stand."""
    soles = moved.points[:, SOLES].reshape(len(moved), 2, -1, 3).astype(np.float64)
    middle, lowest = soles.mean(2), soles[..., 2].min(2)
    shift = np.zeros_like(middle)
    for foot in range(2):
        runs, count = label(moved.stands[:, foot])
        known = np.zeros(len(moved), np.bool_)
        for run in range(1, count + 1):
            at = runs == run
            shift[at, foot, :2] = middle[at, foot, :2].mean(0) - middle[at, foot, :2]
            shift[at, foot, 2] = -lowest[at, foot]
            known |= at
        shift[:, foot] = _ease(shift[:, foot], known, moved.time_s, config.ease_s)
    shift[..., 2] = np.maximum(shift[..., 2], -lowest)  # and none sinks while it swings
    return np.asarray(shift)


def _ease(values: Array, known: NDArray[np.bool_], time_s: Array, ease_s: float) -> Array:
    """Fill (T, 3) between known frames: fading from the last known value, and towards the next, within `ease_s`."""
    if not known.any():
        return np.zeros_like(values)
    frames = np.arange(len(values))
    last = np.maximum.accumulate(np.where(known, frames, -1))
    following = np.minimum.accumulate(np.where(known, frames, len(values))[::-1])[::-1]
    result = values.copy()
    for t in np.flatnonzero(~known):
        parts = np.zeros(3)
        for other in (last[t], following[t]):
            if 0 <= other < len(values):
                away = abs(time_s[t] - time_s[other]) / ease_s
                parts += values[other] * max(0.0, 1 - away) ** 2 * (1 + 2 * away)
        result[t] = parts
    return result


def _keep_contacts(moved: BodyTrack, source: BodyTrack, config: BodyRetargetConfig) -> BodyTrack:
    """Bring wrists that rest on head, shoulders, hips, knees or each other to the same place on the target's body."""
    anchors = [skeleton.NOSE, *skeleton.SHOULDERS, *skeleton.HIPS, skeleton.LEFT_KNEE, skeleton.RIGHT_KNEE]
    wrists = [skeleton.LEFT_WRIST, skeleton.RIGHT_WRIST]
    now, was = moved.points.astype(np.float64), source.points.astype(np.float64)
    stature = leg_length_m(moved.shape) / leg_length_m(source.shape)
    turn = moved.root[0] @ source.root[0].T  # about the vertical, the same in every frame
    wanted = now[:, wrists].copy()
    for index, wrist in enumerate(wrists):
        other = wrists[1 - index]
        for anchor in (*anchors, other):
            offset = was[:, wrist] - was[:, anchor]
            weight = np.clip(1 - np.linalg.norm(offset, axis=1) / config.contact_m, 0, 1)[:, None] ** 0.5
            goal = now[:, anchor] + stature * offset @ turn.T
            if anchor == other:  # both hands go half of the way
                goal = (goal + now[:, wrist]) / 2
            wanted[:, index] += weight * (goal - wanted[:, index])
    sigma = config.smoothing_s / _step_s(moved)
    wanted = now[:, wrists] + gaussian_filter1d(wanted - now[:, wrists], sigma, axis=0, mode="nearest")
    return reach_with_arms(moved, wanted)


def _step_s(body: BodyTrack) -> float:
    return float(np.median(np.diff(body.time_s))) if len(body) > 1 else 1 / float(body.rate)
