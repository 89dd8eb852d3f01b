"""A damaged file is read as far as it can be, or refused in one line; a few of `benchmarks/damage.py`'s cases."""

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from av.video.frame import VideoFrame

from choreograft.performer.performer import Performer, PerformerCard, save_performer
from choreograft.retarget.normalise import Stance
from swaying import PRESET, SIZE, swaying_track

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(scope="module")
def damage() -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        return importlib.import_module("damage")


@pytest.fixture(scope="module")
def files(damage: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Undamaged ones by kind."""
    folder = tmp_path_factory.mktemp("whole")
    pictures = [np.full((48, 64, 3), 20 + 8 * index, np.uint8) for index in range(12)]
    videos = {suffix[1:]: folder / f"video{suffix}" for suffix in damage.CODECS}
    for video in videos.values():
        damage.encode(video, pictures)
    (folder / "pictures").mkdir()
    for number, picture in enumerate(pictures):
        VideoFrame.from_ndarray(picture, format="rgb24").save(str(folder / f"pictures/{number:04d}.png"))
    track = swaying_track(24)
    track.save(folder / "track.npz")
    card = PerformerCard("Zoë", PRESET, SIZE, Stance.measure(track))
    save_performer(Performer(card, torch.rand(3, SIZE.height, SIZE.width)), folder / "zoe.performer")
    kept = {"track npz": folder / "track.npz", "performer": folder / "zoe.performer", "png folder": folder / "pictures"}
    return {**videos, **kept}


def settle(damage: ModuleType, kind: str, path: Path, whole: Path, room: Path) -> tuple[str, str]:
    room.mkdir()
    return damage.settle(damage.Case(kind, path, damage.reader_of(kind), whole.parent, room))


def test_undamaged_files_are_read(damage, files, tmp_path):
    for kind, path in files.items():
        assert settle(damage, kind, path, path, tmp_path / kind) == ("went on", "")


@pytest.mark.parametrize("name", ["bits", "fields", "cut", "header"])
def test_damaged_files_are_read_or_refused_in_one_line(damage, files, tmp_path, name):
    for seed, (kind, path) in enumerate(files.items()):
        damaged = tmp_path / f"{kind} damaged{path.suffix}"
        damage.damage_file(path, damaged, name, seed)
        outcome, said = settle(damage, kind, damaged, path, tmp_path / kind)
        assert outcome in damage.GOOD, said


def test_equal_seeds_do_equal_damage_and_every_kind_of_it_does_some(damage):
    whole = np.random.default_rng(0).bytes(5000)
    for name, spoil in damage.DAMAGES.items():
        spoilt = [spoil(whole, np.random.default_rng(seed)) for seed in (1, 1, 2)]
        assert spoilt[0] == spoilt[1], name
        assert len({whole, spoilt[0], spoilt[2]}) == 3, name


def test_boxes_are_swapped_whole(damage):
    boxes = [
        (8 + len(body)).to_bytes(4) + name + body for name, body in ((b"ftyp", b"1"), (b"free", b""), (b"mdat", b"2"))
    ]
    swapped = {damage.swap_boxes(b"".join(boxes), np.random.default_rng(seed)) for seed in range(20)}
    assert swapped == {b"".join(boxes[n] for n in order) for order in ((1, 0, 2), (0, 2, 1))}
