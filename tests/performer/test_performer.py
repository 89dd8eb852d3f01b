"""Performer files: what goes in comes out, and nothing else is taken for one."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from choreograft.config import GeneratorConfig
from choreograft.errors import FileFormatError
from choreograft.performer.cutouts import Cutouts, cut_out
from choreograft.performer.header import canvas_size, read_sizes
from choreograft.performer.performer import Performer, PerformerCard, load_performer, save_performer
from choreograft.performer.staging import Conditioning
from choreograft.presets import PRESETS, Preset
from choreograft.retarget.normalise import Stance
from choreograft.video.size import Canvas, Size
from swaying import ENHANCED_PRESET, FACE_PRESET, PRESET, SIZE, swaying_track

DEEPER = replace(PRESET.generator, residual_blocks=5)


def make_performer(preset: Preset = PRESET) -> Performer:
    stance = Stance.measure(swaying_track(24))
    card = PerformerCard("Zoë", preset, SIZE, stance, {"images": 8, "clips": {"a.mp4": "00ff"}})
    return Performer(card, torch.rand(3, SIZE.height, SIZE.width))


@pytest.mark.parametrize("preset", [PRESET, FACE_PRESET, ENHANCED_PRESET], ids=lambda preset: preset.name)
def test_a_performer_comes_back_as_it_was(tmp_path, preset):
    performer = make_performer(preset)
    save_performer(performer, tmp_path / "zoe.performer")
    again = load_performer(tmp_path / "zoe.performer")
    assert again.card == performer.card
    assert not again.training
    for (name, a), b in zip(performer.state_dict().items(), again.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0, msg=name)


def test_files_from_before_the_choice_are_temporal(tmp_path):
    path = tmp_path / "old.performer"
    save_performer(make_performer(), path)
    preset = asdict(PRESET)
    del preset["temporal"]
    damage(path, header={"preset": preset})
    assert load_performer(path).card.preset == PRESET


@pytest.mark.parametrize(
    "preset",
    [
        replace(PRESET, temporal=False),
        replace(PRESET, background="frame", temporal=False, generator=GeneratorConfig("unet", 4, 5, 0)),
        replace(PRESET, background="frame", temporal=False, generator=GeneratorConfig("crn", 4, 3, 0)),
    ],
)
def test_every_family_comes_back_and_draws_the_same(tmp_path, preset):
    performer = make_performer(preset).eval()
    save_performer(performer, tmp_path / "p.performer")
    again = load_performer(tmp_path / "p.performer")
    stick = torch.rand(1, 3, SIZE.height, SIZE.width)
    conditioning, previous = Conditioning(stick, performer.plate[None]), torch.rand_like(stick)
    with torch.no_grad():
        drawn = [p(conditioning, previous).frame for p in (performer, again)]
    assert drawn[0].shape == stick.shape
    torch.testing.assert_close(*drawn, rtol=0, atol=0)


def test_a_file_from_before_there_were_faces_and_enhancers_still_draws(tmp_path):
    path = tmp_path / "old.performer"
    save_performer(make_performer(), path)
    with safe_open(path, framework="pt") as file:
        preset = json.loads(file.metadata()["choreograft"])["preset"]
    added = ("stages", "face", "enhancer")
    damage(path, header={"preset": {name: value for name, value in preset.items() if name not in added}})
    old = load_performer(path)
    assert old.face is None
    assert old.card.preset == PRESET
    assert old.find_faces(swaying_track(3)) == [None] * 3


def test_a_file_that_lost_its_face_is_refused(tmp_path):
    path = tmp_path / "p.performer"
    save_performer(make_performer(), path)
    damage(path, header={"preset": asdict(FACE_PRESET)})
    with pytest.raises(FileFormatError, match=r"p\.performer"):
        load_performer(path)


@pytest.mark.parametrize("content", [None, b"", b"\x00\x00\x00\x18ftypmp42", b"\x80\x04\x95pickle"])
def test_what_is_not_a_performer_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "wrong.performer"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FileFormatError, match=r"wrong\.performer: expected a choreograft-performer") as caught:
        load_performer(path)
    assert "\n" not in str(caught.value)


def damage(path, header=None, tensors=None):
    """Write the file again with parts of its header or its tensors replaced."""
    with safe_open(path, framework="pt") as file:
        old_header = json.loads(file.metadata()["choreograft"])
        old_tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    save_file(old_tensors | (tensors or {}), path, {"choreograft": json.dumps(old_header | (header or {}))})


@pytest.mark.parametrize(
    "header", [{"version": 99}, {"skeleton": "openpose"}, {"preset": {"name": "x"}}, {"stance": {}}]
)
def test_another_version_or_a_damaged_header_is_refused(tmp_path, header):
    path = tmp_path / "p.performer"
    save_performer(make_performer(), path)
    damage(path, header=header)
    with pytest.raises(FileFormatError, match=r"p\.performer"):
        load_performer(path)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ({"tensors": {"generator.layers.1.weight": torch.zeros(1)}}, "size mismatch for generator.layers.1.weight"),
        ({"header": {"preset": asdict(replace(PRESET, generator=GeneratorConfig("unet", 8, 2)))}}, "Missing key"),
        ({"header": {"preset": asdict(replace(PRESET, generator=DEEPER))}}, "Missing key"),
    ],
    ids=["shape", "family", "depth"],
)
def test_weights_of_another_architecture_are_refused_in_one_line(tmp_path, spoil, words):
    path = tmp_path / "p.performer"
    save_performer(make_performer(), path)
    damage(path, **spoil)
    with pytest.raises(FileFormatError, match=rf"p\.performer: .*, found .*{words}.*; make one with") as caught:
        load_performer(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("video", "expected"), [((1080, 1920), (144, 256)), ((1920, 1080), (456, 256)), ((100, 4000), (8, 256))]
)
def test_the_canvas_is_as_tall_as_the_preset_and_shaped_like_the_video(video, expected):
    assert canvas_size(PRESETS["draft"], Size(*video)) == expected


def test_a_file_from_before_results_had_a_size_of_their_own_says_what_to_do(tmp_path):
    path = tmp_path / "old.performer"
    save_performer(make_performer(), path)
    damage(path, header={"version": 1})
    words = r"old\.performer: expected .* of version 2, found .* version 1 .*; make one with choreograft train$"
    with pytest.raises(FileFormatError, match=words) as caught:
        load_performer(path)
    assert "\n" not in str(caught.value)


@pytest.fixture
def cut_performer():
    """One with three cutouts of noise."""
    rng, full = np.random.default_rng(0), Size(3 * SIZE.width, 3 * SIZE.height)
    picture = rng.integers(0, 256, (3, full.height, full.width, 3)).astype(np.uint8)
    matte = np.zeros((full.height, full.width), np.uint8)
    matte[40:200, 50:120] = 255
    coded, places = zip(*(cut_out(one, matte, Canvas(full, SIZE)) for one in picture), strict=True)
    performer = make_performer()
    performer.cutouts = Cutouts(full, picture[0], coded, np.array(places))
    return performer


def test_cutouts_come_back_as_they_were(tmp_path, cut_performer):
    save_performer(cut_performer, tmp_path / "p.performer")
    before, after = cut_performer.cutouts, load_performer(tmp_path / "p.performer").cutouts
    assert after.size == before.size
    np.testing.assert_array_equal(after.plate, before.plate)
    for n in range(3):
        np.testing.assert_array_equal(after.look(n, 3.0).picture, before.look(n, 3.0).picture)
        assert after.look(n, 3.0).corner == before.look(n, 3.0).corner


def test_the_sizes_of_a_file_are_known_without_loading_it(tmp_path, cut_performer):
    save_performer(cut_performer, tmp_path / "her.performer")
    assert read_sizes(tmp_path / "her.performer") == (cut_performer.card.size, cut_performer.cutouts.size)
    save_performer(make_performer(), tmp_path / "plain.performer")
    assert read_sizes(tmp_path / "plain.performer") == (SIZE, None)


@pytest.mark.parametrize("name", ["plate", "packed", "starts", "places"])
def test_damaged_cutouts_are_refused_in_one_line(tmp_path, cut_performer, name):
    path = tmp_path / "p.performer"
    save_performer(cut_performer, path)
    damage(path, tensors={f"cutouts/{name}": cut_performer.cutouts.tensors()[name][: -1 if name != "plate" else 40]})
    with pytest.raises(FileFormatError, match=r"p\.performer: expected .*picture.*; make one with") as caught:
        load_performer(path)
    assert "\n" not in str(caught.value)
