"""Clips of the studio without pictures: who moves how, before which camera; their true tracks and true bodies."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from choreograft.body.body_track import BodyTrack, FloorCamera
from choreograft.body.calibration import Effort
from choreograft.body.fit import fit_bodies
from choreograft.body.model import SOLE_M
from choreograft.body.placement import find_standing
from choreograft.body.rig import JOINTS, joint_axes, joint_index
from choreograft.body.shape import MEAN_SHAPE, PHENOTYPES, SOLES, BodyShape, load_shape_space
from choreograft.pose import skeleton
from choreograft.pose.track import PoseTrack
from choreograft.studio.filming import Camera, find_joints, true_track
from choreograft.studio.performers import find_performer
from choreograft.studio.posing import Poses, pose_body
from choreograft.studio.routines import ROUTINES
from choreograft.video.size import Size

Array = NDArray[np.float64]

SIZE = Size(360, 480)
RATE = Fraction(12)
QUICK = Effort(calibration_frames=16, calibration_steps=32, pose_steps=32, finger_steps=8)
"""Enough for true tracks of slow motions."""
LAST_BONES = {"spine": "spine01", "neck": "head", "shoulder.L": "upperarm02.L", "shoulder.R": "upperarm02.R"}
"""Whose rotation a joint's is, where it is not that of its first bone."""
FLOOR_M = SOLE_M + 0.0126
"""Above the studio's floor: that of the rig is where its soles' points lie at rest, within the foot's padding."""


@dataclass(frozen=True)
class Filmed:
    """A clip and the truth about it."""

    track: PoseTrack
    joints: Array
    """(T, 133, 3) m, camera axes."""
    camera: Camera
    body: BodyTrack
    """The same motion on the rig, in the axes of the clip; its joints are not quite those of the track."""

    @property
    def height_px(self) -> float:
        """Of the person in the picture, nose to ankles, upright."""
        ankles = self.track.xy[:, list(skeleton.ANKLES)].mean(1)
        return float(np.linalg.norm(self.track.xy[:, skeleton.NOSE] - ankles, axis=1).max())


def shape_of(name: str) -> BodyShape:
    """The shape of one of the studio's performers."""
    return BodyShape(tuple(find_performer(name).shape[trait] for trait in PHENOTYPES))


@cache
def film(name: str, routine: str, seconds: float = 2.0, azimuth_deg: float = 0.0, pitch_deg: float = 5.0) -> Filmed:
    """A performer's routine from its beginning, filmed at `RATE`."""
    shape = shape_of(name)
    body = shape.build()
    camera = Camera(SIZE, height_m=1.3, distance_m=4.4, view_m=2.6, pitch_deg=pitch_deg, azimuth_deg=azimuth_deg)
    poses = pose_body(body, ROUTINES[routine](seconds, RATE, 0))
    joints = find_joints(body, poses)
    return Filmed(true_track(joints, camera, RATE, None), camera.place(joints), camera, true_body(shape, poses, camera))


@cache
def fitted(name: str, routine: str, azimuth_deg: float = 0.0) -> BodyTrack:
    """The body fitted to such a clip."""
    return fit_bodies([film(name, routine, azimuth_deg=azimuth_deg).track], QUICK, exact=True)[0]


def true_body(shape: BodyShape, poses: Poses, camera: Camera) -> BodyTrack:
    """What the studio's bones do as turns of the rig; the shoes' soles lie below the floor, the feet on it."""
    rig, axes = load_shape_space().rig, joint_axes(MEAN_SHAPE.build())
    world = _walk(camera).T @ poses.rotations  # (T, B, 3, 3)
    turns = np.zeros((len(poses), len(JOINTS), 3), np.float32)
    bone_of = {joint.name: LAST_BONES.get(joint.name, joint.bones[0]) for joint in JOINTS}
    for index, joint in enumerate(JOINTS[1:], start=1):
        above = rig.parents[rig.segments.index(rig.bones.index(joint.bones[0]))]
        parent = rig.bones.index(bone_of[JOINTS[rig.joints[above]].name])
        local = np.swapaxes(world[:, parent], 1, 2) @ world[:, rig.bones.index(bone_of[joint.name])]
        turns[:, index] = Rotation.from_matrix(local).as_rotvec() @ axes[index]
    pelvis = poses.origins[:, 0] @ _walk(camera) + [0, camera.distance_m, -FLOOR_M]
    time_s = np.arange(len(poses)) / float(RATE)
    body = BodyTrack(
        shape=shape,
        camera=FloorCamera(camera.size, camera.focal_px, camera.height_m - FLOOR_M, camera.pitch_deg),
        rate=RATE,
        time_s=time_s,
        present=np.ones(len(poses), np.bool_),
        root=world[:, 0].astype(np.float32),
        pelvis=pelvis.astype(np.float32),
        turns=turns,
        stands=np.zeros((len(poses), 2), np.bool_),
    )
    return replace(body, stands=find_standing(body.points[:, SOLES], time_s) > 0.5)


def _walk(camera: Camera) -> Array:
    cosine, sine = np.cos(np.deg2rad(camera.azimuth_deg)), np.sin(np.deg2rad(camera.azimuth_deg))
    return np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])


def posed(*frames: Mapping[str, tuple[float, float, float]], shape: BodyShape = MEAN_SHAPE) -> BodyTrack:
    """A body that stands before a camera at rest, but for the joints named: bend, twist and aside in degrees."""
    T = len(frames)
    turns = np.zeros((T, len(JOINTS), 3), np.float32)
    for t, frame in enumerate(frames):
        for name, angles_deg in frame.items():
            turns[t, joint_index(name)] = np.deg2rad(angles_deg)
    pelvis = shape.build().heads[0] + [0, 4.4, -SOLE_M]
    return BodyTrack(
        shape=shape,
        camera=FloorCamera(SIZE, 800.0, 1.3, 5.0),
        rate=RATE,
        time_s=np.arange(T) / float(RATE),
        present=np.ones(T, np.bool_),
        root=np.tile(np.eye(3, dtype=np.float32), (T, 1, 1)),
        pelvis=np.tile(pelvis.astype(np.float32), (T, 1)),
        turns=turns,
        stands=np.ones((T, 2), np.bool_),
    )


def pixels(body: BodyTrack) -> Array:
    """(T, 17, 2) px of the body's joints, in its own camera's picture."""
    return body.camera.project(body.points[:, skeleton.BODY])


def height_px(body: BodyTrack) -> float:
    """From nose to ankles, upright."""
    at = pixels(body)
    return float(np.linalg.norm(at[:, skeleton.NOSE] - at[:, list(skeleton.ANKLES)].mean(1), axis=1).max())


def feet(body: BodyTrack) -> Array:
    """(T, 2, 4, 3) the soles' points."""
    return body.points[:, SOLES].reshape(len(body), 2, -1, 3).astype(np.float64)
