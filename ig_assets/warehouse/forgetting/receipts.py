"""Write and read the receipts of forgotten scripts: files chained by hashes.

They hold ids and hashes, no words. They lie beside the warehouse file and not in it, so
that a restored older copy learns from them what was forgotten since.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ig_assets.errors import WarehouseError
from ig_assets.files import write_atomic


@dataclass(frozen=True)
class Receipt:
    """One receipt. `content` is the file's text, `sha256` the hash of its bytes (hex).

    `again` is {step: what a repetition after a restore did}, or None before one.
    """

    number: int
    request_id: str
    content: str
    sha256: str
    again: Mapping[str, Any] | None = None

    @property
    def fields(self) -> dict[str, Any]:
        """Return the JSON object in `content`."""
        fields: dict[str, Any] = json.loads(self.content)
        return fields


def receipts_folder(warehouse_file: Path) -> Path:
    """Return the folder of receipts that belongs to a warehouse file."""
    return warehouse_file.with_name(f"{warehouse_file.name}.forgotten")


def read_receipts(folder: Path) -> list[Receipt]:
    """Return all receipts in their order; an empty list if there is no folder.

    Each receipt must have the next number, and contain the hash of the receipt before
    it. Raises WarehouseError if a receipt is missing, unreadable or changed.
    """
    if not folder.is_dir():
        return []
    found: list[Receipt] = []
    for path in sorted(folder.glob("*.json")):
        previous = found[-1].sha256 if found else ""
        try:
            payload = path.read_bytes()
            fields = json.loads(payload)
            number, before = fields["number"], fields["previous"]
            request_id = str(fields["request_id"])
        except (OSError, ValueError, KeyError, TypeError):
            raise _broken(path, "cannot be read") from None
        if number != len(found) + 1 or before != previous:
            raise _broken(path, "does not follow the one before it")
        digest = hashlib.sha256(payload).hexdigest()
        found.append(Receipt(number, request_id, payload.decode("utf-8"), digest))
    return found


def put_back(folder: Path, recorded: Mapping[str, tuple[int, str, str]]) -> list[str]:
    """Write the receipts that the folder lacks, from the copies in the tables.

    `recorded` is {request id: (number, content, SHA-256)}. Returns the names of the
    files that were missing. This also finds a missing last receipt, which the chain
    cannot show. Raises WarehouseError if a recorded content does not match its hash,
    and OSError.
    """
    missing = []
    for request_id, (number, content, sha256) in sorted(recorded.items()):
        path = folder / _file_name(number, request_id)
        if path.exists():
            continue
        if hashlib.sha256(content.encode("utf-8")).hexdigest() != sha256:
            raise _broken(path, "is missing, and was changed in the tables")
        write_atomic(path, content)
        missing.append(path.name)
    return missing


def _file_name(number: int, request_id: str) -> str:
    return f"{number:06d}-{request_id}.json"


def check_hashes(
    receipts: Sequence[Receipt], recorded: Mapping[str, str | None]
) -> None:
    """Compare receipts with the hashes that the tables recorded: {request id: SHA-256}.

    This protects the newest receipt, whose hash no later receipt repeats. A request
    without a recorded hash is not compared. Raises WarehouseError if one differs.
    """
    for receipt in receipts:
        if recorded.get(receipt.request_id) not in (None, receipt.sha256):
            name = _file_name(receipt.number, receipt.request_id)
            raise WarehouseError(
                f"The receipt {name} of what was forgotten was changed; put the file "
                "back as it was written (the column forget_requests.receipt has it)."
            )


def write_receipt(folder: Path, request_id: str, fields: Mapping[str, Any]) -> Receipt:
    """Add a receipt at the end of the chain and return it.

    If the request already has a receipt, that one is returned. Raises WarehouseError as
    `read_receipts` does, and OSError.
    """
    known = read_receipts(folder)
    for receipt in known:
        if receipt.request_id == request_id:
            return receipt
    number = len(known) + 1
    previous = known[-1].sha256 if known else ""
    chained = {"number": number, "previous": previous, "request_id": request_id}
    text = json.dumps(chained | dict(fields), indent=1, ensure_ascii=False) + "\n"
    write_atomic(folder / _file_name(number, request_id), text)
    digest = hashlib.sha256(text.encode("utf-8")).hexdigest()
    return Receipt(number, request_id, text, digest)


def _broken(path: Path, fault: str) -> WarehouseError:
    return WarehouseError(
        f"The receipt {path.name} of what was forgotten {fault}; restore the folder "
        f"{path.parent} from the newest copy that you have."
    )
