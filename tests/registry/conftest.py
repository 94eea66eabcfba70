"""A registry of its own for every test, and small real models."""

import shutil
from pathlib import Path

import pytest

from components.models import towers
from components.models.config import TowerConfig
from components.pretrain.checkpoints.state import save_tensors
from components.registry.parameters import PromoteParameters
from components.storage.json_files import write_json

TINY = {
    "model_cfg": {
        "embed_dim": 16,
        "vision_cfg": {"layers": [1, 1, 1, 1], "width": 8, "head_width": 16, "image_size": 32},
        "text_cfg": {"context_length": 8, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
    },
    "preprocess_cfg": {
        "size": 32,
        "mode": "RGB",
        "mean": [0.5, 0.5, 0.5],
        "std": [0.25, 0.25, 0.25],
        "interpolation": "bicubic",
        "resize_mode": "shortest",
    },
}


def make_model(folder: Path, recipe: str, seed: int) -> Path:
    config = TowerConfig(TINY["model_cfg"], TINY["preprocess_cfg"])
    folder.mkdir(parents=True)
    save_tensors(dict(towers.build(config, seed).state_dict()), folder / "open_clip_model.safetensors")
    write_json(folder / "open_clip_config.json", config.to_json())
    write_json(folder / "mofi.json", {"recipe": recipe, "seed": seed})
    return folder


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database with tables and no run: creating them takes seconds, copying none."""
    import mlflow

    import components.registry  # noqa: F401 - before MLflow's first use

    path = tmp_path_factory.mktemp("database") / "mlflow.db"
    mlflow.set_tracking_uri(f"sqlite:///{path}")
    mlflow.search_experiments()
    return path


@pytest.fixture
def registry(tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands in an empty folder with a database of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    shutil.copy(empty_database, tmp_path / "mlflow.db")
    return tmp_path


@pytest.fixture
def models(tmp_path: Path) -> Path:
    for seed, recipe in enumerate(("clip", "supervised", "multitask")):
        make_model(tmp_path / "models" / recipe, recipe, seed)
    return tmp_path / "models"


@pytest.fixture
def parameters() -> PromoteParameters:
    return PromoteParameters(
        name="mofi",
        alias="champion",
        metric="retrieval.query_excluded.all",
        baseline="clip",
        candidates=("supervised", "multitask"),
        least=0.2,
        least_over_baseline=1.2,
        least_over_raw_pixels=1.3,
        least_label_precision=0.9,
        largest_loss=0.02,
    )


@pytest.fixture
def benchmark(tmp_path: Path) -> Path:
    (tmp_path / "benchmark").mkdir()
    (tmp_path / "benchmark" / "images.parquet").write_bytes(b"index")
    return tmp_path / "benchmark"
