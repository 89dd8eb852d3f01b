"""Draws a posed performer into a room, picture and exact mask, frame by frame; renders clips with their true tracks.

The performer is drawn alone on a transparent ground at twice the size, so the picture's alpha is the true mask; the
room lies behind it, darkened by a soft shadow on the floor.

Shapes: H, W pixels of the picture.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Self, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from choreograft.body.model import Body
from choreograft.errors import OptionError
from choreograft.files import content_hash, text_hash, write_json
from choreograft.pose.track import MaskSequence, PoseTrack
from choreograft.progress import Progress, silent
from choreograft.studio.cloth import Faces, Loose, incidence, vertex_normals
from choreograft.studio.costume import Costume, Solids, costume_of
from choreograft.studio.filming import LIGHTS, RATE_HZ, Camera, Light, find_joints, make_rhythm, switch_on, true_track
from choreograft.studio.imitate import imitate
from choreograft.studio.posing import Poses, pose_body
from choreograft.studio.room import ROOMS, Room, aim, draw_room, import_pyvista
from choreograft.studio.routines import ROUTINES
from choreograft.video.size import Size
from choreograft.video.write import VideoWriter, add_sound

Array = NDArray[np.float64]
Image = NDArray[np.uint8]

SUPERSAMPLING = 2
SHADOW_BLUR = 1 / 110
"""Standard deviation, as a share of the picture's height."""
LIMB = re.compile(r"^(upperarm|lowerarm|wrist|finger|metacarpal|upperleg|lowerleg|foot|toe).*\.([LR])$")


class Stage:
    """One performer in one room before one camera; a context manager, since drawing holds native resources."""

    def __init__(self, costume: Costume, room: Room, camera: Camera, light: Light = LIGHTS["soft"]) -> None:
        """Draw the empty room and set up the lights.

        Raises:
            OptionError: the camera stands outside of the room.
            DependencyError: pyvista or a system library is missing.
        """
        self.costume, self.camera, self.light = costume, camera, light
        self.room: Image = draw_room(room, camera, light)
        body = costume.body
        self._corners = incidence(body.faces, len(body.vertices))
        self._solid_faces, self._solid_colours = _join_solids(costume)
        self._solid_corners = incidence(self._solid_faces, len(self._solid_colours))
        self._texture_vertex = np.zeros(len(body.texture_xy), np.int64)
        self._texture_vertex[body.texture_faces] = body.faces
        self._limbs = _limbs(costume)
        self._open()

    def _open(self) -> None:
        pv = import_pyvista()
        from vtkmodules.vtkCommonCore import vtkUnsignedCharArray

        self._pixels: Any = vtkUnsignedCharArray()
        costume, body = self.costume, self.costume.body
        window = (SUPERSAMPLING * self.camera.size.width, SUPERSAMPLING * self.camera.size.height)
        self._plotter: Any = pv.Plotter(off_screen=True, window_size=window, lighting="none")
        self._plotter.ren_win.SetMultiSamples(0)
        self._plotter.ren_win.SetAlphaBitPlanes(1)
        self._plotter.renderer.SetBackground(0, 0, 0)
        self._plotter.renderer.SetBackgroundAlpha(0.0)
        self._skin = _poly_data(pv, costume.vertices[self._texture_vertex], body.texture_faces[costume.shown])
        self._skin.active_texture_coordinates = body.texture_xy.astype(np.float32)
        texture = pv.Texture(costume.texture)
        texture.mipmap = texture.interpolate = True
        shading = {
            "smooth_shading": True,
            "ambient": 0.38 * self.light.ambient,
            "diffuse": 0.75,
            "specular": 0.06,
            "specular_power": 12,
        }
        self._plotter.add_mesh(self._skin, texture=texture, **shading)
        self._solids = _poly_data(pv, np.zeros((len(self._solid_colours), 3)), self._solid_faces)
        self._solids.point_data["colour"] = self._solid_colours
        self._plotter.add_mesh(self._solids, scalars="colour", rgb=True, **shading)
        aim(self._plotter, self.camera)
        switch_on(self._plotter, pv, self.light.performer)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._plotter.close()

    def draw(self, poses: Poses, frame: int) -> tuple[Image, Image]:
        """One frame: the picture (H, W, 3), and the person's mask (H, W) with 255 = person."""
        vertices, solids = self._move(poses, frame)
        person = self._render()
        alpha = person[..., 3:]
        ground = self.room * self._keep_light(np.concatenate([vertices, solids]))[..., None]
        picture = person[..., :3] + ground * (1 - alpha / 255)  # transparent pixels are black: colour comes times alpha
        return np.clip(np.round(picture), 0, 255).astype(np.uint8), np.round(alpha[..., 0]).astype(np.uint8)

    def _move(self, poses: Poses, frame: int) -> tuple[Array, Array]:
        """Carry the meshes into a pose; the dressed vertices (V, 3) and those of all solids (N, 3)."""
        body, solids = self.costume.body, self.costume.solids
        rotations, origins = poses.rotations[frame], poses.origins[frame]
        vertices = body.skin(self.costume.vertices, body.weights, rotations, origins)
        normals = vertex_normals(vertices, body.faces, self._corners)
        _update(self._skin, vertices[self._texture_vertex], normals[self._texture_vertex])
        stiff = body.skin(solids.vertices, solids.weights, rotations, origins)
        hanging = [part.hang(poses, frame, vertices, normals) for part in self.costume.loose]
        joined = np.concatenate([stiff, *hanging])
        _update(self._solids, joined, vertex_normals(joined, self._solid_faces, self._solid_corners))
        return vertices, joined

    def _render(self) -> NDArray[np.float32]:
        """(H, W, 4) the performer alone: colour times alpha, and alpha, 0..255."""
        window = self._plotter.ren_win
        window.Render()
        width, height = window.GetSize()
        window.GetRGBACharPixelData(0, 0, width - 1, height - 1, 0, self._pixels)
        rows = np.frombuffer(self._pixels, np.uint8).reshape(height, width, 4)[::-1]
        return np.asarray(cv2.resize(rows, self.camera.size, interpolation=cv2.INTER_AREA), dtype=np.float32)

    def _keep_light(self, vertices: Array) -> NDArray[np.float32]:
        """(H, W) how much light the floor keeps: each limb casts the convex hull of its points."""
        fallen = np.column_stack([vertices[:, :2] + vertices[:, 2:] * self.light.shadow_slant, np.zeros(len(vertices))])
        pixels = np.round(16 * (self.camera.project(fallen) - 0.5)).astype(np.int32)
        shade = np.zeros(self.room.shape[:2], np.uint8)
        for limb in self._limbs:
            cv2.fillConvexPoly(shade, cv2.convexHull(pixels[limb]), 255, shift=4)
        soft = cv2.GaussianBlur(shade, (0, 0), SHADOW_BLUR * self.camera.size.height)
        return np.asarray(1 - self.light.shadow_darkness / 255 * soft, dtype=np.float32)


