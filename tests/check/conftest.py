"""One dancer filmed well, for all tests of damage."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from choreograft.check import findings, pictures
from choreograft.check.filmed import Filmed, measure_clip
from choreograft.check.rules import RULES, Limit
from choreograft.pose.tracking import PeopleCount
from choreograft.video.read import Frame
from filmed_dancer import Shot, dance_track, draw_frame, with_masks

LIMITS = {"person_pixels": Limit(120, 90), "length": Limit(5.0, 3.2)}
"""For a clip of 6 s and a person of 150 px."""


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clips may be short, and people small."""
    rules = tuple(replace(rule, limit=LIMITS.get(rule.kind, rule.limit)) for rule in RULES)
    monkeypatch.setattr(findings, "RULES", rules)


@pytest.fixture(scope="session")
def shot() -> Shot:
    track = with_masks(dance_track())
    return Shot(track, np.stack([draw_frame(xy) for xy in track.xy]))


@pytest.fixture
def film(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Filmed]:
    """A function that measures pictures (T, H, W, 3) and a track as if they came from a video."""

    def measure(shot: Shot, people: int = 1) -> Filmed:
        def read_frames(_: Path):
            for index, image in enumerate(shot.frames):
                time_s = float(shot.track.time_s[index])
                yield Frame(index, time_s, Fraction(time_s), image)

        monkeypatch.setattr(pictures, "read_frames", read_frames)
        count = PeopleCount(np.arange(24) / 4, np.full(24, people))
        return measure_clip(Path("clip.mp4"), shot.track, count)

    return measure
