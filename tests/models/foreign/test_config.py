"""Configs that others wrote: known settings with right values, or a refusal that names the key."""

import json
import random
import shutil
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest

from components.errors import InputError, MofiError
from components.models import towers
from components.models.config import TowerConfig
from components.models.foreign.config import check_model, read_open_clip_config
from components.models.foreign.tokenizer import sanitized
from components.models.load import load_model
from components.models.tokenizer import make_tokenizer
from components.models.transformers_clip import is_clip_folder, read_clip_config
from tests.models.foreign import plants
from tests.registry.conftest import TINY, make_model

# What stands where something else should: of other types, too large, deep, or meant for a library.
ODD: list[Any] = [
    None,
    True,
    -1,
    0,
    10**400,
    1.5,
    float("nan"),
    float("inf"),
    "",
    "x" * 5000,
    "../../etc/passwd",
    "hf-hub:evil/evil",
    "\x00",
    "\ud800",
    [],
    [1] * 100,
    {},
    {"trust_remote_code": True},
    {"a": {"b": {"c": [{}]}}},
]
CLIP = {
    "model_type": "clip",
    "projection_dim": 16,
    "vision_config": {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 32},
    "text_config": {"hidden_size": 16, "vocab_size": 6, "eos_token_id": 2, "hidden_act": "quick_gelu"},
}


@pytest.mark.parametrize("name", open_clip.list_models())
def test_every_config_of_open_clip_passes_as_it_is(name: str) -> None:
    model = open_clip.get_model_config(name)
    assert check_model(model, name) == model


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("text_cfg", "tokenizer_kwargs"), {"trust_remote_code": True}),
        (("text_cfg", "tokenizer_kwargs"), {"bpe_path": "/etc/passwd"}),
        (("text_cfg", "tokenizer_kwargs"), {"reduction_mask": "syntax"}),
        (("text_cfg", "tokenizer_kwargs"), {"cache_dir": "/tmp"}),
        (("text_cfg", "hf_model_name"), "evil/evil"),
        (("text_cfg", "hf_model_name"), "/other/folder"),
        (("text_cfg", "hf_model_config"), {}),
        (("vision_cfg", "timm_model_name"), "local-dir:/other/folder"),
        (("vision_cfg", "timm_model_name"), "hf_hub:evil/evil"),
        (("vision_cfg", "timm_model_name"), "evil/evil"),
        (("vision_cfg", "norm_kwargs"), {"device": "cuda"}),
        (("vision_cfg", "act_kwargs"), {"inplace": True}),
        (("vision_cfg", "layers"), 10**9),
        (("cast_dtype",), "float16"),
        (("embed_dim",), "16"),
    ],
)
def test_a_setting_that_a_library_might_run_is_refused_by_name(path: tuple[str, ...], value: object) -> None:
    model = deepcopy(TINY["model_cfg"])
    part: Any = model
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    with pytest.raises(InputError, match=path[-1]):
        check_model(model, "x.json")


@pytest.mark.parametrize(("given", "side"), [({"image_size": 32}, 32), ({"image_size": [32, 32]}, 32), ({}, 224)])
def test_a_tower_s_side_is_known_however_it_is_written(given: dict[str, Any], side: int) -> None:
    model = check_model({"embed_dim": 4, "vision_cfg": given, "text_cfg": {}}, "x.json")
    assert TowerConfig(model, {}).image_size == side


def test_a_tower_of_oblong_pictures_is_refused() -> None:
    with pytest.raises(InputError, match=r"vision_cfg.image_size is \[32, 64\]"):
        check_model({"embed_dim": 4, "vision_cfg": {"image_size": [32, 64]}, "text_cfg": {}}, "x.json")


def test_what_is_unknown_about_pictures_reaches_no_library(tmp_path: Path) -> None:
    file = tmp_path / "open_clip_config.json"
    file.write_text(json.dumps(TINY | {"preprocess_cfg": TINY["preprocess_cfg"] | {"auto_map": "evil", "size": 32}}))
    assert read_open_clip_config(file).preprocess == TINY["preprocess_cfg"]


