"""Kubernetes resources as dicts, and the pods and jobs among them."""

from collections.abc import Iterator
from typing import Any

Resource = dict[str, Any]


def of_kind(resources: list[Resource], kind: str) -> list[Resource]:
    return [resource for resource in resources if resource["kind"] == kind]


def job_of(resources: list[Resource], name: str) -> Resource:
    (job,) = [job for job in of_kind(resources, "RayJob") if job["metadata"]["name"] == name]
    return job


def config(resources: list[Resource], name: str) -> Resource:
    """A generated ConfigMap, whose name is followed by a hash of its content."""
    (found,) = [r for r in of_kind(resources, "ConfigMap") if r["metadata"]["name"].startswith(f"{name}-")]
    return found


def pods(resources: list[Resource]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The spec of every pod that the resources would start, after its name or `job/group`."""
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
    """The pods of Ray clusters."""
    return ((name, spec) for name, spec in pods(resources) if "/" in name and not name.endswith("/submitter"))
