"""The narrow copy of a CoDAE against the network itself, in float64 and in float32."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from trigforge.hls.recipe import load_recipe
from trigforge.train.codae import CoDAE, build_codae
from trigforge.train.config import NetworkConfig, TeacherConfig
from trigforge.train.events import ETA_COLUMNS, PHI_ROWS, load_shipped
from trigforge.train.narrow_codae import LARGE_MAP, NarrowCodae
from trigforge.train.scores import EVALUATION_BATCH, evaluate_scores
from trigforge.train.teacher import load_teacher
from trigforge.train.train_codae import codae_from_state, load_released_codae

ROOT = Path(__file__).resolve().parents[2]
NETWORKS = {
    "all grouped alike": NetworkConfig(
        architecture="codae",
        export="full",
        height=24,
        width=18,
        filters=(4, 8),
        groups=(1, 2),
        normalization="batch",
        residual_filters=(8, 16),
        residual_groups=4,
        bottleneck=3,
    ),
    "mixed groups, odd sizes": NetworkConfig(
        architecture="codae",
        export="full",
        height=21,
        width=15,
        filters=(8, 16, 8),
        groups=(1, 4, 2),
        normalization="instance",
        residual_filters=(4, 8),
        residual_groups=2,
        bottleneck=5,
        latents=3,
    ),
    "no groups, large maps": NetworkConfig(
        architecture="codae",
        export="full",
        height=72,
        width=58,
        filters=(4,),
        groups=(1,),
        normalization="instance",
        residual_filters=(4, 6),
        residual_groups=1,
        bottleneck=4,
    ),
}


def stirred(network: NetworkConfig) -> CoDAE:
    """A network in evaluation mode none of whose parameters and statistics is 0 or 1."""
    model = build_codae(network, seed=3)
    generator = torch.Generator().manual_seed(7)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d | nn.GroupNorm):
            nn.init.uniform_(module.weight, 0.5, 1.5, generator=generator)
            nn.init.uniform_(module.bias, -0.5, 0.5, generator=generator)
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.5, 0.5, generator=generator)
            nn.init.uniform_(module.running_var, 0.5, 2, generator=generator)
    return model.eval()


def masks_of(network: NetworkConfig, count: int) -> np.ndarray:
    shape = (count, network.height, network.width)
    return (np.random.default_rng(11).random(shape) < 0.1).astype(np.uint8)


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_the_narrow_copy_is_the_network(network: NetworkConfig) -> None:
    model = stirred(network).double()
    images = torch.from_numpy(masks_of(network, 5)).double()[:, None]
    with torch.inference_mode():
        expected, found = model(images), NarrowCodae(model)(images)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.shape == theirs.shape
        assert torch.allclose(ours, theirs, rtol=1e-11, atol=1e-11)


def test_both_normalisations_are_executed() -> None:
    sizes = [PHI_ROWS * ETA_COLUMNS // 4**scale for scale in range(5)]
    assert sizes[1] > LARGE_MAP > sizes[2]


def test_the_released_teacher_scores_as_the_plain_network() -> None:
    """Float32 rounding, and nothing that depends on batches or threads."""
    network = load_recipe("codae_mask_encoder", ROOT / "firmware_projects").network
    plain = codae_from_state(network, load_released_codae(network, "codae_v2").state)
    teacher = load_teacher(TeacherConfig(weights="codae_v2"), PHI_ROWS, ETA_COLUMNS)
    masks = load_shipped().test.masks[: EVALUATION_BATCH + 4]
    expected, found = evaluate_scores(plain, masks), teacher.all_scores(masks)
    assert list(found) == list(expected)
    for name, values in found.items():
        assert values.dtype == np.float64
        assert values == pytest.approx(expected[name], rel=1e-5, abs=1e-6), name
    assert len(np.unique(found["dice"])) == len(masks)
    torch.set_num_threads(2)
    try:
        again = teacher.all_scores(masks)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)
    assert all(np.array_equal(again[name], found[name]) for name in found)
