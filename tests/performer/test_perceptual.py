"""Perceptual networks: their shapes, their weight files, and what they say about pictures.

The real weights are megabytes; files of the same form with random values prove the reading, and a hand-written
forward pass the network.
"""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from choreograft.errors import FileFormatError
from choreograft.performer.perceptual import EfficientNetLite0, FeatureNetwork, InvertedResidual, Vgg19
from weight_files import VGG_CONVOLUTIONS, vgg_file


def efficientnet_file(path: Path) -> None:
    """The published names filled from a network with random weights."""
    network = EfficientNetLite0()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    found = {}

    def put(step: torch.nn.Module, name: str, norm: str) -> None:
        found[f"{name}.weight"] = step.convolution.weight.detach()
        found.update({f"{norm}.{key}": value for key, value in step.norm.state_dict().items()})

    put(network.stages[0][0], "_conv_stem", "_bn0")
    for index, block in enumerate(m for m in network.modules() if isinstance(m, InvertedResidual)):
        for n, step in enumerate((block.expand, block.depthwise, block.project)):
            if step is not None:
                put(step, f"_blocks.{index}._{('expand', 'depthwise', 'project')[n]}_conv", f"_blocks.{index}._bn{n}")
    found["_fc.weight"] = torch.zeros(2, 2)
    torch.save(found, path)


def test_vgg19_stages_end_at_the_five_rectifiers_of_the_paper(tmp_path):
    weights = vgg_file(tmp_path / "vgg19.pth")
    network = Vgg19()
    network.load(tmp_path / "vgg19.pth")
    picture = torch.rand(1, 3, 32, 32) * 2 - 1

    x = ((picture + 1) / 2 - network.mean) / network.deviation
    expected = []
    pooled_before, stage_ends = (5, 10, 19, 28), (0, 5, 10, 19, 28)
    for position in VGG_CONVOLUTIONS:
        if position in pooled_before:
            x = F.max_pool2d(x, 2)
        x = F.relu(F.conv2d(x, weights[f"features.{position}.weight"], weights[f"features.{position}.bias"], padding=1))
        if position in stage_ends:
            expected.append(x)

    for found, wanted in zip(network.features(picture), expected, strict=True):
        torch.testing.assert_close(found, wanted)


def test_efficientnet_reads_the_published_names_and_halves_where_it_should(tmp_path):
    efficientnet_file(tmp_path / "lite0.pth")
    network = EfficientNetLite0()
    network.load(tmp_path / "lite0.pth")
    features = network.freeze().features(torch.rand(1, 3, 50, 64) * 2 - 1)
    expected = [(32, 25, 32), (16, 25, 32), (24, 13, 16), (40, 7, 8), (112, 4, 4)]
    assert [tuple(f.shape[1:]) for f in features] == expected


@pytest.mark.parametrize(("network", "write"), [(Vgg19(), vgg_file), (EfficientNetLite0(), efficientnet_file)])
def test_equal_pictures_cost_nothing_and_blur_costs_less_than_noise(network: FeatureNetwork, write, tmp_path):
    torch.manual_seed(0)
    write(tmp_path / "weights.pth")
    network.load(tmp_path / "weights.pth")
    network.freeze()
    picture = F.interpolate(torch.rand(1, 3, 8, 8), (64, 64), mode="bicubic").clamp(0, 1) * 2 - 1
    blurred = F.avg_pool2d(picture, 3, 1, 1, count_include_pad=False)
    assert network(picture, picture).item() == 0
    assert 0 < network(blurred, picture) < network(torch.rand_like(picture) * 2 - 1, picture)


def test_the_loss_teaches_the_drawn_picture_and_nothing_else(tmp_path):
    efficientnet_file(tmp_path / "lite0.pth")
    network = EfficientNetLite0()
    network.load(tmp_path / "lite0.pth")
    network.freeze()
    fake, real = (torch.rand(1, 3, 32, 32, requires_grad=True) for _ in range(2))
    network(fake, real).backward()
    assert fake.grad is not None
    assert real.grad is None
    assert all(p.grad is None for p in network.parameters())


@pytest.mark.parametrize("network", [Vgg19(), EfficientNetLite0()])
@pytest.mark.parametrize("content", [b"", b"not weights", None])
def test_a_wrong_weight_file_is_named_in_one_line(network: FeatureNetwork, content, tmp_path):
    path = tmp_path / "wrong.pth"
    if content is None:
        torch.save({"something": torch.zeros(1)}, path)
    else:
        path.write_bytes(content)
    with pytest.raises(FileFormatError, match=r"wrong\.pth") as caught:
        network.load(path)
    assert "\n" not in str(caught.value)
