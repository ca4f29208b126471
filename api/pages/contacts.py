"""Who is told of alarms: contacts are seen, added, changed and deactivated within one's scope."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from api.access import needs
from api.context import context_of
from api.errors import ApiError, error_text
from api.render import language_of, page
from api.scoped import reading, visible_in, visitor_in, writing
from api.views import contact_form
from api.views.contact_form import TypedContact
from api.views.overview import facility_name
from api.visitor import field_text, signed_form
from records import messages
from records.alarms import SEVERITIES
from records.messages import CHANNELS, Contact

router = APIRouter(include_in_schema=False, dependencies=[Depends(needs("contacts:read"))])
WRITING = Depends(needs("contacts:write"))


@router.get("/contacts")
async def contact_list(request: Request) -> Response:
    """Show every contact in scope."""
    words = await language_of(request)
    async with reading(request) as view:
        found = await view.contacts()
        places = {each.code: facility_name(each, words) for each in view.registry.facilities}
    visible = visible_in(request)
    own = {one.id for one in found if visible.on_facility("contacts:write", one.facility)}
    may_add = visible.may("contacts:write")
    return await page(request, "contacts.html", contacts=found, places=places, own=own, may_add=may_add)


@router.get("/contacts/new", dependencies=[WRITING])
async def new_contact(request: Request) -> Response:
    """Show an empty form."""
    places = await _places(request)
    return await _form(request, TypedContact(facility=places[0] if places else ""), {})


@router.get("/contacts/{contact_id}", dependencies=[WRITING])
async def show_contact(request: Request, contact_id: int) -> Response:
    """Show one contact's form; 404 when there is none of that id in the visitor's scope."""
    return await _form(request, contact_form.typed(await _find(request, contact_id)), {})


@router.post("/contacts", dependencies=[WRITING])
async def save_contact(request: Request) -> Response:
    """Add or change a contact, or show the form again with what is wrong beside each field."""
    form = await signed_form(request)
    number = field_text(form, "id")
    stored = await _find(request, int(number)) if number.isdigit() and int(number) else None
    given = _typed(form, stored)
    wrong = contact_form.check(given, await _places(request))
    if wrong:
        words = await language_of(request)
        errors = {field: error_text(code, params, words.locale) for field, (code, params) in wrong.items()}
        return await _form(request, given, errors)
    actor, now_us = visitor_in(request).username, context_of(request).clock()
    async with writing(request) as (tx, _):
        await messages.put_contact(tx, contact_form.contact(given, stored), actor=actor, now_us=now_us)
    return RedirectResponse("/contacts?done=saved", status_code=303)


def _typed(form: FormData, stored: Contact | None) -> TypedContact:
    version = field_text(form, "version")
    return TypedContact(
        id=stored.id if stored else 0,
        version=int(version) if version.isdigit() else 0,
        name=field_text(form, "name"),
        channel=field_text(form, "channel"),
        address=field_text(form, "address"),
        secret=field_text(form, "secret"),
        facility=field_text(form, "facility"),
        locale=field_text(form, "locale"),
        minimum_severity=field_text(form, "minimum_severity"),
        active=field_text(form, "active") == "on",
        has_secret=bool(stored and stored.secret and stored.channel == "webhook"),
    )


async def _find(request: Request, contact_id: int) -> Contact:
    async with reading(request) as view:
        found = await view.contact(contact_id, "contacts:write")
    if found is None:
        raise ApiError(404, "page_not_found")
    return found


async def _places(request: Request) -> list[str]:
    """Return the facilities for which the visitor may keep contacts; "" stands for all of them together."""
    visible = visible_in(request)
    whole = [""] if visible.everywhere("contacts:write") else []
    return whole + sorted(visible.facilities("contacts:write"))


async def _form(request: Request, form: TypedContact, errors: dict[str, str]) -> Response:
    words = await language_of(request)
    allowed = await _places(request)
    async with reading(request) as view:
        known = view.registry.facilities
    return await page(
        request,
        "contact.html",
        status=422 if errors else 200,
        form=form,
        errors=errors,
        everywhere="" in allowed,
        places=[(each.code, facility_name(each, words)) for each in known if each.code in allowed],
        channels=CHANNELS,
        severities=SEVERITIES,
    )
