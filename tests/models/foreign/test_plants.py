"""No code in a model's files runs, in any loader and any format."""

import pickle
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import mlflow
import numpy as np
import open_clip
import pytest

from components.errors import MofiError
from components.models import towers
from components.models.config import TowerConfig
from components.models.encoder import load_encoder
from components.models.find import find_model
from components.models.tokenizer import make_tokenizer
from components.pretrain.initial_weights import find_initial_weights, load_initial_weights
from components.registry import tracking
from components.registry.parameters import PromoteParameters
from components.serve.embed import model_at
from components.storage.s3 import Prefix
from tests.endpoint import BUCKET, Endpoint
from tests.models.foreign import plants
from tests.registry.conftest import TINY, empty_database, parameters, registry  # noqa: F401 - fixtures

Plant = Callable[[Path], None]
PIXELS = np.zeros((1, 32, 32, 3), np.uint8)


@pytest.fixture
def marker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file that foreign code would write, if it ran; also a module cache of this test."""
    path = tmp_path / "marker"
    monkeypatch.setenv(plants.MARKER, str(path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("builtins.input", lambda *_: "y")  # who asks a person is given a yes
    yield path


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder with a tokenizer of its own."""
    return plants.model_with_tokenizer(tmp_path_factory.mktemp("sound") / "clip")


def planted(sound: Path, tmp_path: Path, plant: Plant) -> Path:
    folder = tmp_path / "models" / "clip"
    shutil.copytree(sound, folder)
    plants.write_code(folder)
    plant(folder)
    return folder


def encode(location: str) -> None:
    encoder = load_encoder(find_model(location).local())
    encoder.images(PIXELS)
    encoder.texts(["a crab"])


def begin_a_training(location: str) -> None:
    initial = find_initial_weights(location)
    assert initial is not None
    load_initial_weights(towers.build(TowerConfig(TINY["model_cfg"], TINY["preprocess_cfg"]), seed=1), initial)


def train_its_tower(location: str) -> None:
    config = towers.read_config(location)
    towers.build(config, seed=1)
    make_tokenizer(config)(["a crab"])


def export(to: str, location: str) -> None:
    from components.export.export import export_model
    from components.export.formats import Format

    export_model(location, Format(to), Path(location).parent.parent / "out")


LOADERS: dict[str, Callable[[str], object]] = {
    "encode": encode,
    "pretrain.initial": begin_a_training,
    "pretrain.tower": train_its_tower,
    "search --model": model_at,
    "export --to hf": partial(export, "hf"),
}


def runs_nothing(load: Callable[[str], object], location: str, marker: Path) -> str:
    """The refusal, or "" if it was loaded without the code; an unforeseen error is one."""
    try:
        load(location)
    except MofiError as error:
        return str(error)
    finally:
        assert not marker.exists(), marker.read_text()
    return ""


def test_the_sound_folder_loads(sound: Path, marker: Path) -> None:
    encoder = load_encoder(sound)
    assert encoder.texts(["a crab", "a"]).shape == (2, 16)
    tokens = make_tokenizer(towers.read_config(str(sound)))(["a crab"])
    assert tokens.tolist() == open_clip.get_tokenizer(f"local-dir:{sound}")(["a crab"]).tolist()


