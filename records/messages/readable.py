"""Messages to accounts hold their address and code sealed; they are opened only to be sent."""

from __future__ import annotations

import msgspec

from oxygen.errors import Permanent, Rejected
from records import personal
from records.database import Transaction
from records.messages.structs import OutboxRow

CODE_FIELD = "outbox.code"
"""Field that `params["code"]` is sealed for; `params["address_field"]` names that of the address."""


async def readable(tx: Transaction, row: OutboxRow) -> OutboxRow:
    """Return a message with address and code in clear, to be sent at once and stored nowhere.

    A message with a plain address comes back as it is. Raises Rejected `person_erased`; Permanent
    `person_key_unusable` (`reason`) when the keys are missing, after which it may be tried again.
    """
    if not personal.is_sealed(row.address):
        return row
    sealed = [personal.Sealed(str(row.params.get("address_field", "")), row.address)]
    if "code" in row.params:
        sealed.append(personal.Sealed(CODE_FIELD, str(row.params["code"])))
    texts = [_text(opened) for opened in await personal.open_sealed(tx, sealed)]
    params = row.params if len(texts) == 1 else row.params | {"code": texts[1]}
    return msgspec.structs.replace(row, address=texts[0], params=params)


def _text(opened: personal.Opened) -> str:
    if opened.text is not None:
        return opened.text
    if opened.reason == personal.ERASED:
        raise Rejected("the recipient was erased", code="person_erased")
    raise Permanent(
        f"the recipient's address cannot be read: {opened.reason}",
        code="person_key_unusable",
        reason=opened.reason,
    )
