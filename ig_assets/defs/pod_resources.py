"""CPU and memory of a step's pod. Only `IG_EXECUTOR=k8s` reads them.

They are tags of the step, so a team can change them for one run in the Launchpad. A
test checks the keys, since Dagster reports a wrong key only when the pod is launched.
"""

from __future__ import annotations

from typing import Any

K8S_CONFIG = "dagster-k8s/config"

# Requested CPU, requested memory, limit of memory. CPU has no limit: a step that is
# throttled holds its pool for longer.
_SMALL = ("250m", "512Mi", "2Gi")
_LARGE = ("1", "1Gi", "4Gi")
# They hold vectors, or a model: the small writer takes 1.9 GB.
_LARGE_POOLS = {"corpus", "embedding_api", "index", "trainer_api", "writer_api"}


def pod_tags(pool: str) -> dict[str, Any]:
    """Return the Kubernetes tags of a step that works in `pool`."""
    cpu, memory, limit = _LARGE if pool in _LARGE_POOLS else _SMALL
    resources = {
        "requests": {"cpu": cpu, "memory": memory},
        "limits": {"memory": limit},
    }
    return {K8S_CONFIG: {"container_config": {"resources": resources}}}
