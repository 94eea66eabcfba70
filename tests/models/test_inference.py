"""Towers for use give the embeddings of open_clip's own."""

from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch
from open_clip.modified_resnet import ModifiedResNet
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image
from torch import nn

from components.models import towers
from components.models.encoder import Encoder, encoder_from_towers
from components.models.inference import fuse_for_inference


def lived(visual: nn.Module) -> nn.Module:
    """As after training: batch norms have seen pictures, and no branch or bias is zero."""
    chance = torch.Generator().manual_seed(5)
    for part in visual.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.weight.data.uniform_(0.5, 1.5, generator=chance)
            part.running_mean.normal_(0, 0.3, generator=chance)
            part.running_var.uniform_(0.4, 2.5, generator=chance)
        if isinstance(part, nn.BatchNorm2d | nn.Linear):
            part.bias.data.normal_(0, 0.3, generator=chance)
    return visual.eval()


class Towers(nn.Module):
    def __init__(self, visual: nn.Module) -> None:
        super().__init__()
        self.visual = visual


@pytest.mark.parametrize(
    ("layers", "heads", "size", "pictures"),
    [((1, 1, 1, 1), 4, 64, 5), ((2, 1, 2, 1), 1, 96, 1), ((1, 2, 1, 2), 8, 32, 3)],
)
def test_a_resnet_for_use_is_the_same_function(layers: tuple[int, ...], heads: int, size: int, pictures: int) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        own = lived(ModifiedResNet(list(layers), output_dim=24, heads=heads, image_size=size, width=8))
    changed = fuse_for_inference(Towers(deepcopy(own))).visual
    x = torch.randn(pictures, 3, size, size, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        wanted = own(x)
        torch.testing.assert_close(changed(x), wanted, atol=1e-5 * float(wanted.abs().max()), rtol=0)
        channels_last = changed(x.to(memory_format=torch.channels_last))
        torch.testing.assert_close(channels_last, wanted, atol=1e-5 * float(wanted.abs().max()), rtol=0)
    assert not any(isinstance(part, nn.BatchNorm2d) for part in changed.modules())


def test_a_vision_transformer_stays_as_it_is(tower_files: dict[str, Path]) -> None:
    model = towers.build(towers.read_config(str(tower_files["vit"])), seed=1)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    after = fuse_for_inference(model).state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(value, after[name]) for name, value in before.items())


@pytest.mark.parametrize("shape", [(32, 32), (50, 40)])
def test_pictures_are_normalised_as_open_clip_does(tower_files: dict[str, Path], shape: tuple[int, int]) -> None:
    config = towers.read_config(str(tower_files["resnet"]))
    model = towers.build(config, seed=1)
    lived(model.get_submodule("visual"))
    pixels = np.random.default_rng(0).integers(0, 256, (2, *shape, 3)).astype(np.uint8)
    prepare = image_transform_v2(PreprocessCfg(**config.preprocess), is_train=False)
    # The transform takes the resized picture back to bytes, which ours does not.
    slack = 1e-5 if shape == (32, 32) else 2e-2

    with torch.inference_mode():
        wanted = model.encode_image(torch.stack([prepare(Image.fromarray(p)) for p in pixels]), normalize=True)
    np.testing.assert_allclose(encoder_from_towers(model, config).images(pixels), wanted.numpy(), atol=slack)


def test_a_picture_s_embedding_depends_on_its_batch_no_more_than_rounding(tower_files: dict[str, Path]) -> None:
    config = towers.read_config(str(tower_files["resnet"]))
    model = towers.build(config, seed=1)
    lived(model.get_submodule("visual"))
    encoder = Encoder(
        fuse_for_inference(model), config.preprocess["mean"], config.preprocess["std"], lambda texts: texts
    )
    pixels = np.random.default_rng(0).integers(0, 256, (150, 32, 32, 3)).astype(np.uint8)
    together = encoder.images(pixels)
    assert (together == encoder.images(pixels.copy())).all()
    np.testing.assert_allclose(
        np.concatenate([encoder.images(p[None]) for p in pixels[::30]]), together[::30], atol=1e-5
    )