def _join_solids(costume: Costume) -> tuple[Faces, Image]:
    """Triangles (M, 3) and colours (N, 3) of the solids and of what hangs, as one mesh."""
    parts: list[Solids | Loose] = [costume.solids, *costume.loose]
    offsets = np.cumsum([0, *(len(part.colours) for part in parts)])
    faces = [part.faces + offset for part, offset in zip(parts, offsets, strict=False)]
    return np.concatenate(faces), np.concatenate([part.colours for part in parts])


def _limbs(costume: Costume) -> list[NDArray[np.intp]]:
    """Indices of the vertices of each limb, body and solids counted through; trunk, head and a skirt are limbs too."""
    names = []
    for weights in (costume.body.weights, costume.solids.weights):
        names += [_limb_of(costume.body.bones[bone]) for bone in np.asarray(weights.argmax(axis=1)).ravel()]
    for index, part in enumerate(costume.loose):
        names += [f"loose {index}"] * len(part.colours)
    of = np.array(names)
    return [np.flatnonzero(of == name) for name in sorted(set(names))]


def _limb_of(bone: str) -> str:
    limb = LIMB.match(bone)
    if limb:
        part = {"finger": "wrist", "metacarpal": "wrist", "toe": "foot"}.get(limb[1], limb[1])
        return f"{part}.{limb[2]}"
    return "head" if bone.startswith(("head", "neck", "eye")) else "trunk"


def _poly_data(pv: Any, points: Array, faces: NDArray[np.int64]) -> Any:
    mesh = pv.PolyData.from_regular_faces(points.astype(np.float32), faces)
    mesh.point_data.active_normals = np.zeros((len(points), 3), np.float32)
    return mesh


def _update(mesh: Any, points: Array, normals: Array) -> None:
    mesh.points = points.astype(np.float32)
    mesh.point_data.active_normals = normals.astype(np.float32)


LOOK_VERSION = 3
"""Raise when bodies, clothes, rooms or moves change what is drawn, or true tracks what they hold, so that old clips are
rendered anew."""

TRACK_SUFFIX = ".npz"
Thing = TypeVar("Thing")


@dataclass(frozen=True)
class Take:
    """What is filmed, and how: everything a clip depends on."""

    performer: str
    """As `performers.find_performer` knows them."""
    routine: str
    """One of `routines.ROUTINES`, or the path of a track whose motion is imitated."""
    room: str
    """One of `room.ROOMS`."""
    camera: Camera
    seconds: float
    rate: Fraction
    with_sound: bool = False
    seed: int = 0
    """Which dance a routine draws that has more than one."""
    light: str = "soft"
    """One of `filming.LIGHTS`."""


@dataclass(frozen=True)
class StudioClip:
    """A rendered clip."""

    video: Path
    track: Path
    """The true `PoseTrack`, with masks."""


