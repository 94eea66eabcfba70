"""What every pod is allowed to do, what it may use, and what it refers to."""

import re
from typing import Any

import pytest

from tests import ROOT
from tests.k8s.resources import Resource, job_of, of_kind, pods, ray_pods

GUIDE = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
_UNITS = {"": 1, "m": 1e-3, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
GPU = "nvidia.com/gpu"


def amount(quantity: str | int) -> float:
    """A Kubernetes quantity as a number: "500m" → 0.5, "1Gi" → 1073741824."""
    match = re.fullmatch(r"([\d.]+)([A-Za-z]*)", str(quantity))
    assert match, quantity
    return float(match[1]) * _UNITS[match[2]]


def containers_of(resources: list[Resource]) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Every container as (name of its pod, its pod, the container)."""
    every = [(name, pod, one) for name, pod in pods(resources) for one in pod["containers"]]
    assert len(every) == 7  # three pods of each job, and the shell
    return every


# What a pod refers to


def test_every_name_that_a_pod_refers_to_exists(overlay: list[Resource]):
    there = {(r["kind"], r["metadata"]["name"]) for r in overlay}
    for where, pod in pods(overlay):
        used = {("ServiceAccount", pod["serviceAccountName"])}
        for volume in pod["volumes"]:
            if "persistentVolumeClaim" in volume:
                used.add(("PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]))
            if "configMap" in volume:
                used.add(("ConfigMap", volume["configMap"]["name"]))
        for container in pod["containers"]:
            for source in container.get("envFrom", []):
                if "configMapRef" in source:
                    used.add(("ConfigMap", source["configMapRef"]["name"]))
        assert used <= there, where


def test_everything_is_in_one_namespace(overlay: list[Resource]):
    (namespace,) = of_kind(overlay, "Namespace")
    inside = [r for r in overlay if r["kind"] != "Namespace"]
    assert {r["metadata"]["namespace"] for r in inside} == {namespace["metadata"]["name"]}


def test_secrets_are_created_by_commands_of_the_guide_and_never_in_the_repository(overlay: list[Resource]):
    assert not of_kind(overlay, "Secret")
    for where, _, container in containers_of(overlay):
        for source in container.get("envFrom", []):
            if "secretRef" in source:
                assert f"create secret generic {source['secretRef']['name']} " in GUIDE, where
        assert not [one for one in container.get("env", []) if "value" in one], where


def test_every_mount_has_a_volume_and_every_volume_is_mounted(overlay: list[Resource]):
    for where, pod, container in containers_of(overlay):
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        assert mounted == {volume["name"] for volume in pod["volumes"]}, where


# Privileges


def test_no_pod_has_privileges(overlay: list[Resource]):
    for where, pod, container in containers_of(overlay):
        assert pod["securityContext"]["runAsNonRoot"] is True, where
        assert pod["securityContext"]["runAsUser"] > 0, where
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, where
        assert pod["automountServiceAccountToken"] is False, where
        assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & set(pod), where
        assert not [volume for volume in pod["volumes"] if "hostPath" in volume], where
        rights = container["securityContext"]
        assert set(rights) == {"allowPrivilegeEscalation", "readOnlyRootFilesystem", "capabilities"}, where
        assert rights["allowPrivilegeEscalation"] is False, where
        assert rights["readOnlyRootFilesystem"] is True, where
        assert rights["capabilities"] == {"drop": ["ALL"]}, where


def test_the_namespace_rejects_pods_with_privileges(overlay: list[Resource]):
    (namespace,) = of_kind(overlay, "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_pods_run_as_the_account_of_the_image(overlay: list[Resource]):
    user = re.search(r"^USER (\d+):(\d+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert user
    for where, pod in pods(overlay):
        assert (pod["securityContext"]["runAsUser"], pod["securityContext"]["runAsGroup"]) == (
            int(user[1]),
            int(user[2]),
        ), where


def test_ray_clusters_require_a_token(overlay: list[Resource]):
    for job in of_kind(overlay, "RayJob"):
        assert job["spec"]["rayClusterSpec"]["authOptions"] == {"mode": "token"}


def test_everything_that_is_written_goes_to_a_volume(overlay: list[Resource]):
    for where, pod in ray_pods(overlay):
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        (container,) = pod["containers"]
        at = {mount["mountPath"]: volumes[mount["name"]] for mount in container["volumeMounts"]}
        assert container["workingDir"] == "/work", where
        assert "persistentVolumeClaim" in at["/work"], where
        assert at["/tmp"]["emptyDir"] == {}, where  # within ephemeral-storage
        assert at["/dev/shm"]["emptyDir"]["medium"] == "Memory", where
        assert "configMap" in at["/etc/mofi"], where


# Images and resources


def test_images_are_tagged_with_the_projects_version(overlay: list[Resource]):
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version
    images = {container["image"] for _, _, container in containers_of(overlay)}
    (image,) = images  # the same for all pods, so head, workers and submitter agree
    assert image.rpartition(":")[2] == version[1]


@pytest.mark.parametrize("resource", ["cpu", "memory", "ephemeral-storage"])
def test_every_container_has_requests_within_its_limits(overlay: list[Resource], resource: str):
    for where, _, container in containers_of(overlay):
        requests, limits = (container["resources"][kind] for kind in ("requests", "limits"))
        assert 0 < amount(requests[resource]) <= amount(limits[resource]), where


def test_shared_memory_fits_into_the_limit_and_rays_objects_into_shared_memory(overlay: list[Resource]):
    for job in of_kind(overlay, "RayJob"):
        cluster = job["spec"]["rayClusterSpec"]
        for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
            pod = group["template"]["spec"]
            (shared,) = [v["emptyDir"]["sizeLimit"] for v in pod["volumes"] if v["name"] == "shared-memory"]
            objects = float(group["rayStartParams"]["object-store-memory"])
            limit = amount(pod["containers"][0]["resources"]["limits"]["memory"])
            assert objects < amount(shared) <= limit / 2


def test_in_the_gpu_overlay_workers_have_a_gpu_and_heads_have_none(gpu: list[Resource]):
    for where, pod in ray_pods(gpu):
        (container,) = pod["containers"]
        requests, limits = (container["resources"][kind] for kind in ("requests", "limits"))
        assert requests.get(GPU) == limits.get(GPU), where
        assert limits.get(GPU, 0) == (1 if where.endswith("/workers") else 0), where
        tolerated = {toleration["key"] for toleration in pod.get("tolerations", [])}
        assert (GPU in tolerated) == (GPU in limits), where


def test_the_local_overlay_needs_no_gpu_and_no_volume_for_several_nodes(local: list[Resource]):
    assert GPU not in str(local)
    assert of_kind(local, "PersistentVolumeClaim")[0]["spec"]["accessModes"] == ["ReadWriteOnce"]


def test_in_the_gpu_overlay_several_nodes_can_write_to_the_volume(gpu: list[Resource]):
    (claim,) = of_kind(gpu, "PersistentVolumeClaim")
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]


# Restarts


def test_a_lost_job_restarts_on_the_same_volume(overlay: list[Resource]):
    for job in of_kind(overlay, "RayJob"):
        assert job["spec"]["backoffLimit"] >= 1
        assert job["spec"]["shutdownAfterJobFinishes"] is True
    used = {
        volume["persistentVolumeClaim"]["claimName"]
        for _, pod in ray_pods(overlay)
        for volume in pod["volumes"]
        if "persistentVolumeClaim" in volume
    }
    assert len(used) == 1


def test_the_two_jobs_differ_only_in_name_and_command(gpu: list[Resource]):
    label, pretrain = (dict(job_of(gpu, name)["spec"]) for name in ("label", "pretrain"))
    assert label.pop("entrypoint") != pretrain.pop("entrypoint")
    assert label == pretrain


# What the guide applies


def test_commands_of_the_guide_apply_everything_and_each_job_on_its_own(overlay: list[Resource]):
    applied = {word for words in re.findall(r"^deploy ([\w,]+)", GUIDE, re.MULTILINE) for word in words.split(",")}
    key = "app.kubernetes.io/component"
    assert {resource["metadata"]["labels"][key] for resource in overlay} == applied
    for resource in overlay:
        job = resource["kind"] in ("RayJob", "Pod")
        assert resource["metadata"]["labels"][key] == (resource["metadata"]["name"] if job else "shared")
