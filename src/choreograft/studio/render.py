"""Renders studio clips: a video, and beside it the true track.

`render_demo` makes the two clips of the demo: a target who shows her range of motion, and a source who dances, filmed
with another camera, in another room, at another size, shape and frame rate.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

from choreograft.body.model import Body
from choreograft.errors import OptionError
from choreograft.files import content_hash, text_hash, write_json
from choreograft.pose.track import MaskSequence, PoseTrack
from choreograft.progress import Progress, silent
from choreograft.studio.filming import LIGHTS, Camera, find_joints, true_track
from choreograft.studio.imitate import imitate
from choreograft.studio.moves import RATE_HZ, make_rhythm
from choreograft.studio.performers import costume_of
from choreograft.studio.posing import Poses, pose_body
from choreograft.studio.room import ROOMS
from choreograft.studio.routines import ROUTINES
from choreograft.studio.stage import Stage
from choreograft.video.size import Size
from choreograft.video.write import VideoWriter, add_sound

LOOK_VERSION = 3
"""Raise when bodies, clothes, rooms or moves change what is drawn, or true tracks what they hold, so that old clips are
rendered anew."""

TRACK_SUFFIX = ".npz"
Thing = TypeVar("Thing")


@dataclass(frozen=True)
class Take:
    """What is filmed, and how: everything a clip depends on."""

    performer: str
    """As `performers.costume_of` knows them."""
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


def render_demo(folder: Path, progress: Progress = silent) -> tuple[StudioClip, StudioClip]:
    """Render the demo's clips, target and source, into `folder`; those that are there and whole stay as they are.

    Raises:
        DependencyError: the studio's libraries are missing.
        OutputError: the folder cannot be written.
    """
    target = render_clip(TARGET_TAKE, folder / "target.mp4", progress)
    return target, render_clip(SOURCE_TAKE, folder / "source.mp4", progress)


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
    try:
        receipt = json.loads(receipt_of(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(receipt and receipt == _write_down(take, StudioClip(path, path.with_suffix(".npz"))))


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


def _look_up(named: Mapping[str, Thing], name: str, kind: str) -> Thing:
    if name not in named:
        raise OptionError(f"no {kind} is called {name!r}; there are {', '.join(named)}")
    return named[name]


def _film(take: Take, clip: StudioClip, progress: Progress) -> None:
    costume = costume_of(take.performer)
    poses = perform(costume.body, take)
    mask_size = MaskSequence.size_for(take.camera.size)
    masks = []
    with (
        Stage(costume, _look_up(ROOMS, take.room, "room"), take.camera, _look_up(LIGHTS, take.light, "light")) as stage,
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
