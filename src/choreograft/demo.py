"""The whole job with no video of one's own: of two synthetic performers one learns the other's dance.

Their clips travel with the package; `scripts/demo_clips.py` renders them with the studio.
"""

from pathlib import Path
from shutil import copyfile
from typing import Final

from choreograft.files import atomic_path
from choreograft.options import DanceOptions, DemoOptions
from choreograft.pipeline import dance
from choreograft.progress import Progress, silent
from choreograft.request import check_demo

CLIPS: Final = Path(__file__).parent / "clips"
TARGET, SOURCE = "target.mp4", "source.mp4"
"""A performer who shows her range of motion, and one who dances: another camera, room, size, shape and frame rate."""


def run(options: DemoOptions, progress: Progress = silent) -> Path:
    """Lay the clips beside the result, then dance; the result of an earlier demo is replaced.

    Returns:
        The finished video; clips, performer, contact sheet and the side-by-side video lie beside it.
    Raises:
        As `check_demo`.
    """
    check_demo(options)
    folder = options.output.parent
    clips = folder / "clips"
    for name in (TARGET, SOURCE):
        with atomic_path(clips / name) as temporary:
            copyfile(CLIPS / name, temporary)
    done = dance(
        DanceOptions(
            source=clips / SOURCE, target=clips / TARGET, output=options.output, side_by_side=True,
            minutes=options.minutes, runs=folder / "runs", device=options.device, precision=options.precision,
            overwrite=True,
        ),
        progress,
    )  # fmt: skip
    progress.say(f"Look at {done.side_by_side}: the source, its stick figure, and the target dancing the same dance")
    return done.video
