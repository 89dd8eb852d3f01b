"""`choreograft train` on the swaying target, whose pose is known: nothing is tracked or fitted. A program of its own.

The environment variable TROUBLE names what goes wrong on the way.
"""

import os
import signal
import sys
from contextlib import contextmanager

import torch

from choreograft import cli, pipeline, presets
from choreograft.console import ConsoleProgress
from choreograft.footage.clip import Clip
from choreograft.machine import is_main
from choreograft.performer import device
from choreograft.training import step
from choreograft.training.step import add_pair_gradients
from swaying import ENHANCED_PRESET, swaying_track

FRAMES = 24
STOP_AT = 12
"""Images after which the main process is told to stop, where that is the trouble."""


class Stopped(ConsoleProgress):
    """Tells this process to stop, as `kill` does, while it trains."""

    @contextmanager
    def task(self, name, total, unit="frames"):
        def advance(done, **figures):
            if name == "Training" and done == STOP_AT:
                os.kill(os.getpid(), signal.SIGTERM)

        yield advance


def diverge(*arguments):
    return add_pair_gradients(*arguments) | {"pixel": torch.tensor(float("nan"))}


def end(*_):
    os._exit(7)


def main(trouble: str) -> None:
    presets.PRESETS[ENHANCED_PRESET.name] = ENHANCED_PRESET
    pipeline.read_clips = lambda videos, *_: [Clip(video, swaying_track(FRAMES)) for video in videos]
    pipeline.read_bodies = lambda *_: None
    if trouble == "stopped":
        cli.ConsoleProgress = Stopped
    elif trouble == "diverges":
        step.add_pair_gradients = diverge
    elif trouble == "another ends" and not is_main():
        step.add_pair_gradients = end
    elif trouble == "apart" and not is_main():
        sys.argv += ["--runs", "elsewhere"]
    elif trouble == "machines differ":
        device.cpu_has_bf16 = lambda: not is_main()
    cli.main()


if __name__ == "__main__":
    main(os.environ.get("TROUBLE", ""))
