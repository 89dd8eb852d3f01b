"""The whole job with no video of one's own: two synthetic performers are rendered, one learns the other's dance."""

from pathlib import Path

from choreograft.options import DanceOptions, DemoOptions
from choreograft.pipeline import dance
from choreograft.progress import Progress, silent
from choreograft.request import check_demo
from choreograft.studio.render import render_demo


def run(options: DemoOptions, progress: Progress = silent) -> Path:
    """Render the clips (once), then dance; the result of an earlier demo is replaced.

    Returns:
        The finished video; clips, performer, contact sheet and the side-by-side video lie beside it.
    Raises:
        As `check_demo`. DependencyError: the studio's libraries are missing.
    """
    check_demo(options)
    folder = options.output.parent
    target, source = render_demo(folder / "clips", progress)
    done = dance(
        DanceOptions(
            source=source.video, target=target.video, output=options.output, side_by_side=True,
            minutes=options.minutes, runs=folder / "runs", device=options.device, precision=options.precision,
            overwrite=True,
        ),
        progress,
    )  # fmt: skip
    progress.say(f"Look at {done.side_by_side}: the source, its stick figure, and the target dancing the same dance")
    return done.video
