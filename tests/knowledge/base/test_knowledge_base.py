"""The knowledge base on disk: names, priors and embeddings, the same bytes each time."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from components.cli.commands.knowledge import lookup
from components.errors import InputError
from components.knowledge.base.embedder import TextEmbedder, normalised
from components.knowledge.base.knowledge_base import KnowledgeBase
from components.knowledge.build.build import build
from components.knowledge.parameters import KnowledgeParameters
from tests import ROOT
from tests.knowledge.conftest import ITEMS, built, item, lines_of

SUBSET = ROOT.parent / "shared" / "data" / "wikidata" / "subset.json.bz2"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


# Entities and names


def test_entities_are_sorted_by_the_number_of_their_q_id(base: KnowledgeBase) -> None:
    ids = [base.entity(row).entity_id for row in range(len(base))]
    assert ids == ["Q43", "Q89", "Q312", "Q2370", "Q2407", "Q5113", "Q6256", "Q848706"]
    assert [base.row_of(q) for q in ids] == list(range(len(ids)))
    assert base.row_of("Q777777") is None


def test_an_entity_has_all_fields_of_the_dump(base: KnowledgeBase) -> None:
    turkey = base.entity(base.row_of("Q848706"))
    assert (turkey.label, turkey.description, turkey.aliases) == (
        "turkey",
        "large ground-feeding bird",
        ("wild turkey",),
    )
    assert (turkey.instance_of, turkey.subclass_of, turkey.sitelinks, turkey.image) == ((), ("Q5113",), 99, "T.jpg")


@pytest.mark.parametrize("name", ["turkey", "TURKEY", ":turkey:", "Türkey"])
def test_a_name_with_two_meanings_has_two_candidates_the_better_known_first(base: KnowledgeBase, name: str) -> None:
    found = base.candidates(name)
    assert [c.entity_id for c in found] == ["Q43", "Q848706"]
    smoothed = np.log1p([400, 99]) + 1
    assert [c.prior for c in found] == pytest.approx(smoothed / smoothed.sum())
    assert [base.entity(c.row).entity_id for c in found] == [c.entity_id for c in found]


def test_priors_of_every_name_sum_to_one(base: KnowledgeBase) -> None:
    names = {name for row in range(len(base)) for name in (base.entity(row).label, *base.entity(row).aliases)}
    for name in names:
        assert sum(c.prior for c in base.candidates(name)) == pytest.approx(1)


def test_an_alias_is_a_name_too(base: KnowledgeBase) -> None:
    assert [c.entity_id for c in base.candidates("Turkiye")] == ["Q43"]
    assert [c.entity_id for c in base.candidates("apple inc")] == ["Q312"]


@pytest.mark.parametrize("name", ["", "***", "turke", "turkey bird", "c", "\udcff", "x" * 10_000, "\0"])
def test_an_unknown_name_has_no_candidates(base: KnowledgeBase, name: str) -> None:
    assert base.candidates(name) == []


def test_names_can_be_searched_for_the_longest_match(base: KnowledgeBase) -> None:
    assert base.candidates("wild turkey")
    assert not base.candidates("wild")
    assert base.is_prefix("wild")
    assert not base.is_prefix("wil")
    assert not base.is_prefix("wild turkey")


def test_a_name_that_is_too_long_is_not_indexed_but_its_entity_stays(
    tmp_path: Path, knobs: KnowledgeParameters
) -> None:
    long = "very " * 2000 + "long"
    opened = built([item("Q1", long, aliases=["short", "y" * 40, "z" * 41])], tmp_path, knobs)
    assert opened.entity(0).label == long
    assert [bool(opened.candidates(name)) for name in (long, "short", "y" * 40, "z" * 41)] == [False, True, True, False]


def test_a_name_that_an_item_bears_twice_counts_once(tmp_path: Path, knobs: KnowledgeParameters) -> None:
    opened = built([item("Q1", "Crab", aliases=["crab", "CRAB!", "krabbe"])], tmp_path, knobs)
    assert [c.prior for c in opened.candidates("crab")] == [1.0]


def test_of_duplicate_items_the_first_is_kept(tmp_path: Path, knobs: KnowledgeParameters) -> None:
    opened = built([item("Q2", "two"), item("Q1", "first"), item("Q1", "second")], tmp_path, knobs)
    assert [opened.entity(row).label for row in range(len(opened))] == ["first", "two"]
    counts = json.loads((tmp_path / "base" / "stats.json").read_text())["lines"]
    assert counts == {"lines": 3, "kept": 2, "duplicate": 1}


# Embeddings


def test_embeddings_are_normalised_and_mapped(base: KnowledgeBase) -> None:
    assert isinstance(base.embeddings, np.memmap)
    assert base.embeddings.shape == (len(base), base.size) == (8, 6)
    assert np.linalg.norm(base.vectors(range(8)), axis=1) == pytest.approx(np.ones(len(base)), abs=1e-3)


def test_a_text_is_nearer_to_what_it_speaks_of(base: KnowledgeBase) -> None:
    bird, country = base.row_of("Q848706"), base.row_of("Q43")
    birds, places = base.embed(["a bird with feathers that lays eggs", "a country between Europe and Asia"])
    assert birds @ base.embeddings[bird] > birds @ base.embeddings[country] + 0.3
    assert places @ base.embeddings[country] > places @ base.embeddings[bird] + 0.3


def test_a_text_without_a_known_word_is_zero(base: KnowledgeBase) -> None:
    assert not base.embed(["zzz qqq", "", "***"]).any()
    assert base.embed([]).shape == (0, 6)


def test_a_text_is_embedded_alike_alone_and_among_others(base: KnowledgeBase) -> None:
    texts = ["a large bird", "fruit of a tree", "", "country"]
    assert (np.concatenate([base.embed([t]) for t in texts]) == base.embed(texts)).all()


@given(st.lists(st.lists(st.floats(-1e6, 1e6, width=32), min_size=3, max_size=3), max_size=5))
@settings(deadline=None)
def test_normalised_rows_have_length_one_or_zero(rows: list[list[float]]) -> None:
    lengths = np.linalg.norm(normalised(np.array(rows, dtype=np.float32).reshape(-1, 3)), axis=1)
    assert ((np.abs(lengths - 1) < 1e-3) | (lengths == 0)).all()


@pytest.mark.parametrize("labels", [["turkey"], ["***"], ["turkey", "bird"], ["same", "same"]])
def test_even_one_item_or_no_word_make_a_knowledge_base(
    tmp_path: Path, knobs: KnowledgeParameters, labels: list[str]
) -> None:
    opened = built([item(f"Q{n + 1}", label) for n, label in enumerate(labels)], tmp_path, knobs)
    assert len(opened) == len(opened.embeddings) == len(labels)
    assert np.isfinite(opened.embed(["turkey"])).all()


def test_an_embedder_is_the_same_after_saving_and_loading(tmp_path: Path) -> None:
    embedder = TextEmbedder.fit(["red bird", "blue bird", "green tree", "old tree"], 3, seed=1)
    embedder.save(tmp_path)
    texts = ["bird", "tree house", "unknown"]
    assert (TextEmbedder.load(tmp_path).embed(texts) == embedder.embed(texts)).all()


# Building


def test_a_rebuild_gives_the_same_bytes(tmp_path: Path, knobs: KnowledgeParameters, base: KnowledgeBase) -> None:
    built(ITEMS, tmp_path, knobs)
    assert contents(tmp_path / "base") == contents(base.folder)


def test_the_bytes_do_not_depend_on_the_number_of_threads(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; import numpy as np\n"
        "from components.knowledge.base.embedder import TextEmbedder\n"
        "luck = np.random.default_rng(0)\n"
        "texts = [' '.join(f'word{n}' for n in luck.integers(0, 900, 12)) for _ in range(1500)]\n"
        "TextEmbedder.fit(texts, 64, 7).save(Path(sys.argv[1]))\n"
    )
    for threads in ("1", "4"):
        (tmp_path / threads).mkdir()
        environment = os.environ | {"OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads}
        subprocess.run([sys.executable, "-c", code, tmp_path / threads], check=True, cwd=ROOT, env=environment)
    assert contents(tmp_path / "1") == contents(tmp_path / "4")


def test_what_a_killed_build_left_is_not_published(
    tmp_path: Path, knobs: KnowledgeParameters, base: KnowledgeBase
) -> None:
    (tmp_path / "work" / "knowledge").mkdir(parents=True)
    (tmp_path / "work" / "knowledge" / "entities.arrow.old").write_text("left")
    built(ITEMS, tmp_path, knobs)
    assert contents(tmp_path / "base") == contents(base.folder)


def test_a_build_counts_what_it_read(tmp_path: Path, knobs: KnowledgeParameters) -> None:
    (tmp_path / "dump.json").write_bytes(lines_of(ITEMS))
    measures = build(tmp_path / "dump.json", tmp_path / "base", knobs, tmp_path / "work")
    assert measures == {
        "items": 8,
        "names": 12,
        "ambiguous_names": 2,
        "lines": {"lines": 9, "kept": 8, "excluded_class": 1},
    }
    assert json.loads((tmp_path / "base" / "stats.json").read_text()) == measures


def test_a_dump_without_the_language_is_an_error(tmp_path: Path, knobs: KnowledgeParameters) -> None:
    with pytest.raises(InputError, match=r"no item with a label in \['xx'\] .*'no_label': 9.*knowledge\.languages"):
        built(ITEMS, tmp_path, knobs.model_copy(update={"languages": ["xx"]}))


# Opening


def test_a_missing_base_is_reported_with_the_command(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no knowledge base .*mofi knowledge build"):
        KnowledgeBase.open(tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        "entities.arrow",
        "ids.npy",
        "embeddings.npy",
        "names/00000.marisa",
        "names/00000_starts.npy",
        "names/00000_records.npy",
    ],
)
@pytest.mark.parametrize("content", [None, b"", b"nonsense" * 100])
def test_a_damaged_base_is_reported_with_the_command(
    tmp_path: Path, base: KnowledgeBase, name: str, content: bytes | None
) -> None:
    shutil.copytree(base.folder, tmp_path, dirs_exist_ok=True)
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match="mofi knowledge build"):
        KnowledgeBase.open(tmp_path)


def test_files_of_two_bases_do_not_fit(tmp_path: Path, base: KnowledgeBase, knobs: KnowledgeParameters) -> None:
    other = built(ITEMS[:3], tmp_path, knobs)
    (other.folder / "embeddings.npy").write_bytes((base.folder / "embeddings.npy").read_bytes())
    with pytest.raises(InputError, match="3 entities but 8 embeddings"):
        KnowledgeBase.open(other.folder)


# Looking names up


def look_up(name: str, folder: Path):
    import typer

    app = typer.Typer()
    app.command()(lookup)
    return CliRunner(env={"COLUMNS": "120"}).invoke(app, [name, "--base", str(folder)])


def test_lookup_shows_what_a_name_may_mean(base: KnowledgeBase) -> None:
    shown = look_up("turkey", base.folder)
    assert shown.exit_code == 0
    rows = [line.split() for line in shown.stdout.splitlines()]
    assert [(row[0], row[1], row[-1]) for row in rows[1:]] == [
        ("Q43", "Turkey", "0.555"),
        ("Q848706", "turkey", "0.445"),
    ]


def test_lookup_shows_brackets_as_they_are(tmp_path: Path, knobs: KnowledgeParameters) -> None:
    built([item("Q1", "[red] thing", "a [/b] thing")], tmp_path, knobs)
    assert "[red] thing" in look_up("red thing", tmp_path / "base").stdout
    assert "a [/b] thing" in look_up("red thing", tmp_path / "base").stdout


def test_lookup_of_an_unknown_name_is_reported(base: KnowledgeBase) -> None:
    shown = look_up("no such thing", base.folder)
    assert shown.exit_code == 1
    assert "is called 'no such thing'" in shown.stdout


# A real subset of Wikidata


@pytest.mark.slow
@pytest.mark.skipif(not SUBSET.exists(), reason=f"{SUBSET} is not here")
def test_the_turkeys_of_wikidata_are_the_bird_and_the_country(tmp_path: Path, knobs: KnowledgeParameters) -> None:
    measures = build(SUBSET, tmp_path / "base", knobs, tmp_path / "work")
    assert measures["items"] > 44_000
    assert measures["ambiguous_names"] > 1_500
    opened = KnowledgeBase.open(tmp_path / "base")
    assert {c.entity_id for c in opened.candidates("turkey")} >= {"Q43", "Q26844"}
