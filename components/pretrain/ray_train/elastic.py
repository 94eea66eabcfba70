"""How many workers a training goes on with when nodes come and go: as many as can share the same batch evenly."""

import logging
import time
from typing import Any

import ray
from ray.train.v2._internal.execution.scaling_policy import ElasticScalingPolicy, NoopDecision, ResizeDecision

from components.pretrain.parameters import sharing

logger = logging.getLogger(__name__)

_TELL_EVERY = 30.0  # seconds
# After a failure, until the cluster knows which nodes are gone: workers that are placed on those would be waited for in vain.
_SETTLES = 10.0


class EvenWorkers(ElasticScalingPolicy):  # type: ignore[misc]
    """Ray's own policy between `pretrain.min_workers` and `pretrain.workers`, but for counts that do not divide the batch."""

    def __init__(self, scaling_config: Any, batch: int) -> None:
        super().__init__(scaling_config)
        self._batch = batch
        self._told = self._settled = float("-inf")
        self._ran = False

    def make_decision_for_running_worker_group(self, *given: Any, **named: Any) -> NoopDecision | ResizeDecision:
        """Ray's own; more workers are taken in when there is a place for them."""
        self._ran = True
        return super().make_decision_for_running_worker_group(*given, **named)

    def _count_possible_workers(self, reserved_resources: Any) -> int:
        alive = {node["NodeID"]: node["Resources"] for node in ray.nodes() if node["Alive"]}
        # What is reserved may be of a node that is gone since.
        count = super()._count_possible_workers
        return sharing(self._batch, min(count(reserved_resources), count(alive)))

    def make_decision_for_non_running_worker_group(self) -> NoopDecision | ResizeDecision:
        """Named when it is not the number that was asked for; too few are waited for."""
        now = time.monotonic()
        if self._ran:
            self._ran, self._settled = False, now + _SETTLES
        if now < self._settled:
            return NoopDecision()
        decision = super().make_decision_for_non_running_worker_group()
        least, most = self.scaling_config.min_workers, self.scaling_config.max_workers
        if isinstance(decision, ResizeDecision) and decision.num_workers < most:
            logger.warning("training goes on with %d workers instead of %d", decision.num_workers, most)
        elif not isinstance(decision, ResizeDecision) and now - self._told > _TELL_EVERY:
            self._told = now
            logger.warning("waiting for nodes: fewer than pretrain.min_workers = %d workers find a place", least)
        return decision
