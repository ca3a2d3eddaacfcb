"""Wraps the Pinecone SDK: opened late, errors translated, one index per dimension.

The SDK always repeats a failed request three times (408, 429, 5xx, broken connections),
as the server's Retry-After asks; every write here is safe to repeat. No error message
contains the key or a request: only a status and its code.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from ig_assets.errors import (
    AccessError,
    InputError,
    KeyRefusedError,
    MalformedAnswerError,
    RefusedError,
    SettingsError,
    TransientVendorError,
    VendorError,
)

T = TypeVar("T")

READY_TIMEOUT_S = 300
DEFAULT_INDEX = "ig-scripts"
EARLIER_DEFAULT_INDEX = "ig-assets"
UNAUTHORIZED = 401
_NO_ACCESS = {
    UNAUTHORIZED: "the API key is not accepted; check PINECONE_API_KEY",
    402: "the account has to be put in order first; look at its billing",
    403: "this key may not do that, or a quota is reached; check the key's role",
    404: "there is no such index or address; check PINECONE_HOST or the index's name",
}
_REFUSALS = {
    400: "the request is not valid for this index",
    412: "the index is not in a state that permits it",
    413: "the request is larger than the index takes",
}
_NEVER_SENT = ("ConnectError", "ConnectTimeout", "PoolTimeout")


@dataclass(frozen=True)
class OpenIndex:
    """An open index: the SDK's handle, and the dimensions of its vectors."""

    sdk: Any
    dimensions: int


class PineconeAccount:
    """Opens Pinecone indexes with one key.

    With `host` there is only the index at this address. Without `host` there is an
    index per number of dimensions: `<index_name>` if it has these dimensions, otherwise
    `<index_name>-<dimensions>`. A missing one is created at the first write
    (serverless, cosine). An index under the default name of an earlier version is still
    used. `control_host` is the address of Pinecone's API, if it is another than the
    public one. `next_key` is tried if `api_key` is refused when an index is opened.
    """

    def __init__(
        self,
        api_key: str,
        host: str | None = None,
        index_name: str = DEFAULT_INDEX,
        cloud: str = "aws",
        region: str = "us-east-1",
        control_host: str | None = None,
        timeout_s: float = 30.0,
        next_key: str | None = None,
    ) -> None:
        self._keys = [api_key] if next_key is None else [api_key, next_key]
        self._host = host
        self._index_name = index_name
        self._cloud = cloud
        self._region = region
        self._control_host = control_host
        self._timeout_s = timeout_s
        self._mutex = threading.Lock()
        self._client: Any = None
        self._open: dict[str, OpenIndex] = {}
        self._names: dict[int, str] = {}

    def reading(self, dimensions: int | None) -> OpenIndex | None:
        """Return the index with these dimensions, or None.

        With `dimensions=None` it is the index at `host`, whatever its dimensions.
        Raises VendorError, and SettingsError if the key or the host is malformed.
        """
        with self._mutex:
            index = self._with_either_key(lambda: self._found(dimensions))
        if index is None:
            return None
        return index if dimensions in (None, index.dimensions) else None

    def writing(self, dimensions: int) -> OpenIndex:
        """Return the index for vectors of these dimensions, creating it if missing.

        Raises InputError if the index at `host` has other dimensions.
        """
        with self._mutex:
            index = self._with_either_key(
                lambda: self._found(dimensions) or self._made(dimensions)
            )
        if index.dimensions != dimensions:
            raise InputError(
                f"PINECONE_HOST is an index of {index.dimensions} dimensions and the "
                f"embedding model makes {dimensions}; give the host of one with "
                f"{dimensions}, or remove PINECONE_HOST to have it made."
            )
        return index

    def index_names(self) -> list[str]:
        """Return the names of all indexes that the key may list. Raises VendorError."""
        with self._mutex:
            listed = self._with_either_key(
                lambda: sent(lambda: list(self._sdk().indexes.list()))
            )
        return sorted(str(index.name) for index in listed)

    def can_read(self, name: str) -> bool:
        """Whether the key may read the statistics of an index."""
        with self._mutex:
            try:
                sent(lambda: self._sdk().index(name=name).describe_index_stats())
            except VendorError:
                return False
        return True

    def _found(self, dimensions: int | None) -> OpenIndex | None:
        """Return the index at `host`.

        Without `host`, return the first index by name that has these dimensions, or
        None.
        """
        if self._host or dimensions is None:
            return self._opened(self._host) if self._host else None
        if dimensions not in self._names:
            for name in self._candidates(dimensions):
                if self._dimensions_of(name, name == self._index_name) == dimensions:
                    self._names[dimensions] = name
                    break
            else:
                return None
        return self._opened(self._names[dimensions])

    def _candidates(self, dimensions: int) -> list[str]:
        names = [self._index_name, f"{self._index_name}-{dimensions}"]
        if self._index_name == DEFAULT_INDEX:
            names.append(f"{EARLIER_DEFAULT_INDEX}-{dimensions}")
        return names

    def _made(self, dimensions: int) -> OpenIndex:
        """Create an index, under the plain name unless it is taken."""
        is_free = self._dimensions_of(self._index_name, is_first=True) is None
        name = self._index_name if is_free else f"{self._index_name}-{dimensions}"
        self._create(name, dimensions)
        index = self._opened(name)
        self._names[dimensions] = name
        return index

    def _dimensions_of(self, name: str, is_first: bool) -> int | None:
        """Return the dimensions of an index; None if it is missing, 0 if not dense.

        An index that the key may not look up counts as missing, since a key may be
        limited to one index. With `is_first` the AccessError is raised instead.
        """
        from pinecone import NotFoundError

        def describe() -> Any:
            try:
                return self._sdk().indexes.describe(name)
            except NotFoundError:
                return None

        try:
            found = sent(describe)
        except AccessError as error:
            if is_first or isinstance(error, KeyRefusedError):
                raise
            return None
        if found is None:
            return None
        fields = found.schema.fields.values()
        return next((int(f.dimension) for f in fields if hasattr(f, "dimension")), 0)

    def _with_either_key(self, use: Callable[[], T]) -> T:
        """Use the account; if its key is refused, try once more with the next key."""
        try:
            return use()
        except KeyRefusedError:
            if len(self._keys) == 1:
                raise
        self._keys.pop(0)
        self._client = None
        self._open.clear()
        self._names.clear()
        return use()

    def _sdk(self) -> Any:
        if self._client is None:
            from pinecone import Pinecone

            self._client = _usable(
                lambda: Pinecone(
                    api_key=self._keys[0],
                    host=self._control_host,
                    timeout=self._timeout_s,
                )
            )
        return self._client

    def _create(self, name: str, dimensions: int) -> None:
        from pinecone import ConflictError

        def create() -> None:
            try:
                self._sdk().indexes.create(
                    name=name,
                    schema={
                        "fields": {
                            "values": {
                                "type": "dense_vector",
                                "dimension": dimensions,
                                "metric": "cosine",
                            }
                        }
                    },
                    deployment={
                        "deployment_type": "managed",
                        "cloud": self._cloud,
                        "region": self._region,
                    },
                    timeout=READY_TIMEOUT_S,
                )
            except ConflictError:
                pass  # another process was quicker

        sent(create)

    def _opened(self, name: str) -> OpenIndex:
        index = self._open.get(name)
        if index is None:
            client = self._sdk()
            if self._host:
                sdk = _usable(lambda: client.index(host=self._host))
            else:
                sdk = sent(lambda: client.index(name=name))
            stats = sent(sdk.describe_index_stats)
            if stats.dimension is None:
                raise SettingsError(
                    "The Pinecone index holds no dense vectors; give one that does."
                )
            index = OpenIndex(sdk, int(stats.dimension))
            self._open[name] = index
        return index


