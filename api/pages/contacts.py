"""Who is told of alarms: administrators add, change and deactivate contacts."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from api.access import PageAdministrator, page_administrator
from api.context import context_of
from api.errors import ApiError, error_text
from api.render import language_of, page
from api.views import contact_form
from api.views.contact_form import TypedContact
from api.views.overview import facility_name
from api.visitor import field_text, signed_form
from api.whole_numbers import whole_number
from records import messages, registry
from records.alarms import SEVERITIES
from records.messages import CHANNELS, Contact

router = APIRouter(include_in_schema=False, dependencies=[Depends(page_administrator)])


@router.get("/contacts")
async def contact_list(request: Request) -> Response:
    """Show every contact."""
    words = await language_of(request)
    async with context_of(request).database.read() as tx:
        found = await messages.contacts(tx)
        known = await registry.registry(tx)
    places = {facility.code: facility_name(facility, words) for facility in known.facilities}
    return await page(request, "contacts.html", contacts=found, places=places)


@router.get("/contacts/new")
async def new_contact(request: Request) -> Response:
    """Show an empty form."""
    return await _form(request, TypedContact(), {})


@router.get("/contacts/{contact_id}")
async def show_contact(request: Request, contact_id: int) -> Response:
    """Show one contact's form; 404 when there is none of that id."""
    return await _form(request, contact_form.typed(await _find(request, contact_id)), {})


@router.post("/contacts")
async def save_contact(request: Request, visitor: PageAdministrator) -> Response:
    """Add or change a contact, or show the form again with what is wrong beside each field."""
    form = await signed_form(request)
    context = context_of(request)
    number = whole_number(field_text(form, "id"))
    stored = await _find(request, number) if number else None
    given = _typed(form, stored)
    async with context.database.read() as tx:
        known = await registry.registry(tx)
    wrong = contact_form.check(given, [facility.code for facility in known.facilities])
    if wrong:
        words = await language_of(request)
        errors = {field: error_text(code, params, words.locale) for field, (code, params) in wrong.items()}
        return await _form(request, given, errors)
    async with context.database.write() as tx:
        await messages.put_contact(
            tx, contact_form.contact(given, stored), actor=visitor.username, now_us=context.clock()
        )
    return RedirectResponse("/contacts?done=saved", status_code=303)


def _typed(form: FormData, stored: Contact | None) -> TypedContact:
    return TypedContact(
        id=stored.id if stored else 0,
        version=whole_number(field_text(form, "version")) or 0,
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
    async with context_of(request).database.read() as tx:
        found = await messages.contacts(tx)
    for contact in found:
        if contact.id == contact_id:
            return contact
    raise ApiError(404, "page_not_found")


async def _form(request: Request, form: TypedContact, errors: dict[str, str]) -> Response:
    words = await language_of(request)
    async with context_of(request).database.read() as tx:
        known = await registry.registry(tx)
    return await page(
        request,
        "contact.html",
        status=422 if errors else 200,
        form=form,
        errors=errors,
        places=[(facility.code, facility_name(facility, words)) for facility in known.facilities],
        channels=CHANNELS,
        severities=SEVERITIES,
    )
