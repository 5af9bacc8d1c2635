"""A score student at toy size: pool, objective, training, and what is refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import kendalltau
from test_train_codae import DATASET, TINY

from trigforge.train.broken_events import pool_masks
from trigforge.train.codae import build_codae
from trigforge.train.config import NetworkConfig, TeacherConfig, TrainConfig
from trigforge.train.equal_baseline import rank_correlation_at_equal
from trigforge.train.errors import InputError
from trigforge.train.fit import Schedule, fit
from trigforge.train.scores import evaluate_latents, evaluate_scores
from trigforge.train.student import (
    Imitation,
    agreement,
    build_student,
    ranking_loss,
    spread_at_equal,
    student_from_state,
    train_student,
)
from trigforge.train.student_data import CHUNK_IMAGES, ScoredImages, training_pool
from trigforge.train.teacher import load_teacher
from trigforge.train.train_codae import weights_config
from trigforge.train.weights import save_released

STUDENT = NetworkConfig(
    architecture="score_student",
    export="encoder",
    height=24,
    width=18,
    filters=(4, 8),
    groups=(1, 1),
    latents=1,
)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained teacher on disk, as a release or an import leaves it."""
    folder = tmp_path_factory.mktemp("teacher")
    state = build_codae(TINY, seed=5).state_dict()
    save_released(folder, "tiny", state, {"config": weights_config(TINY)})
    return folder / "tiny.safetensors"


