"""The twin of a score student at toy size."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from networks import CONFIG, DATASET, NETWORK

from trigforge.quantize.equality import run_brevitas, run_qonnx
from trigforge.quantize.export import export_qonnx
from trigforge.quantize.qat import twin_from_state
from trigforge.quantize.student_qat import quantize_student
from trigforge.train.config import TeacherConfig, TrainConfig
from trigforge.train.mask_sum import MaskSum
from trigforge.train.student import build_student

STUDENT = replace(NETWORK, architecture="score_student", latents=1, score_latent=0)
TRAIN = TrainConfig(objective="teacher", teacher=TeacherConfig(weights="unused", images=600))


def test_the_twin_follows_the_float_student_and_exports_exactly(tmp_path: Path) -> None:
    student = build_student(STUDENT, seed=2).eval()
    config = replace(CONFIG, epochs=2, batch_size=32)
    trained = quantize_student(
        STUDENT, config, TRAIN, student, DATASET, tmp_path / "w", progress=False
    )
    assert trained.metrics["pool_images"] == 600
    assert trained.metrics["rank_correlation"] > 0.9
    assert trained.metrics["rank_correlation_at_equal"] > 0.8
    twin = twin_from_state(STUDENT, config, trained.state)
    masks = DATASET.validation.masks[:8]
    export_qonnx(twin, tmp_path / "student.onnx", *masks.shape[1:])
    brevitas = run_brevitas(twin, masks)
    assert brevitas.shape == (8, 1)
    assert np.array_equal(brevitas, run_qonnx(tmp_path / "student.onnx", masks))


def test_without_a_teacher_there_are_no_images(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"needs train\.teacher"):
        quantize_student(
            STUDENT, CONFIG, TrainConfig(), build_student(STUDENT, 1), DATASET, tmp_path
        )


def test_counting_is_the_same_in_torch_and_qonnx(tmp_path: Path) -> None:
    masks = DATASET.validation.masks[:20]
    export_qonnx(MaskSum().eval(), tmp_path / "sum.onnx", *masks.shape[1:])
    counted = masks.sum(axis=(1, 2), dtype=np.float64)[:, None]
    assert np.array_equal(run_brevitas(MaskSum(), masks), counted)
    assert np.array_equal(run_qonnx(tmp_path / "sum.onnx", masks), counted)
