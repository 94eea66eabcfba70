"""The small renderer of these tests does what kustomize does, and refuses what it does not know."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.k8s.conftest import K8S, OVERLAYS
from tests.k8s.kustomize import Resource, Unknown, content_hash, render

HEAD = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
ACCOUNT = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: one}\n"


def keyed(resources: list[Resource]) -> dict[tuple[str, str], Resource]:
    return {(r["kind"], r["metadata"]["name"]): r for r in resources}


@pytest.mark.skipif(not shutil.which("kubectl"), reason="no kubectl here to compare with")
@pytest.mark.parametrize("name", OVERLAYS)
def test_an_overlay_is_rendered_as_kubectl_renders_it(name: str):
    command = ["kubectl", "kustomize", "--load-restrictor", "LoadRestrictionsNone", str(K8S / "overlays" / name)]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert keyed(render(K8S / "overlays" / name)) == keyed(list(yaml.safe_load_all(shown)))


def test_a_generated_name_ends_in_the_hash_that_kustomize_gives():
    # As kustomize 5.5 names it; three of the signs are those that Go writes as escapes in JSON.
    assert content_hash({"metadata": {"name": "any"}, "data": {"a": "1 < 2 & 3 > 2 → é\n"}}) == "2f5mfk94bt"


def test_a_changed_file_gives_a_configmap_of_another_name(tmp_path: Path):
    (tmp_path / "kustomization.yaml").write_text(HEAD + "configMapGenerator: [{name: p, files: [p.yaml]}]\n")
    names = []
    for text in ("a: 1\n", "a: 2\n"):
        (tmp_path / "p.yaml").write_text(text)
        names += [resource["metadata"]["name"] for resource in render(tmp_path)]
    assert len(set(names)) == 2


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("commonLabels: {a: b}\n", "commonLabels"),
        ("labels: [{pairs: {a: b}, includeSelectors: true}]\n", "includeSelectors"),
        ("patches: [{target: {kind: ServiceAccount}, patch: '{a: b}'}]\n", "no list"),
        ("patches: [{target: {kind: ServiceAccount}, patch: '[{op: move, path: /a}]'}]\n", "move"),
        (
            "patches: [{target: {kind: ServiceAccount}, patch: '[{op: replace, path: /metadata/name, value: two}]'}]\n",
            "allowNameChange",
        ),
        ("configMapGenerator: [{name: p, literals: [a=b]}]\n", "literals"),
    ],
)
def test_what_is_not_known_is_refused(tmp_path: Path, more: str, told: str):
    (tmp_path / "account.yaml").write_text(ACCOUNT)
    (tmp_path / "kustomization.yaml").write_text(HEAD + "resources: [account.yaml]\n" + more)
    with pytest.raises(Unknown, match=told):
        render(tmp_path)


@pytest.mark.parametrize(
    "patch",
    [
        "{target: {kind: Pod}, patch: '[]'}",
        "{target: {kind: ServiceAccount}, patch: '[{op: replace, path: /spec, value: 1}]'}",
    ],
)
def test_a_patch_that_meets_nothing_is_an_error(tmp_path: Path, patch: str):
    (tmp_path / "account.yaml").write_text(ACCOUNT)
    (tmp_path / "kustomization.yaml").write_text(HEAD + f"resources: [account.yaml]\npatches: [{patch}]\n")
    with pytest.raises((ValueError, KeyError)):
        render(tmp_path)


def test_a_resource_may_not_stand_twice(tmp_path: Path):
    (tmp_path / "account.yaml").write_text(ACCOUNT)
    (tmp_path / "kustomization.yaml").write_text(HEAD + "resources: [account.yaml, account.yaml]\n")
    with pytest.raises(ValueError, match="twice"):
        render(tmp_path)
