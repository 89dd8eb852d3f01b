"""A user who interrupts."""

from contextlib import contextmanager

from choreograft.progress import SilentProgress


class StopAfter(SilentProgress):
    """Interrupts, as a user would, once so many images are done."""

    def __init__(self, images: int) -> None:
        self.images = images

    @contextmanager
    def task(self, name, total, unit="frames"):
        def advance(done, **figures):
            if name == "Training" and done >= self.images:
                raise KeyboardInterrupt

        yield advance
