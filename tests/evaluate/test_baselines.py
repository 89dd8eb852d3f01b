"""Unpaired translation: its losses, its history of pictures and the order of its frames, each against plain arrays."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from choreograft.config import DiscriminatorConfig, GeneratorConfig
from choreograft.errors import PersonError
from choreograft.evaluate.baselines.translation import (
    Direction,
    Domain,
    History,
    build_networks,
    direction_terms,
    find_runs,
    load_runs,
    translate,
)
from choreograft.evaluate.roster import CYCLEGAN, RECYCLE_GAN, TranslationConfig
from choreograft.performer.staging import to_image
from choreograft.video.size import Size
from swaying import SIZE, swaying_track, write_target

ALL = TranslationConfig(cycle=10.0, identity=5.0, recurrent=10.0, recycle=10.0)


class Affine(nn.Module):
    """x to a x + b."""

    def __init__(self, a: float, b: float) -> None:
        super().__init__()
        self.a, self.b = a, b

    def forward(self, x):
        return self.a * x + self.b


class Extrapolate(nn.Module):
    """The third of three frames that change evenly, from the first two (B, 6, H, W)."""

    def forward(self, x):
        return 2 * x[:, 3:] - x[:, :3]


@pytest.fixture
def frames():
    """Three frames of each domain, (3, 3, 4, 5)."""
    noise = np.random.default_rng(0)
    return tuple(torch.from_numpy(noise.uniform(-1, 1, (3, 3, 4, 5)).astype(np.float32)) for _ in range(2))


def test_losses_are_those_of_the_papers(frames):
    direction = Direction(Affine(0.5, 0.2), Affine(1.5, -0.1), Extrapolate(), Affine(0, 0.3))
    here, there = (frame.numpy() for frame in frames)
    g, f = (lambda x: 0.5 * x + 0.2), (lambda y: 1.5 * y - 0.1)
    drawn = translate(direction.there, frames[0][:2])
    np.testing.assert_allclose(drawn, g(here[:2]), rtol=1e-6)
    plain = TranslationConfig(cycle=1.0, identity=1.0, recurrent=1.0)
    found = direction_terms(direction, *frames, drawn, plain)
    wanted = {
        "cycle": np.abs(f(g(here[:2])) - here[:2]).mean(),
        "identity": np.abs(g(there[:2]) - there[:2]).mean(),
        "recurrent": np.abs(2 * here[1] - here[0] - here[2]).mean(),
    }
    assert {name: float(loss) for name, loss in found.items()} == pytest.approx(wanted, rel=1e-5)
    ahead = replace(direction, next_there=Extrapolate())
    recycled = np.abs(f(2 * g(here[1]) - g(here[0])) - here[2]).mean()
    alone = direction_terms(ahead, *frames, drawn, TranslationConfig(recycle=1.0))
    assert {name: float(term) for name, term in alone.items()} == pytest.approx({"recycle": recycled}, rel=1e-5)
    terms = direction_terms(ahead, *frames, drawn, ALL)
    weighted = {"cycle": 10 * wanted["cycle"], "identity": 5 * wanted["identity"],
                "recurrent": 10 * wanted["recurrent"], "recycle": 10 * recycled}  # fmt: skip
    assert {name: float(term) for name, term in terms.items()} == pytest.approx(weighted, rel=1e-5)


def test_nothing_is_lost_where_both_domains_are_the_same_and_frames_change_evenly():
    steps = torch.linspace(-1, 1, 3)[:, None, None, None].expand(3, 3, 4, 5)
    direction = Direction(nn.Identity(), nn.Identity(), Extrapolate(), Extrapolate())
    terms = direction_terms(direction, steps, steps, steps[:2], ALL)
    assert {name: float(term) for name, term in terms.items()} == dict.fromkeys(
        ("cycle", "identity", "recurrent", "recycle"), 0.0
    )
    backwards = direction_terms(direction, steps[[1, 0, 2]], steps, steps[[1, 0]], ALL)
    assert min(float(backwards["recurrent"]), float(backwards["recycle"])) > 1  # the predictor knows which is first


def test_each_method_has_the_losses_of_its_paper(frames):
    direction = Direction(nn.Identity(), nn.Identity(), Extrapolate(), Extrapolate())
    names = {
        config: set(direction_terms(direction, *frames, frames[0][: config.shown], config))
        for config in (CYCLEGAN, RECYCLE_GAN)
    }
    assert names == {CYCLEGAN: {"cycle"}, RECYCLE_GAN: {"recurrent", "recycle"}}
    assert (CYCLEGAN.loaded, CYCLEGAN.images_per_step) == (1, 2)
    assert (RECYCLE_GAN.loaded, RECYCLE_GAN.images_per_step) == (3, 4)


def test_both_directions_have_the_same_networks_with_their_roles_exchanged():
    tiny = TranslationConfig(
        GeneratorConfig(base_channels=4, downsamplings=1, residual_blocks=1),
        GeneratorConfig("unet", 4, 3, 0), DiscriminatorConfig(1, 4, 2), recycle=1.0,
    )  # fmt: skip
    networks, judges = build_networks(tiny, Size(16, 16), 0)
    forth, back = networks.from_source, networks.from_target
    assert (forth.there, forth.back) == (back.back, back.there)
    assert (forth.next_here, forth.next_there) == (back.next_there, back.next_here)
    two = torch.rand(1, 6, 16, 16)
    torch.testing.assert_close(forth.next_here(two), forth.next_here(two), rtol=0, atol=0)  # no dropout
    assert not torch.equal(forth.there(two[:, :3]), forth.back(two[:, :3]))
    assert not any("pictures" in name for name, _ in judges.named_parameters())


def test_a_history_fills_first_and_then_every_other_picture_is_an_old_one():
    history, lots = History(5, Size(1, 1)), np.random.default_rng(0)
    drawn = [torch.full((1, 3, 1, 1), float(n), requires_grad=True) for n in range(400)]
    shown = [int(history.exchange(picture, lots)[0, 0, 0, 0]) for picture in drawn]
    assert shown[:5] == list(range(5))
    old = [(n, value) for n, value in enumerate(shown) if value != n]
    assert 160 < len(old) < 240
    assert len({value for _, value in old}) == len(old)  # what was taken out is gone
    remaining = set(history.pictures[:, 0, 0, 0].int().tolist())
    replaced = set(range(5)) | {n for n, _ in old}
    assert remaining == replaced - {value for _, value in old}


def test_a_history_keeps_no_gradients_and_shows_new_pictures_alone_where_it_holds_none():
    drawn = torch.rand(2, 3, 4, 5, requires_grad=True)
    for capacity in (0, 1):
        shown = History(capacity, Size(5, 4)).exchange(drawn, np.random.default_rng(0))
        assert not shown.requires_grad
        assert shown.shape == drawn.shape
        torch.testing.assert_close(shown[0], drawn[0].detach())


def test_runs_are_consecutive_frames_that_show_the_person():
    tracks = [swaying_track(8, missing=(3,)), swaying_track(4)]
    assert find_runs(tracks, 1).tolist() == [0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11]
    assert find_runs(tracks, 2).tolist() == [0, 1, 4, 5, 6, 8, 9, 10]
    assert find_runs(tracks, 3).tolist() == [0, 4, 5, 8, 9]


def test_a_domain_holds_the_frames_of_the_person_in_their_order(tmp_path):
    clip = write_target(tmp_path / "clip.mp4", swaying_track(14, missing=(3,)))
    domain = Domain.prepare(tmp_path / "frames.npy", [clip], 3, SIZE)
    assert domain.frames.shape == (13, SIZE.height, SIZE.width, 3)
    assert domain.starts.tolist() == [0, *range(3, 11)]
    run = domain.run_at(0, seed=4)
    first = next(n for n in domain.starts if np.array_equal(to_image(run[0]), domain.frames[n]))
    for frame, wanted in zip(run, domain.frames[first : first + 3], strict=True):
        np.testing.assert_array_equal(to_image(frame), wanted)
    short = replace(clip, track=swaying_track(9))
    with pytest.raises(PersonError, match=r"clip\.mp4: found 7 runs of 3 consecutive frames"):
        Domain.prepare(tmp_path / "short.npy", [short], 3, SIZE)


def test_frames_are_not_paired_and_each_comes_once_in_every_round():
    frames = np.arange(12, dtype=np.uint8)[:, None, None, None].repeat(3, axis=3)
    domain = Domain(frames, np.arange(12), 1)
    drawn = [load_runs(domain, domain, sample, seed=0) for sample in range(24)]
    seen = np.array([[int(to_image(run[0])[0, 0, 0]) for run in runs] for runs in drawn])
    for epoch in (seen[:12], seen[12:]):
        assert sorted(epoch[:, 0]) == sorted(epoch[:, 1]) == list(range(12))
    assert (seen[:, 0] != seen[:, 1]).any()
    assert (seen[:12, 0] != seen[12:, 0]).any()
    torch.testing.assert_close(load_runs(domain, domain, 7, seed=0), drawn[7], rtol=0, atol=0)