def test_the_planted_code_runs_where_a_library_reads_the_folder(
    sound: Path, tmp_path: Path, marker: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the tests below would show nothing."""
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    folder = planted(sound, tmp_path, plants.trusting_arguments)
    open_clip.get_tokenizer(f"local-dir:{folder}")
    assert "evil" in marker.read_text()
    marker.unlink()
    pickle.loads((folder / "pytorch_model.bin").read_bytes())
    assert marker.read_text() == "pickle\n"


@pytest.mark.parametrize("plant", plants.PLANTS, ids=lambda plant: plant.__name__)
@pytest.mark.parametrize("loader", LOADERS)
def test_a_folder_s_code_never_runs(sound: Path, tmp_path: Path, marker: Path, loader: str, plant: Plant) -> None:
    folder = planted(sound, tmp_path, plant)
    problem = runs_nothing(LOADERS[loader], str(folder), marker)
    if problem and loader == "encode":
        assert str(tmp_path) in problem, "the message names the file"


# Formats: CLIPs of transformers


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as MOFI was released: a CLIPModel and its own tokenizer."""
    from transformers import CLIPConfig, CLIPModel

    folder = tmp_path_factory.mktemp("released") / "clip"
    part = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    seen, read = (
        {"image_size": 32, "patch_size": 16},
        {"vocab_size": 6, "max_position_embeddings": 8, "eos_token_id": 2},
    )
    config = CLIPConfig(vision_config=part | seen, text_config=part | read | {"bos_token_id": 1, "pad_token_id": 0})
    CLIPModel(config).save_pretrained(folder)
    plants.write_tokenizer(folder)
    return folder


def clip_s_auto_map(folder: Path) -> None:
    plants.change(folder / "config.json", auto_map=plants.AUTO_MAP)


def clip_s_text_s_auto_map(folder: Path) -> None:
    plants.change(folder / "config.json", "text_config", auto_map=plants.AUTO_MAP, model_type="evil")


def clip_s_kernels(folder: Path) -> None:
    plants.change(folder / "config.json", attn_implementation="evil/kernels", quantization_config={"quant_method": "x"})


def clip_s_preprocessor(folder: Path) -> None:
    plants.change(folder / "preprocessor_config.json", auto_map=plants.AUTO_MAP, image_processor_type="evil")


def clip_s_pickle(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes((folder / "pytorch_model.bin").read_bytes())


def clip_s_pickle_alone(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


CLIP_PLANTS = (
    clip_s_auto_map,
    clip_s_text_s_auto_map,
    clip_s_kernels,
    clip_s_preprocessor,
    clip_s_pickle,
    clip_s_pickle_alone,
    plants.tokenizer_s_auto_map,
    plants.tokenizer_s_old_auto_map,
    plants.tokenizer_class_of_its_own,
    plants.code_that_nothing_names,
)


@pytest.mark.parametrize("plant", CLIP_PLANTS, ids=lambda plant: plant.__name__)
@pytest.mark.parametrize("loader", LOADERS)
def test_a_released_clip_s_code_never_runs(clip: Path, tmp_path: Path, marker: Path, loader: str, plant: Plant) -> None:
    runs_nothing(LOADERS[loader], str(planted(clip, tmp_path, plant)), marker)


def test_what_a_clip_says_to_libraries_that_are_not_asked_changes_nothing(
    clip: Path, tmp_path: Path, marker: Path
) -> None:
    folder = planted(clip, tmp_path, clip_s_kernels)
    assert (load_encoder(folder).texts(["a crab"]) == load_encoder(clip).texts(["a crab"])).all()


# Where models come from


def test_of_a_bucket_only_files_of_a_model_are_copied(
    sound: Path, tmp_path: Path, marker: Path, s3: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = planted(sound, tmp_path, plants.trusting_arguments)
    (folder / "sub").mkdir()
    (folder / "sub" / "config.json").write_text("{}")
    prefix = Prefix.of(f"s3://{BUCKET}/planted")
    for file in (path for path in folder.rglob("*") if path.is_file()):
        prefix.put(file, file.relative_to(folder).as_posix())
    copied = Path(find_model(str(prefix)).local())
    assert {path.relative_to(copied).as_posix() for path in copied.rglob("*")} == {p.name for p in sound.iterdir()}
    assert "trust_remote_code" in runs_nothing(encode, str(prefix), marker)


def register(folder: Path, name: str = "mofi") -> None:
    """A model as somebody else might register it: a pickle for MLflow, our files next to it."""
    tracking.connect()
    with mlflow.start_run():
        logged = mlflow.pyfunc.log_model(
            name="clip", python_model=Pickled(), artifacts={"model": str(folder)}, pip_requirements=["mlflow"]
        )
    mlflow.register_model(logged.model_uri, name)
    mlflow.MlflowClient().set_registered_model_alias(name, "champion", "1")


class Pickled(mlflow.pyfunc.PythonModel):
    """Runs code when MLflow unpickles it."""

    def predict(self, context, model_input, params=None):
        return []

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return plants.Evil().__reduce__()


def test_what_mlflow_would_unpickle_is_not_even_copied(
    sound: Path,
    tmp_path: Path,
    marker: Path,
    registry: Path,  # noqa: F811
    parameters: PromoteParameters,  # noqa: F811
) -> None:
    folder = planted(sound, tmp_path, plants.code_that_nothing_names)
    register(folder)
    marker.unlink(missing_ok=True)  # logging it may have loaded it
    for load in (encode, begin_a_training, model_at, partial(export, "hf")):
        runs_nothing(load, "models:/mofi@champion", marker)
    copied = Path(find_model("models:/mofi@champion").local())
    assert {path.name for path in copied.iterdir()} == {path.name for path in sound.iterdir()}
    with pytest.raises(Exception, match=r".*"):
        mlflow.pyfunc.load_model("models:/mofi@champion").predict([1])
    assert marker.exists(), "through MLflow it would have run"
