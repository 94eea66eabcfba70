"""As much of kustomize as k8s/ uses, so that the tests need no binary; `test_kustomize.py` compares it with kubectl's own.

No wheel of kustomize renders what kubectl does. What is not known here is an error, never ignored.
"""

import copy
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

Resource = dict[str, Any]

API = "kustomize.config.k8s.io/v1beta1"
CLUSTER_WIDE = {"Namespace"}
# Where built-in kinds of k8s/ name a ConfigMap; other kinds' places stand in `configurations`.
BUILT_IN = {
    "Pod": [
        "spec/volumes/configMap/name",
        "spec/containers/envFrom/configMapRef/name",
        "spec/containers/env/valueFrom/configMapKeyRef/name",
    ]
}
_FILE = re.compile(r"([^=]+)=(.+)")


class Unknown(Exception):
    """A field or value that kustomize may know, but this renderer does not."""


def render(folder: Path) -> list[Resource]:
    """What `kubectl kustomize --load-restrictor LoadRestrictionsNone FOLDER` prints, as resources, in no particular order.

    Raises:
        Unknown: for what this renderer cannot do.
        KeyError, ValueError: for patches and references that meet nothing.
    """
    resources, places = _accumulate(folder.resolve())
    _name_by_content(resources, places)
    for resource in resources:
        resource.pop("_generated", None)
    return resources


def content_hash(config_map: Resource) -> str:
    """The ten letters that kustomize puts behind a generated ConfigMap's name."""
    told = {"data": config_map["data"], "kind": "ConfigMap", "name": ""}  # kustomize leaves the name empty
    text = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    for sign in "<>&\u2028\u2029":  # Go's JSON escapes these
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return hashlib.sha256(text.encode()).hexdigest()[:10].translate(str.maketrans("013ae", "ghkmt"))


def _accumulate(folder: Path) -> tuple[list[Resource], dict[str, list[str]]]:
    """A folder's resources with its transformers applied, and where kinds name ConfigMaps."""
    kustomization = _one(folder / "kustomization.yaml")
    _only(kustomization, "apiVersion kind resources configMapGenerator configurations labels namespace images patches")
    if kustomization["apiVersion"] != API or kustomization["kind"] != "Kustomization":
        raise Unknown(f"{folder}: {kustomization['apiVersion']} {kustomization['kind']}")
    resources: list[Resource] = []
    places = {kind: list(paths) for kind, paths in BUILT_IN.items()}
    for entry in kustomization.get("resources", []):
        path = folder / entry
        if path.is_dir():
            more, theirs = _accumulate(path)
            for kind, paths in theirs.items():
                places[kind] = sorted({*places.get(kind, []), *paths})
        else:
            more = list(_documents(path))
        resources += more
    resources += [_generate(folder, generator) for generator in kustomization.get("configMapGenerator", [])]
    for entry in kustomization.get("configurations", []):
        for kind, path in _references(folder / entry):
            places.setdefault(kind, []).append(path)
    for patch in kustomization.get("patches", []):
        _patch(folder, patch, resources)
    if "namespace" in kustomization:
        _set_namespace(resources, kustomization["namespace"])
    for entry in kustomization.get("labels", []):
        _only(entry, "pairs")
        for resource in resources:
            resource["metadata"].setdefault("labels", {}).update(entry["pairs"])
    for image in kustomization.get("images", []):
        _set_image(resources, image)
    _all_different(resources)
    return resources, places


def _all_different(resources: list[Resource]) -> None:
    seen = [(r["kind"], r["metadata"]["name"]) for r in resources]
    if len(set(seen)) < len(seen):
        raise ValueError(f"a resource stands twice: {sorted(seen)}")


def _generate(folder: Path, generator: dict[str, Any]) -> Resource:
    _only(generator, "name files envs options")
    _only(generator.get("options", {}), "labels")
    data: dict[str, str] = {}
    for entry in generator.get("files", []):
        match = _FILE.fullmatch(entry)
        name, path = match.groups() if match else (Path(entry).name, entry)
        data[name] = (folder / path).read_text(encoding="utf-8")
    for entry in generator.get("envs", []):
        for line in (folder / entry).read_text(encoding="utf-8").splitlines():
            if line and not line.startswith("#"):
                key, sign, value = line.partition("=")
                if not sign:
                    raise Unknown(f"{entry}: {line!r} takes its value from this machine")
                data[key] = value
    metadata = {"name": generator["name"]}
    labels = generator.get("options", {}).get("labels")
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata | ({"labels": dict(labels)} if labels else {}),
        "data": data,
        "_generated": True,
    }