def places(content: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths to all values of a JSON document."""
    if not isinstance(content, dict):
        return [above]
    return [above, *(place for key, value in content.items() for place in places(value, (*above, key)))]


def changed(content: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """One to three values replaced, added or removed."""
    new = deepcopy(content)
    for _ in range(rng.randint(1, 3)):
        place = rng.choice(places(new)[1:])
        part = new
        for key in place[:-1]:
            part = part[key]
        action = rng.randrange(3)
        if action == 0:
            del part[place[-1]]
            if not places(new)[1:]:
                return new
        else:
            part[place[-1] if action == 1 else rng.choice(("evil", "auto_map", "", "layers"))] = rng.choice(ODD)
    return new


@pytest.mark.parametrize("seed", range(150))
def test_odd_configs_are_read_or_refused_and_nothing_else(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    (tmp_path / "open_clip_config.json").write_text(json.dumps(changed(TINY, rng)))
    (tmp_path / "config.json").write_text(json.dumps(changed(CLIP, rng)))
    for read in (
        lambda: read_open_clip_config(tmp_path / "open_clip_config.json"),
        lambda: is_clip_folder(tmp_path) and read_clip_config(tmp_path),
        lambda: towers.read_config(str(tmp_path)),
    ):
        try:
            read()
        except MofiError as error:
            assert str(tmp_path) in str(error)


@pytest.mark.parametrize("text", ["", "[", "[]", "1", "[" * 200_000, '{"a":' * 100_000, "\ufeff{}", '{"model_cfg": 1}'])
def test_a_config_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    for name in ("open_clip_config.json", "config.json", "tokenizer_config.json"):
        (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=r"open_clip_config\.json"):
        read_open_clip_config(tmp_path / "open_clip_config.json")
    with pytest.raises(InputError, match=r"config\.json") if text != '{"model_cfg": 1}' else pytest.raises(InputError):
        (is_clip_folder(tmp_path) and read_clip_config(tmp_path)) or sanitized(tmp_path)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer")
    plants.write_tokenizer(folder)
    return folder


@pytest.mark.parametrize("seed", range(40))
def test_odd_tokenizers_are_read_or_refused_and_nothing_else(tokenizer: Path, tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    shutil.copytree(tokenizer, tmp_path, dirs_exist_ok=True)
    file = tmp_path / rng.choice(("tokenizer_config.json", "tokenizer.json"))
    file.write_text(json.dumps(changed(json.loads(file.read_text()), rng)))
    config = towers.TowerConfig(deepcopy(TINY["model_cfg"]), TINY["preprocess_cfg"])
    config.model["text_cfg"]["hf_tokenizer_name"] = str(tmp_path)
    try:
        make_tokenizer(config)(["a crab"])
    except MofiError as error:
        assert str(tmp_path) in str(error)


def test_a_copy_of_a_tokenizer_has_its_vocabulary_and_known_settings_alone(tokenizer: Path, tmp_path: Path) -> None:
    shutil.copytree(tokenizer, tmp_path, dirs_exist_ok=True)
    plants.write_code(tmp_path)
    plants.change(
        tmp_path / "tokenizer_config.json", chat_template="{{ evil }}", name_or_path="/etc", vocab_file="/etc/x"
    )
    plants.change(tmp_path / "config.json", model_type="clip", attn_implementation="evil/kernels")
    with sanitized(tmp_path) as copy:
        files = {path.name for path in Path(copy).iterdir()}
        settings = json.loads((Path(copy) / "tokenizer_config.json").read_text())
        assert json.loads((Path(copy) / "config.json").read_text()) == {"model_type": "clip"}
    assert files == {"tokenizer.json", "tokenizer_config.json", "config.json"}
    assert settings == json.loads((tokenizer / "tokenizer_config.json").read_text())


def test_a_folder_with_the_name_of_a_repository_runs_nothing(
    tokenizer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Libraries prefer a folder here to a repository elsewhere."""
    monkeypatch.setenv(plants.MARKER, str(tmp_path / "marker"))
    monkeypatch.setattr("builtins.input", lambda *_: "y")
    monkeypatch.chdir(tmp_path)
    shutil.copytree(tokenizer, "roberta-base")
    plants.write_code(Path("roberta-base"))
    for name in ("config.json", "tokenizer_config.json"):
        plants.change(Path("roberta-base") / name, model_type="evil", auto_map=plants.AUTO_MAP)
    config = towers.TowerConfig(deepcopy(TINY["model_cfg"]), TINY["preprocess_cfg"])
    config.model["text_cfg"] |= {"hf_tokenizer_name": "roberta-base", "hf_model_name": "roberta-base"}
    for load in (lambda: towers.build(config, 1), lambda: make_tokenizer(config)(["a crab"])):
        with pytest.raises(MofiError, match="roberta-base"):
            load()
    assert not Path("marker").exists()


@pytest.mark.parametrize(
    ("part", "values"),
    [
        ("text_cfg", {"vocab_size": 10_000_000, "width": 65_536}),
        ("text_cfg", {"context_length": 65_536}),  # its mask is no weight
        ("text_cfg", {"layers": 16, "width": 4096}),
        ("vision_cfg", {"width": 4096}),
        ("vision_cfg", {"layers": 12, "width": 8192, "patch_size": 1}),
        ("vision_cfg", {"timm_model_name": "vit_giant_patch14_dinov2"}),
    ],
    ids=str,
)
def test_towers_far_larger_than_the_weights_are_refused_before_they_take_memory(
    tmp_path: Path, part: str, values: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_model(tmp_path / "model", "clip", 1)
    monkeypatch.setattr(towers, "build", lambda *_args, **_kwargs: pytest.fail("they are built"))
    plants.change(tmp_path / "model/open_clip_config.json", "model_cfg", part, **values)
    with pytest.raises(InputError, match=r"describes towers with [\d,]+ numbers, but its weights have \d"):
        load_model(tmp_path / "model")


def test_the_numbers_of_towers_are_counted_as_they_are_built() -> None:
    config = TowerConfig(TINY["model_cfg"], TINY["preprocess_cfg"])
    built = towers.build(config, seed=0)
    numbers = sum(tensor.numel() for tensor in (*built.parameters(), *built.buffers()))
    assert towers.count_numbers(config) == numbers


@pytest.mark.parametrize(
    "vision",
    [
        {"layers": [1, 1, 1, 1], "width": 64, "image_size": 8192},
        {"layers": [1, 1, 1, 1], "width": 64, "image_size": [8192, 8192]},
        {"layers": [1, 1, 1, 1], "width": 65_536, "image_size": 224},
        {"timm_model_name": "convnext_base", "image_size": 4096},
        {"layers": 1, "patch_size": 4096, "image_size": 8192},
    ],
)
def test_pictures_that_would_take_far_too_much_memory_are_refused(vision: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"x\.json: .*image_size is .* some [\d,]+ MB .* more than the 256 MB"):
        check_model(TINY["model_cfg"] | {"vision_cfg": vision}, "x.json")


@pytest.mark.parametrize("side", [224, 448, 1024])
def test_sizes_in_use_are_taken(side: int) -> None:
    check_model(TINY["model_cfg"] | {"vision_cfg": {"layers": [3, 4, 6, 3], "width": 64, "image_size": side}}, "x.json")


def test_pictures_are_embedded_alike_however_many_fit_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    from components.models import encoder

    config = TowerConfig(TINY["model_cfg"], TINY["preprocess_cfg"])
    made = encoder.encoder_from_towers(towers.build(config, 1), config)
    pictures = np.random.default_rng(1).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    at_once = made.images(pictures)
    monkeypatch.setattr(encoder, "_PIXELS", 2 * 32 * 32)
    assert made.images(pictures) == pytest.approx(at_once, abs=1e-6)
