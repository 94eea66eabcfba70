"""The rendered overlays, and what is read from them again and again."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests import ROOT
from tests.k8s.kustomize import Resource, render

K8S = ROOT / "k8s"
OVERLAYS = ("local", "gpu")


@pytest.fixture(scope="session", params=OVERLAYS)
def overlay(request: pytest.FixtureRequest) -> list[Resource]:
    """All resources of an overlay. Whoever changes one copies it first."""
    return render(K8S / "overlays" / request.param)


@pytest.fixture(scope="session")
def gpu() -> list[Resource]:
    return render(K8S / "overlays" / "gpu")


def of_kind(resources: list[Resource], kind: str) -> list[Resource]:
    return [resource for resource in resources if resource["kind"] == kind]


def job_of(resources: list[Resource], name: str) -> Resource:
    (job,) = [job for job in of_kind(resources, "RayJob") if job["metadata"]["name"] == name]
    return job


def pods(resources: list[Resource]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every pod spec that the resources would start: where it stands, and the spec."""
    for resource in resources:
        spec, name = resource.get("spec", {}), resource["metadata"]["name"]
        if resource["kind"] == "Pod":
            yield name, spec
        if resource["kind"] == "RayJob":
            cluster = spec["rayClusterSpec"]
            yield f"{name}/submitter", spec["submitterPodTemplate"]["spec"]
            yield f"{name}/head", cluster["headGroupSpec"]["template"]["spec"]
            for group in cluster["workerGroupSpecs"]:
                yield f"{name}/{group['groupName']}", group["template"]["spec"]


def ray_pods(resources: list[Resource]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Those that are part of a Ray cluster."""
    return ((name, spec) for name, spec in pods(resources) if "/" in name and not name.endswith("/submitter"))