TARGET_TAKE = Take(
    performer="ada",
    routine="calibration",
    room="living room",
    camera=Camera(Size(540, 720), height_m=1.08, distance_m=4.2, view_m=2.6),
    seconds=20.0,
    rate=Fraction(24),
)
SOURCE_TAKE = Take(
    performer="bruno",
    routine="dance",
    room="studio",
    camera=Camera(Size(1280, 720), height_m=1.35, distance_m=4.8, view_m=2.3, pitch_deg=6.0),
    seconds=8.0,
    rate=Fraction(30000, 1001),
    with_sound=True,
)
"""What the demo's clips show: a target's range of motion, and a source who dances before another camera, in another
room, at another size, shape and frame rate."""


def render_clip(take: Take, path: Path, progress: Progress = silent) -> StudioClip:
    """Render a take as an H.264 video, with its true track beside it, unless both are there and whole.

    Args:
        take: what to film.
        path: of the video, with a suffix that `VideoWriter` takes.
        progress: is told the frames done.
    Raises:
        OptionError: there is no such performer, routine, room or light.
        FileFormatError, PersonError: as `perform`.
        DependencyError: the studio's libraries are missing.
        OutputError: the folder cannot be written.
    """
    clip = StudioClip(path, path.with_suffix(".npz"))
    if not is_whole(take, path):
        receipt_of(path).unlink(missing_ok=True)
        _film(take, clip, progress)
        write_json(receipt_of(path), _write_down(take, clip))
    return clip


def is_whole(take: Take, path: Path) -> bool:
    """Whether a take's video, its track and the receipt that vouches for them are all at `path`.

    Raises:
        OptionError: there is no such routine.
    """
    check_routine(take.routine)
    clip = StudioClip(path, path.with_suffix(".npz"))
    try:
        receipt = json.loads(receipt_of(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(receipt and receipt == _write_down(take, clip))


def receipt_of(path: Path) -> Path:
    """Where a clip's receipt lies: what it was rendered from, and the hashes of its files."""
    return path.with_suffix(".json")


def _recipe(take: Take) -> str:
    """A name for everything that decides what a clip shows."""
    plain = asdict(take)
    if take.routine.endswith(TRACK_SUFFIX):
        plain["routine"] = content_hash(Path(take.routine))
    return text_hash({"version": LOOK_VERSION, **plain}, digits=16)


def check_routine(routine: str) -> None:
    """Refuse a routine that is neither one of `ROUTINES` nor a track's file.

    Raises:
        OptionError: saying what there is.
    """
    if routine in ROUTINES or (routine.endswith(TRACK_SUFFIX) and Path(routine).is_file()):
        return
    raise OptionError(
        f"no routine or track is called {routine!r}; there are {', '.join(ROUTINES)}, and any file *{TRACK_SUFFIX} that"
        " choreograft track made"
    )


def perform(body: Body, take: Take) -> Poses:
    """What a body does in every frame of a take.

    Raises:
        OptionError: there is no such routine.
        FileFormatError: the routine names a file that is no track.
        PersonError: the track shows nobody.
    """
    check_routine(take.routine)
    if take.routine.endswith(TRACK_SUFFIX):
        return imitate(PoseTrack.load(Path(take.routine)), body, take.seconds, take.rate)
    return pose_body(body, ROUTINES[take.routine](take.seconds, take.rate, take.seed))


def look_up(named: Mapping[str, Thing], name: str, kind: str) -> Thing:
    """What is called so among things of a kind.

    Raises:
        OptionError: nothing is; it lists what there is.
    """
    if name not in named:
        raise OptionError(f"no {kind} is called {name!r}; there are {', '.join(named)}")
    return named[name]


def _film(take: Take, clip: StudioClip, progress: Progress) -> None:
    costume = costume_of(take.performer)
    poses = perform(costume.body, take)
    mask_size = MaskSequence.size_for(take.camera.size)
    masks = []
    with (
        Stage(costume, look_up(ROOMS, take.room, "room"), take.camera, look_up(LIGHTS, take.light, "light")) as stage,
        VideoWriter(clip.video, take.camera.size, take.rate) as video,
        progress.task(f"rendering {take.performer}'s {take.routine}", len(poses)) as advance,
    ):
        for frame in range(len(poses)):
            picture, mask = stage.draw(poses, frame)
            video.write(picture, frame / take.rate)
            masks.append(MaskSequence.pack(mask, mask_size))
            advance(frame + 1)
    if take.with_sound:
        add_sound(clip.video, make_rhythm(take.seconds), RATE_HZ)
    joints = find_joints(costume.body, poses)
    true_track(joints, take.camera, take.rate, MaskSequence.from_blobs(mask_size, masks)).save(clip.track)


def _write_down(take: Take, clip: StudioClip) -> dict[str, str] | None:
    """What proves that a clip is whole: the recipe and the hashes of its files; None where one is missing."""
    if not (clip.video.is_file() and clip.track.is_file()):
        return None
    return {"recipe": _recipe(take), "video": content_hash(clip.video), "track": content_hash(clip.track)}
