"""The sample's packages, and a small sample built from them."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from components.cli.parameters import SampleParameters
from samples import packages
from samples.build import build
from samples.concepts import Concept, Drawing, all_concepts, held_out
from samples.site import Builder
from samples.texts import ShortCodes
from tests import ROOT

FEW = SampleParameters(seed=7, port=8765, page_pictures=8, drawings=9, useless_share=0.1, planted=6)


@pytest.fixture(scope="session")
def modules() -> Path:
    """The pinned npm packages; fetched once per checkout (some seconds)."""
    return packages.fetch(ROOT / packages.CACHE).absolute()


@pytest.fixture(scope="session")
def concepts(modules: Path) -> list[Concept]:
    return all_concepts(modules, 4)


@pytest.fixture(scope="session")
def builder(modules: Path) -> Builder:
    return Builder(modules, ShortCodes.load(modules), seed=7, port=8765, page_pictures=10, useless_share=0.1)


def drawn_by(art_set: str, concepts: Sequence[Concept], excluded: bool = False) -> list[tuple[Concept, Drawing]]:
    return [(c, d) for c in concepts for d in c.drawings if d.art_set == art_set and held_out(c.key) == excluded]


@pytest.fixture(scope="session")
def sample(modules: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample of the two dozen concepts that at least nine sets draw."""
    out = tmp_path_factory.mktemp("sample")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        build(FEW, out)
    return out
