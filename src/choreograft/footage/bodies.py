"""Bodies fitted to clips of one person, from the runs folder or made and kept there."""

from collections.abc import Sequence
from pathlib import Path

from choreograft.body.body_track import BodyTrack
from choreograft.body.fit import FIT_RECIPE, find_doubts, fit_bodies
from choreograft.body.flow import follow_picture
from choreograft.errors import FileFormatError
from choreograft.files import content_hash, fit_name, text_hash
from choreograft.footage.clip import Clip
from choreograft.performer.device import one_thread
from choreograft.pose.clean import CLEANING_RECIPE
from choreograft.pose.head import check_upright
from choreograft.pose.openpose_files import hash_keypoints
from choreograft.pose.shots import check_views
from choreograft.progress import Progress, silent, warn
from choreograft.video.read import read_frames


def read_bodies(clips: Sequence[Clip], person: int, runs: Path, progress: Progress = silent) -> list[BodyTrack]:
    """The bodies fitted to clips of one person, of one shape, moving as the pictures do; cached in the runs folder.

    Raises:
        PersonError: nobody is present in a clip, is upside down, or fits no body. VideoError: a clip has several views.
        DependencyError: the body model is not installed.
    """
    for clip in clips:
        check_views(str(clip.path), clip.track)
        warn(progress, check_upright(clip.path.name, clip.track))
    facts = {
        "videos": [content_hash(clip.path) for clip in clips],
        "shown": [int(clip.track.present.sum()) for clip in clips],
        "person": person,
        "cleaning": CLEANING_RECIPE,
        "recipe": FIT_RECIPE,
    }
    if any(clip.keypoints for clip in clips):
        facts["keypoints"] = [clip.keypoints and hash_keypoints(clip.keypoints) for clip in clips]
    key = text_hash(facts)
    paths = [runs / "bodies" / fit_name(clip.path.stem, f"-{key}-{n}.npz") for n, clip in enumerate(clips)]
    try:
        bodies = [BodyTrack.load(path) for path in paths] if all(path.exists() for path in paths) else []
    except FileFormatError as error:
        progress.say(f"fitting the body again: {error}")
        bodies = []
    if not bodies:
        names = [clip.path.name for clip in clips]
        with one_thread():  # no slower, and the same bodies on every number of cores
            bodies = fit_bodies([clip.track for clip in clips], progress=progress, names=names)
        for n, (clip, body) in enumerate(zip(clips, bodies, strict=True)):
            with progress.task(f"following the picture in {names[n]}", len(body)) as advance:
                bodies[n] = follow_picture(body, clip.track, read_frames(clip.path), advance)
            bodies[n].save(paths[n])
    for clip, body in zip(clips, bodies, strict=True):
        warn(progress, find_doubts(clip.path.name, clip.track, body))
    return bodies
