"""The swaying target as a clip, and a run folder that stays quiet."""

from pathlib import Path

import pytest

from choreograft.footage.clip import Clip
from choreograft.presets import Budget, Preset
from choreograft.training.state import JournalConfig
from swaying import PRESET, swaying_track, write_target
from taught import QUIET


@pytest.fixture
def target(tmp_path: Path) -> Clip:
    return write_target(tmp_path / "target.mp4", swaying_track(24))


@pytest.fixture
def preset() -> Preset:
    return PRESET


@pytest.fixture
def quiet_journal() -> JournalConfig:
    return QUIET


@pytest.fixture
def four_steps() -> Budget:
    return Budget(images=8)
