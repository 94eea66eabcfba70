"""How many workers a training continues with when nodes come and go."""

import logging
import time
from typing import Any

import ray
from ray.train.v2._internal.execution.scaling_policy import ElasticScalingPolicy, NoopDecision, ResizeDecision

from components.pretrain.parameters import largest_even_split

logger = logging.getLogger(__name__)

_WARN_EVERY = 30.0  # seconds
# After a failure, seconds until the cluster knows which nodes are gone; workers placed on them
# never start.
_SETTLE_TIME = 10.0


class EvenSplitPolicy(ElasticScalingPolicy):  # type: ignore[misc]
    """Ray's elastic policy, restricted to numbers of workers that divide the batch."""

    def __init__(self, scaling_config: Any, batch: int) -> None:
        super().__init__(scaling_config)
        self._batch = batch
        self._warned = self._settled = float("-inf")
        self._ran = False

    def make_decision_for_running_worker_group(self, *args: Any, **kwargs: Any) -> NoopDecision | ResizeDecision:
        """Ray's decision; workers are added when there is room for them."""
        self._ran = True
        return super().make_decision_for_running_worker_group(*args, **kwargs)

    def _count_possible_workers(self, reserved_resources: Any) -> int:
        alive = {node["NodeID"]: node["Resources"] for node in ray.nodes() if node["Alive"]}
        # Reserved resources may belong to a node that is gone.
        count = super()._count_possible_workers
        return largest_even_split(self._batch, min(count(reserved_resources), count(alive)))

    def make_decision_for_non_running_worker_group(self) -> NoopDecision | ResizeDecision:
        """Warns when there are fewer workers than requested; waits when there are too few."""
        now = time.monotonic()
        if self._ran:
            self._ran, self._settled = False, now + _SETTLE_TIME
        if now < self._settled:
            return NoopDecision()
        decision = super().make_decision_for_non_running_worker_group()
        min_workers, max_workers = self.scaling_config.min_workers, self.scaling_config.max_workers
        if isinstance(decision, ResizeDecision) and decision.num_workers < max_workers:
            logger.warning("training continues with %d workers instead of %d", decision.num_workers, max_workers)
        elif not isinstance(decision, ResizeDecision) and now - self._warned > _WARN_EVERY:
            self._warned = now
            logger.warning(
                "waiting for nodes: the cluster has no room for pretrain.min_workers = %d workers", min_workers
            )
        return decision
