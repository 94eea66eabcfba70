"""The resources of the cluster's nodes, and how many workers they hold."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import ray

from components.errors import SetupError
from components.pretrain.parameters import PretrainParameters, largest_even_split

logger = logging.getLogger(__name__)

GPU, CPU = "GPU", "CPU"


@dataclass(frozen=True)
class NodeResources:
    """The CPUs and GPUs that Ray can assign on a node."""

    cpus: int
    gpus: int = 0


def have_gpus(nodes: Sequence[NodeResources]) -> bool:
    """Whether any node has a GPU."""
    return any(node.gpus for node in nodes)


def _capacity(nodes: Sequence[NodeResources], cpus: int) -> int:
    """How many workers with `cpus` CPUs each fit; with GPUs in the cluster each needs one."""
    gpus = have_gpus(nodes)
    return sum(min(node.cpus // cpus, node.gpus) if gpus else node.cpus // cpus for node in nodes)


def initial_workers(nodes: Sequence[NodeResources], parameters: PretrainParameters) -> int:
    """The number of workers to start with.

    Raises:
        SetupError: if fewer than `min_workers` fit.
    """
    kind, capacity = GPU if have_gpus(nodes) else CPU, _capacity(nodes, 1)
    count = largest_even_split(parameters.batch, min(parameters.workers, capacity))
    if count < parameters.min_workers:
        raise SetupError(
            f"pretrain.workers is {parameters.workers} and pretrain.min_workers {parameters.min_workers}, but the Ray cluster "
            f"has {capacity} {kind}s; lower them in params.yaml"
        )
    if count < parameters.workers:
        logger.warning(
            "pretrain.workers is %d, but the Ray cluster has %d %ss: training starts with %d workers, which share the batch",
            parameters.workers,
            capacity,
            kind,
            count,
        )
    return count


def cpus_per_worker(nodes: Sequence[NodeResources], workers: int) -> int:
    """The most CPUs, at least one, that each of `workers` can have."""
    counts = range(max((node.cpus for node in nodes), default=1), 1, -1)
    return next((cpus for cpus in counts if _capacity(nodes, cpus) >= workers), 1)


def alive_nodes() -> list[NodeResources]:
    """The resources of the cluster's live nodes."""
    alive = (node["Resources"] for node in ray.nodes() if node["Alive"])
    return [NodeResources(int(has.get(CPU, 0)), int(has.get(GPU, 0))) for has in alive]
