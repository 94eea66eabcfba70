"""A Kubernetes API server with KubeRay accepts every resource: all fields and types are known."""

import copy
import gzip
from functools import cache
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from tests import ROOT
from tests.k8s.resources import Resource, job_of, of_kind, pods

DEFINITIONS = ROOT.parent / "shared" / "data" / "kuberay"
VERSIONS = ("1.31", "1.37")
# The definitions are a megabyte of YAML, which the C loader reads ten times as fast.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
needs_kuberay = pytest.mark.skipif(not DEFINITIONS.is_dir(), reason=f"no KubeRay definitions in {DEFINITIONS}")


@cache
def rayjob_schema() -> dict[str, Any]:
    """KubeRay's schema of a RayJob v1, but strict: the API server silently drops unknown keys."""
    with gzip.open(DEFINITIONS / "ray.io_rayjobs.yaml.gz", "rt", encoding="utf-8") as stream:
        definition = next(document for document in yaml.load_all(stream, _LOADER) if document)
    (served,) = [version for version in definition["spec"]["versions"] if version["name"] == "v1"]
    assert served["served"]
    return _closed(served["schema"]["openAPIV3Schema"])


def _closed(schema: dict[str, Any]) -> dict[str, Any]:
    schema = dict(schema)
    if "properties" in schema:
        schema["properties"] = {key: _closed(value) for key, value in schema["properties"].items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            schema.setdefault("additionalProperties", False)
    if isinstance(schema.get("items"), dict):
        schema["items"] = _closed(schema["items"])
    return schema


def errors(job: Resource) -> list[str]:
    """The errors that KubeRay's schema finds in a RayJob, one line each."""
    validator = jsonschema.Draft202012Validator(rayjob_schema())
    return [f"{'/'.join(map(str, error.path))}: {error.message}" for error in validator.iter_errors(job)]


@pytest.mark.parametrize("version", VERSIONS)
def test_core_kinds_are_valid(overlay: list[Resource], version: str):
    core = [resource for resource in overlay if "." not in resource["apiVersion"]]
    assert {"Namespace", "ServiceAccount", "ConfigMap", "PersistentVolumeClaim", "Pod"} == {r["kind"] for r in core}
    for resource in core:
        kubernetes_validate.validate(resource, version, strict=True)


@pytest.mark.parametrize("version", VERSIONS)
def test_pods_of_ray_jobs_are_valid_pods(overlay: list[Resource], version: str):
    for name, spec in pods(overlay):
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name.replace("/", "-")}, "spec": spec}
        kubernetes_validate.validate(pod, version, strict=True)


def test_a_pod_with_a_misspelt_field_is_rejected(overlay: list[Resource]):
    pod = copy.deepcopy(of_kind(overlay, "Pod")[0])
    pod["spec"]["containers"][0]["securityContex"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(pod, VERSIONS[-1], strict=True)


@needs_kuberay
def test_ray_jobs_are_valid(overlay: list[Resource]):
    jobs = of_kind(overlay, "RayJob")
    assert {job["metadata"]["name"] for job in jobs} == {"label", "pretrain"}
    for job in jobs:
        assert job["apiVersion"] == "ray.io/v1"
        assert errors(job) == []


@needs_kuberay
def test_a_ray_job_with_a_misspelt_or_mistyped_field_is_rejected(gpu: list[Resource]):
    job = copy.deepcopy(job_of(gpu, "label"))
    job["spec"]["backoffLimt"] = 1
    job["spec"]["rayClusterSpec"]["workerGroupSpecs"][0]["replicas"] = "two"
    assert len(errors(job)) == 2


def test_every_resource_is_of_a_kind_that_these_tests_validate(overlay: list[Resource]):
    assert {r["apiVersion"] for r in overlay} == {"v1", "ray.io/v1"}
