"""All that this project imports from inside Dagster, where it has no public name.

Nothing promises that these stay. `VERIFIED_VERSIONS` are the releases with which the
whole test suite has passed; a test fails on any other, and a new one is added here
once it passes.
"""

from dagster._core.definitions.run_request import InstigatorType
from dagster._core.instance.ref import InstanceRef
from dagster._core.scheduler.instigation import InstigatorState, TickStatus
from dagster._core.storage.noop_compute_log_manager import NoOpComputeLogManager
from dagster._core.storage.runs import SqliteRunStorage
from dagster._core.storage.tags import (
    ASSET_RESUME_RETRY_TAG,
    GRPC_INFO_TAG,
    PARTITION_NAME_TAG,
    RESUME_RETRY_TAG,
    RUN_KEY_TAG,
)
from dagster_shared.serdes import deserialize_value, serialize_value

__all__ = [
    "ASSET_RESUME_RETRY_TAG",
    "GRPC_INFO_TAG",
    "PARTITION_NAME_TAG",
    "RESUME_RETRY_TAG",
    "RUN_KEY_TAG",
    "InstanceRef",
    "InstigatorState",
    "InstigatorType",
    "NoOpComputeLogManager",
    "SqliteRunStorage",
    "TickStatus",
    "deserialize_value",
    "serialize_value",
]

VERIFIED_VERSIONS = ("1.13.27",)
