import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from choreograft.errors import FileFormatError, OptionError
from choreograft.files import content_hash
from choreograft.pose.track import PoseTrack
from choreograft.studio.costume import Costume
from choreograft.studio.filming import Camera, find_joints, true_track
from choreograft.studio.pairs import CLIPS, Pair, PairSpec, load_pair, render_pair
from choreograft.studio.posing import pose_body
from choreograft.studio.render import Take, perform, render_clip
from choreograft.studio.routines import ROUTINES
from choreograft.video.read import read_frames
from choreograft.video.size import Size

TALL = Camera(Size(48, 64), height_m=1.1, distance_m=4.6, view_m=2.8)
WIDE = Camera(Size(64, 48), height_m=1.2, distance_m=4.2, view_m=2.6, azimuth_deg=20.0)
SPEC = PairSpec(
    name="tiny", target="ada", source="bruno", motion="improvise", seed=5, target_camera=TALL, source_camera=WIDE,
    target_room="living room", source_room="studio", source_light="dim", seconds=0.25, showcase_seconds=0.25,
)  # fmt: skip


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    pytest.importorskip("anny", reason="needs the extra 'studio'")
    pytest.importorskip("pyvista", reason="needs the extra 'studio'")
    return render_pair(SPEC, tmp_path_factory.mktemp("pairs") / "tiny")


def test_a_pair_comes_back_as_it_was_written(pair: Pair) -> None:
    again = load_pair(pair.folder)
    assert again == pair
    assert again.spec == SPEC
    content = json.loads((pair.folder / "pair.json").read_text())
    assert content["format"] == "choreograft-pair"
    assert content["sha256"]["truth.npz"] == content_hash(pair.truth_track)


def test_source_and_truth_are_the_same_motion_by_two_bodies(pair: Pair) -> None:
    source, truth = PoseTrack.load(pair.source.with_suffix(".npz")), PoseTrack.load(pair.truth_track)
    assert len(source) == len(truth) == 6
    takes = SPEC.takes()
    assert (takes["source"].routine, takes["source"].seed) == (takes["truth"].routine, takes["truth"].seed)
    assert takes["truth"].performer == takes["target"].performer == "ada"
    assert takes["truth"].camera == takes["target"].camera


def test_the_truth_is_filmed_where_the_target_was(pair: Pair) -> None:
    target, truth = (next(iter(read_frames(path))).image for path in (pair.target, pair.truth))
    corner = np.s_[:12, :12]
    assert np.abs(target[corner].astype(int) - truth[corner]).mean() < 2
    source = next(iter(read_frames(pair.source))).image
    assert source.shape == (48, 64, 3)


def test_the_same_spec_gives_the_same_frames(pair: Pair, tmp_path: Path) -> None:
    other = render_pair(SPEC, tmp_path / "elsewhere")
    for name in CLIPS:
        first = [frame.image for frame in read_frames(pair.folder / f"{name}.mp4")]
        second = [frame.image for frame in read_frames(other.folder / f"{name}.mp4")]
        assert_array_equal(first, second)
        tracks = [PoseTrack.load(folder / f"{name}.npz") for folder in (pair.folder, other.folder)]
        assert_array_equal(tracks[0].xy, tracks[1].xy)


def test_neighbours_share_an_equal_target_clip(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    from choreograft.studio import render

    filmed: list[Take] = []
    film = render._film

    def note(take: Take, *rest: object) -> None:
        filmed.append(take)
        film(take, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(render, "_film", note)
    spec = replace(SPEC, name="other", motion="kicks")
    beside = render_pair(spec, pair.folder.parent / "other")
    assert [take.routine for take in filmed] == ["kicks", "kicks"]
    for suffix in (".mp4", ".npz", ".json"):
        assert beside.target.with_suffix(suffix).read_bytes() == pair.target.with_suffix(suffix).read_bytes()
    filmed.clear()
    render_pair(spec, pair.folder.parent / "other")
    assert filmed == []


def test_a_folder_without_a_pair_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"pair\.json: expected a choreograft-pair of version 1"):
        load_pair(tmp_path)


def test_another_version_and_missing_files_are_named(pair: Pair, tmp_path: Path) -> None:
    text = (pair.folder / "pair.json").read_text()
    (tmp_path / "pair.json").write_text(text.replace('"version": 1', '"version": 9'))
    with pytest.raises(FileFormatError, match="version 9"):
        load_pair(tmp_path)
    (tmp_path / "pair.json").write_text(text)
    for name in CLIPS:
        (tmp_path / f"{name}.mp4").touch()
    with pytest.raises(FileFormatError, match=r"found no target\.npz"):
        load_pair(tmp_path)


def test_a_motion_can_be_a_track(ada: Costume, tmp_path: Path) -> None:
    joints = find_joints(ada.body, pose_body(ada.body, ROUTINES["squats"](2.0, Fraction(12), 0)))
    path = tmp_path / "squats.npz"
    true_track(joints, TALL, Fraction(12), None).save(path)
    take = Take("ada", str(path), "studio", TALL, seconds=1.5, rate=Fraction(24))
    pelvis = perform(ada.body, take).origins[:, 0, 2]
    assert len(pelvis) == 36
    assert np.ptp(pelvis) > 0.4


def test_what_is_not_there_is_told_before_anything_is_rendered(tmp_path: Path) -> None:
    for change, sentence in (
        ({"routine": "somersault"}, "no routine or track is called 'somersault'; there are calibration, dance"),
        ({"routine": "gone.npz"}, "no routine or track is called 'gone.npz'"),
    ):
        take = replace(Take("ada", "dance", "studio", TALL, seconds=0.1, rate=Fraction(24)), **change)  # type: ignore[arg-type]
        with pytest.raises(OptionError, match=sentence):
            render_clip(take, tmp_path / "clip.mp4")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("change", "sentence"), [({"room": "attic"}, "no room"), ({"light": "neon"}, "no light")])
def test_unknown_rooms_and_lights_are_named(
    ada: Costume, tmp_path: Path, change: dict[str, str], sentence: str
) -> None:
    take = replace(Take("ada", "dance", "studio", TALL, seconds=0.1, rate=Fraction(24)), **change)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match=f"{sentence} is called"):
        render_clip(take, tmp_path / "clip.mp4")