def is_own_index(name: str, index_name: str) -> bool:
    """Whether an index of this name is this project's.

    Such an index has the plain name, or the name followed by its number of dimensions.
    """
    ours = [index_name]
    if index_name == DEFAULT_INDEX:
        ours.append(EARLIER_DEFAULT_INDEX)
    return name == index_name or any(
        re.fullmatch(rf"{re.escape(own)}-[0-9]+", name) for own in ours
    )


def sent(send: Callable[[], T]) -> T:
    """Call `send` and return its result.

    Raises a VendorError (see `translate`) without the SDK's text, which may quote
    requests.
    """
    from pinecone import PineconeError

    failure: VendorError
    try:
        return send()
    except PineconeError as error:
        failure = translate(error)
    raise failure


def translate(error: Exception) -> VendorError:
    """Return our error for an error of the SDK; raises nothing.

    TransientVendorError: no connection, time-outs, 408, 409, 425, 429, 5xx and a store
    that the SDK gave up on. AccessError: 401, 402, 403, 404. RefusedError: every other
    4xx, and what the SDK refuses to send.
    """
    import pinecone

    if isinstance(error, pinecone.ApiError):
        return _of_status(error)
    if isinstance(error, pinecone.ResponseParsingError):
        return MalformedAnswerError("pinecone sent an answer that cannot be read.")
    if isinstance(error, pinecone.PineconeTimeoutError):
        return TransientVendorError("pinecone did not answer in time.")
    if isinstance(error, pinecone.PineconeConnectionError):
        unsent = type(error.__cause__).__name__ in _NEVER_SENT
        what = "cannot be reached" if unsent else "broke the connection"
        return TransientVendorError(f"pinecone {what}.", outcome_unknown=not unsent)
    if isinstance(error, (ValueError, TypeError)):
        return RefusedError("pinecone's SDK rejected the request; it was not sent.")
    if type(error) is pinecone.PineconeError:
        return TransientVendorError("pinecone seems to be down.", outcome_unknown=False)
    return RefusedError("pinecone could not make the index ready; look at its console.")


def _of_status(error: Any) -> VendorError:
    status, code = error.status_code, error.error_code
    message = f"pinecone answered {status}"
    if isinstance(code, str) and re.fullmatch(r"[\w.]{1,64}", code):
        message += f" ({code})"
    if status in (408, 409, 425, 429) or status >= 500:
        return TransientVendorError(
            f"{message}.",
            retry_after_s=getattr(error, "retry_after", None),
            outcome_unknown=status >= 500 and status != 503,
        )
    if status in _NO_ACCESS:
        kind = KeyRefusedError if status == UNAUTHORIZED else AccessError
        return kind(f"{message}: {_NO_ACCESS[status]}.")
    return RefusedError(
        f"{message}: {_REFUSALS.get(status, 'the request is refused')}."
    )


def _usable(make: Callable[[], T]) -> T:
    """Create an SDK object from the settings, which sends nothing.

    Raises SettingsError if the SDK rejects the settings' form.
    """
    try:
        return make()
    except (ValueError, TypeError):
        made = None
    assert made is None
    raise SettingsError(
        "PINECONE_API_KEY or PINECONE_HOST is not of the form that Pinecone's SDK "
        "takes; copy them again from its console, without spaces."
    )