def _references(path: Path) -> Iterator[tuple[str, str]]:
    configuration = _one(path)
    _only(configuration, "nameReference")
    for reference in configuration["nameReference"]:
        _only(reference, "kind version fieldSpecs")
        if reference["kind"] != "ConfigMap":
            raise Unknown(f"{path}: references to {reference['kind']}")
        for spec in reference["fieldSpecs"]:
            _only(spec, "kind path")
            yield spec["kind"], spec["path"]


def _name_by_content(resources: list[Resource], places: dict[str, list[str]]) -> None:
    """Hashes become part of the names of generated ConfigMaps, and of what refers to them."""
    names = {}
    for resource in resources:
        if resource.get("_generated"):
            old = resource["metadata"]["name"]
            names[old] = resource["metadata"]["name"] = f"{old}-{content_hash(resource)}"
    for resource in resources:
        for path in places.get(resource["kind"], []):
            _replace(resource, path.split("/"), lambda name: names.get(name, name))


def _replace(node: Any, path: list[str], new: Callable[[str], str]) -> None:
    if isinstance(node, list):
        for item in node:
            _replace(item, path, new)
    elif isinstance(node, dict) and path[0] in node:
        if len(path) == 1:
            node[path[0]] = new(node[path[0]])
        else:
            _replace(node[path[0]], path[1:], new)


def _set_namespace(resources: list[Resource], namespace: str) -> None:
    for resource in resources:
        if resource["kind"] == "Namespace":
            resource["metadata"]["name"] = namespace
        elif resource["kind"] not in CLUSTER_WIDE:
            resource["metadata"]["namespace"] = namespace


def _set_image(resources: list[Resource], image: dict[str, str]) -> None:
    _only(image, "name newName newTag digest")
    mark = f"@{image['digest']}" if "digest" in image else f":{image['newTag']}" if "newTag" in image else ""
    for resource in resources:
        for container in containers(resource):
            name = re.split(r"[:@]", container["image"])[0]
            if name == image["name"]:
                container["image"] = image.get("newName", name) + (mark or container["image"][len(name) :])


def containers(node: Any) -> Iterator[dict[str, Any]]:
    """Every container and init container of a resource, wherever its pod templates are."""
    if isinstance(node, list):
        for item in node:
            yield from containers(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key in ("containers", "initContainers"):
                yield from value
            else:
                yield from containers(value)


def _patch(folder: Path, patch: dict[str, Any], resources: list[Resource]) -> None:
    _only(patch, "target path patch options")
    _only(patch["target"], "kind name")
    _only(patch.get("options", {}), "allowNameChange")
    text = patch["patch"] if "patch" in patch else (folder / patch["path"]).read_text(encoding="utf-8")
    operations = yaml.safe_load(text)
    if not isinstance(operations, list):
        raise Unknown(f"{folder}: a patch that is no list of operations")
    wanted = patch["target"]
    met = [r for r in resources if r["kind"] == wanted["kind"] and wanted.get("name") in (None, r["metadata"]["name"])]
    if not met:
        raise ValueError(f"{folder}: no resource is {wanted}")
    for resource in met:
        before = resource["metadata"]["name"]
        for operation in operations:
            _apply(operation, resource)
        if resource["metadata"]["name"] != before and not patch.get("options", {}).get("allowNameChange"):
            raise Unknown(f"{folder}: a patch changes the name {before} without allowNameChange")


def _apply(operation: dict[str, Any], resource: Resource) -> None:
    """One operation of a JSON patch (RFC 6902)."""
    *way, last = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
    node: Any = resource
    for part in way:
        node = node[int(part)] if isinstance(node, list) else node[part]
    key = int(last) if isinstance(node, list) and last != "-" else last
    kind, value = operation["op"], copy.deepcopy(operation.get("value"))
    if kind == "add" and isinstance(node, list):
        node.insert(len(node) if key == "-" else key, value)
    elif kind == "add":
        node[key] = value
    elif kind == "replace":
        node[key]  # a replaced place must be there
        node[key] = value
    elif kind == "remove":
        del node[key]
    else:
        raise Unknown(f"the operation {kind}")


def _one(path: Path) -> dict[str, Any]:
    (document,) = _documents(path)
    return document


def _documents(path: Path) -> Iterator[dict[str, Any]]:
    for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
        if document is not None:
            yield document


def _only(mapping: dict[str, Any], known: str) -> None:
    if more := sorted(set(mapping) - set(known.split())):
        raise Unknown(f"{', '.join(more)}: not among {known}")
