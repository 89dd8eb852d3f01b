"""Renders the two clips that travel with the package as the demo's videos, anew: `python scripts/demo_clips.py`.

Needs the extra `studio`. They are filmed at the size of their takes, then made smaller: each is to stay below 300 KB.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from choreograft.config import VideoConfig
from choreograft.console import ConsoleProgress
from choreograft.pipeline import CLIPS, SOURCE, TARGET
from choreograft.studio.render import SOURCE_TAKE, TARGET_TAKE, Take, render_clip
from choreograft.video.read import probe, read_frames
from choreograft.video.size import Canvas, Size
from choreograft.video.write import VideoWriter

SMALL = VideoConfig(crf=26, encoder_preset="veryslow")
TAKES = {TARGET: (TARGET_TAKE, Size(360, 480)), SOURCE: (SOURCE_TAKE, Size(800, 450))}


def make(name: str, take: Take, size: Size, folder: Path) -> None:
    """Render a take into a folder, and write it at another size among the demo's clips, with its sound."""
    filmed = folder / name
    render_clip(take, filmed, ConsoleProgress())
    canvas = Canvas(take.camera.size, size)
    sound = filmed if probe(filmed).has_sound else None
    with VideoWriter(CLIPS / name, size, take.rate, sound, config=SMALL) as video:
        for frame in read_frames(filmed):
            video.write(canvas.place_image(frame.image), frame.time)


if __name__ == "__main__":
    with TemporaryDirectory() as room:
        for title, (take, size) in TAKES.items():
            make(title, take, size, Path(room))
