"""Evaluation on held-out frames: a target's own motion, redrawn from its poses, against the real frames.

Chan et al. 2019, "Evaluation": no truth exists for a transfer between real people, so the paper measures how well a
performer draws frames of the same person that it never saw.
"""

from pathlib import Path
from typing import Final

from choreograft.body.track import BodyTrack
from choreograft.config import VideoConfig
from choreograft.errors import OptionError, count_of
from choreograft.evaluate.compare import Case
from choreograft.evaluate.method import Footage
from choreograft.evaluate.request import Lesson
from choreograft.files import fit_name
from choreograft.pipeline import read_bodies, read_clip
from choreograft.progress import Progress
from choreograft.training.holdout import held_out_frames
from choreograft.training.recording import Clip
from choreograft.video.read import probe, read_frames
from choreograft.video.write import VideoWriter

MIN_FRAMES: Final = 8
"""Fewer held-out frames are no measurement."""
TRUTH_CRF: Final = 8
"""The real frames are written again with hardly any loss."""


def make_cases(footage: Footage, folder: Path, runs: Path, progress: Progress) -> list[Case]:
    """One case for each clip: its held-out frames, written as a video of their own into `folder`.

    Raises:
        OptionError: a clip is too short for that.
    """
    stems = [clip.path.stem for clip in footage.clips]
    alike = len({stem.casefold() for stem in stems}) < len(stems)  # some file systems tell no case
    files = [fit_name(stem, f"-{n}.mp4" if alike else ".mp4") for n, stem in enumerate(stems, start=1)]
    bodies = read_bodies(footage.clips, footage.person, runs, progress)
    return [
        _make_case(Path(file).stem, clip, body, footage, folder / file, progress)
        for file, clip, body in zip(files, footage.clips, bodies, strict=True)
    ]


def read_footage(lesson: Lesson, runs: Path, progress: Progress) -> Footage:
    """The clips of a lesson with their cleaned tracks."""
    clips = tuple(
        read_clip(video, lesson.person, runs, progress, keypoints)[0]
        for video, keypoints in zip(lesson.videos, lesson.keypoints or (None,) * len(lesson.videos), strict=True)
    )
    return Footage(clips, lesson.person, lesson.hold_out)


def _make_case(name: str, clip: Clip, body: BodyTrack, footage: Footage, truth: Path, progress: Progress) -> Case:
    held = held_out_frames(clip.track, footage.hold_out)
    if len(held) < MIN_FRAMES:
        raise OptionError(
            f"{clip.path}: {footage.hold_out:.0%} of it are {count_of(len(held), 'frame')}; expected at least"
            f" {MIN_FRAMES} held-out frames; use a longer clip or a larger --hold-out"
        )
    info, wanted, start = probe(clip.path), set(held.tolist()), None
    with (
        VideoWriter(truth, info.size, info.rate, time_base=info.time_base, config=VideoConfig(crf=TRUTH_CRF)) as video,
        progress.task(f"Cutting out what {clip.path.name} kept back", len(held)) as advance,
    ):
        for frame in read_frames(clip.path):
            if frame.index in wanted:
                start = frame.time if start is None else start
                video.write(frame.image, frame.time - start, frame.duration)
                advance(frame.index - held[0] + 1)
    motion = clip.track.select(held)
    posed = body.select(held)
    return Case(name, footage, motion, own=True, source=None, truth=truth, true_track=None, body=posed)
