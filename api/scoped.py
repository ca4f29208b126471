"""The records as the visitor of a request may see them; routes read through here and nowhere else."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from fastapi import Request

from api.context import context_of
from api.errors import ApiError
from api.visitor import Visitor
from records.database import Transaction
from records.permission import View, Visible


def visitor_in(request: Request) -> Visitor:
    """Return the visitor that the route's guard let in."""
    visitor = request.state.visitor
    assert isinstance(visitor, Visitor)
    return visitor


def visible_in(request: Request) -> Visible:
    """Return what that visitor may see."""
    return visitor_in(request).visible


@contextlib.asynccontextmanager
async def reading(request: Request) -> AsyncIterator[View]:
    """Yield one snapshot of the records, as the visitor sees them."""
    async with context_of(request).database.read() as tx:
        yield View(tx, visible_in(request))


@contextlib.asynccontextmanager
async def writing(request: Request) -> AsyncIterator[tuple[Transaction, View]]:
    """Yield a transaction for a change, and the records in it as the visitor sees them."""
    async with context_of(request).database.write() as tx:
        yield tx, View(tx, visible_in(request))


def refuse_unless(allowed: bool) -> None:
    """Raise ApiError 403 unless a visitor who sees an object may also change it."""
    if not allowed:
        raise ApiError(403, "not_allowed")
