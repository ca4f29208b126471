"""The outbox, and mails that the loopback mail sink received."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse, Response

from api import formats
from api.access import needs
from api.errors import ApiError
from api.render import language_of, page
from api.scoped import reading
from api.views.message_texts import outbox_view
from records.messages import ReceivedMail

router = APIRouter(include_in_schema=False, dependencies=[Depends(needs("messages:read"))])

SHOWN = 100
BODY_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"
"""A mail's own HTML may be styled, and nothing else: no script, no picture, no link that opens by itself."""


@router.get("/messages")
async def message_list(request: Request) -> Response:
    """Show the newest messages and received mails."""
    words = await language_of(request)
    async with reading(request) as view:
        sent = await view.outbox(limit=SHOWN)
        received = await view.received_mails(limit=SHOWN)
    mails = [(mail, formats.instant(mail.received_us), ", ".join(mail.recipients)) for mail in received]
    return await page(request, "messages.html", outbox=[outbox_view(row, words) for row in sent], mails=mails)


@router.get("/messages/mail/{mail_id}")
async def mail(request: Request, mail_id: int) -> Response:
    """Show one received mail; 404 when there is none of that id."""
    found = await _find(request, mail_id)
    return await page(request, "mail.html", mail=found, received=formats.instant(found.received_us))


@router.get("/messages/mail/{mail_id}/body")
async def mail_body(request: Request, mail_id: int) -> Response:
    """Return a mail's own HTML, for a frame that may do nothing but show it."""
    found = await _find(request, mail_id)
    headers = {"Content-Security-Policy": BODY_POLICY, "X-Frame-Options": "SAMEORIGIN"}
    return HTMLResponse(found.body_html, headers=headers)


async def _find(request: Request, mail_id: int) -> ReceivedMail:
    async with reading(request) as view:
        found = await view.received_mail(mail_id)
    if found is None:
        raise ApiError(404, "page_not_found")
    return found