def config(weights: Path, **changes: object) -> TrainConfig:
    base = TrainConfig(
        objective="teacher",
        epochs=3,
        batch_size=32,
        learning_rate=1e-2,
        schedule="cosine",
        teacher=TeacherConfig(weights=str(weights), images=600),
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def test_the_teacher_scores_as_its_network_does(weights: Path) -> None:
    teacher = load_teacher(TeacherConfig(weights=str(weights), score="sse"), 24, 18)
    masks = DATASET.validation.masks
    expected = evaluate_scores(build_codae(TINY, seed=5), masks)["sse"]
    assert np.allclose(teacher.scores(masks), expected)


def test_the_pool_resumes_and_grows(weights: Path, tmp_path: Path) -> None:
    teacher = load_teacher(TeacherConfig(weights=str(weights)), 24, 18)
    small = training_pool(DATASET, teacher, 300, 1, tmp_path, progress=False)
    chunk = next(tmp_path.rglob("00000.npz"))
    written = chunk.stat().st_mtime_ns
    large = training_pool(DATASET, teacher, CHUNK_IMAGES + 20, 1, tmp_path, progress=False)
    assert chunk.stat().st_mtime_ns == written
    assert np.array_equal(large.masks[:300], small.masks) and large.key != small.key
    assert np.array_equal(large.scores[:300], small.scores)
    assert np.allclose(small.scores[:40], teacher.scores(small.masks[:40]))
    other = training_pool(DATASET, teacher, 300, 2, tmp_path, progress=False)
    assert not np.array_equal(other.masks, small.masks)
    chunk.write_bytes(b"half a file")
    with pytest.raises(InputError, match=r"00000.npz.*delete it"):
        training_pool(DATASET, teacher, 300, 1, tmp_path, progress=False)


def test_training_ends_in_the_state_with_those_metrics(weights: Path, tmp_path: Path) -> None:
    trained = train_student(
        STUDENT, config(weights), DATASET, tmp_path / "w", tmp_path / "c", progress=False
    )
    losses = [epoch["loss"] for epoch in trained.history]
    assert losses[-1] < 0.8 * losses[0]
    masks = DATASET.validation.masks
    teacher = load_teacher(TeacherConfig(weights=str(weights)), 24, 18)
    found = evaluate_latents(student_from_state(STUDENT, trained.state), masks)[:, 0]
    again = agreement(found, ScoredImages(masks, teacher.scores(masks), ""))
    for name, value in again.items():
        assert trained.metrics[name] == pytest.approx(value, abs=1e-6)
    assert trained.metrics["pool_images"] == 600


def neighbours(masks: np.ndarray, key: str) -> ScoredImages:
    """A teacher that counting cannot replace: the fraction of lit pixels lit to their right too."""
    touching = (masks[:, :, 1:] & masks[:, :, :-1]).sum((1, 2))
    return ScoredImages(masks, touching / masks.sum((1, 2)).clip(1), key)


@pytest.mark.parametrize("ranking", [0.0, 1.0])
def test_a_student_learns_what_counting_cannot_know(ranking: float, tmp_path: Path) -> None:
    pool = neighbours(pool_masks(DATASET.train.masks, 600, np.random.default_rng(0)), "pool")
    unseen = neighbours(DATASET.validation.masks, "unseen")
    model = build_student(STUDENT, seed=1)
    schedule = Schedule(
        epochs=6, batch_size=32, learning_rate=1e-2, weight_decay=0, clip_norm=1, seed=1
    )
    fitted = fit(
        model,
        Imitation(pool.standardised(), unseen, ranking),
        schedule,
        tmp_path,
        name="",
        progress=False,
    )
    own = fitted.history[fitted.best_epoch]["rank_correlation_at_equal"]
    counting = agreement(unseen.mask_sums, unseen)["rank_correlation_at_equal"]
    assert own > max(0.6, counting + 0.3)


def test_ranking_counts_only_pairs_of_the_same_mask_sum() -> None:
    targets = torch.tensor([0.0, 1.0, 5.0])
    sums = torch.tensor([100.0, 104.0, 200.0])
    right = ranking_loss(torch.tensor([0.0, 2.0, -50.0]), targets, sums, 1.0)
    wrong = ranking_loss(torch.tensor([2.0, 0.0, 50.0]), targets, sums, 1.0)
    assert float(right) == pytest.approx(np.log1p(np.exp(-2)), rel=1e-5)
    assert float(wrong) == pytest.approx(np.log1p(np.exp(2)), rel=1e-5)
    assert float(ranking_loss(targets, targets, sums * torch.tensor([1, 2, 3]), 1.0)) == 0


def test_the_spread_is_what_the_mask_sum_leaves_open() -> None:
    rng = np.random.default_rng(4)
    sums = rng.integers(50, 400, 20_000)
    targets = 0.01 * sums + rng.normal(0, 0.3, 20_000)
    assert spread_at_equal(targets, sums) == pytest.approx(0.3, rel=0.03)


def test_rank_correlation_at_equal_ignores_the_baseline() -> None:
    rng = np.random.default_rng(9)
    baseline = rng.integers(50, 300, 3000)
    shared, a, b = rng.normal(size=(3, 3000))
    unrelated = rank_correlation_at_equal(baseline + a, baseline + b, baseline)
    related = rank_correlation_at_equal(baseline + 9 * shared, 9 * shared - baseline, baseline)
    assert unrelated is not None and related is not None
    assert abs(unrelated) < 0.06 < 0.5 < related
    assert rank_correlation_at_equal(np.ones(3000), b, baseline) is None
    assert rank_correlation_at_equal(2 * baseline, b, baseline) is None
    assert rank_correlation_at_equal(a, a, baseline) == pytest.approx(1.0)
    assert rank_correlation_at_equal(a[:3], b[:3], baseline[:3]) is None
    # all of one baseline: placements are ranks, as in Spearman's and alike to Kendall's coefficient
    same = rank_correlation_at_equal(shared + a, shared + b, np.full(3000, 7))
    assert same is not None
    assert same > kendalltau(shared + a, shared + b).statistic > 0.2


def test_the_key_of_a_training_changes_with_its_teacher(weights: Path) -> None:
    masks, scores = DATASET.validation.masks, np.arange(48.0)
    first, second = ScoredImages(masks, scores, "a"), ScoredImages(masks, scores, "b")
    assert Imitation(first, first, 1.0).key != Imitation(second, first, 1.0).key
    assert Imitation(first, first, 1.0).key != Imitation(first, first, 0.5).key


def test_teachers_that_cannot_teach_are_refused(weights: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'nobody'.*codae_v2"):
        load_teacher(TeacherConfig(weights="nobody"), 24, 18)
    with pytest.raises(InputError, match=r"72 x 58.*24 x 18"):
        load_teacher(TeacherConfig(weights=str(weights)), 72, 58)
    lonely = tmp_path / "lonely.safetensors"
    lonely.write_bytes(weights.read_bytes())
    with pytest.raises(InputError, match=r"lonely.json: no such file"):
        load_teacher(TeacherConfig(weights=str(lonely)), 24, 18)
    lonely.with_suffix(".json").write_text('{"config": {"architecture": "other"}}')
    with pytest.raises(InputError, match="does not describe a codae"):
        load_teacher(TeacherConfig(weights=str(lonely)), 24, 18)


def test_a_teacher_and_its_objective_belong_together() -> None:
    with pytest.raises(ValueError, match="objective is 'teacher' and teacher is absent"):
        TrainConfig(objective="teacher")
    with pytest.raises(ValueError, match="one output"):
        NetworkConfig(architecture="score_student", export="encoder")
