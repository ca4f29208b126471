"""Errors as a caller sees them: one shape in JSON, one page for people.

`{"code", "params", "message_vi", "message_en"}`; codes and texts stand in `oxygen.messages` under `errors`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from oxygen import messages
from oxygen.errors import OxyWatchError, Rejected, Retryable

JSON_PREFIX = "/api/"

_HTTP_CODES = {
    400: "bad_request",
    401: "sign_in_needed",
    403: "not_allowed",
    404: "page_not_found",
    405: "method_not_allowed",
    413: "too_large",
}
_REJECTED_STATUS = {"not_found": 404, "changed_meanwhile": 409, "not_allowed": 403, "more_than_held": 403}
_ABSENT_SUFFIX = "_not_found"


class ErrorBody(BaseModel):
    """The one shape of errors.

    Attributes:
        code: What went wrong, for programs.
        params: Values for the text's placeholders.
        message_vi, message_en: The text in both languages.
    """

    code: str
    params: dict[str, str | int | float | bool | None]
    message_vi: str
    message_en: str


class ApiError(Exception):
    """An answer that is not what was asked for.

    Attributes:
        status: HTTP status.
        code, params: Key under `errors` in the message catalogues, and its values.
    """

    def __init__(self, status: int, code: str, **params: object) -> None:
        """Keep status, code and parameters."""
        super().__init__(code)
        self.status = status
        self.code = code
        self.params = params


def error_body(code: str, params: Mapping[str, object]) -> ErrorBody:
    """Return the JSON of an error; a parameter that is no plain value is written as text."""
    plain = {
        key: value if isinstance(value, str | int | float | bool | None) else str(value)
        for key, value in params.items()
    }
    vietnamese, english = (error_text(code, params, locale) for locale in ("vi", "en"))
    return ErrorBody(code=code, params=plain, message_vi=vietnamese, message_en=english)


def error_text(code: str, params: Mapping[str, object], locale: str) -> str:
    """Return an error's text; an error that has none of its own is called unexpected, with its code."""
    key = f"errors.{code}"
    if key not in messages.catalogue(locale):
        return messages.text("errors.unexpected", locale, code=code)
    return messages.text(key, locale, **{"code": code, **params})


def as_api_error(error: Exception) -> ApiError:
    """Return what a caller is told about any exception; what is not known is 500 `unexpected`."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, RequestValidationError):
        return _bad_field(error.errors())
    if isinstance(error, HTTPException):
        return ApiError(error.status_code, _HTTP_CODES.get(error.status_code, "bad_request"))
    if isinstance(error, Rejected):
        missing = error.code.endswith(_ABSENT_SUFFIX) or error.code.startswith("unknown_")
        status = 404 if missing else _REJECTED_STATUS.get(error.code, 422)
        return ApiError(status, error.code, **error.params)
    if isinstance(error, Retryable):
        return ApiError(503, "try_again", **error.params)
    if isinstance(error, OxyWatchError):
        return ApiError(500, error.code, **error.params)
    return ApiError(500, "unexpected")


def _bad_field(errors: Sequence[Mapping[str, object]]) -> ApiError:
    first = errors[0]
    place = first.get("loc")
    named = [str(part) for part in place] if isinstance(place, list | tuple) else []
    return ApiError(
        422, "bad_field", field=".".join(named[1:]) or ".".join(named), detail=str(first.get("msg", ""))
    )


JSON_ERRORS: dict[int | str, dict[str, object]] = {
    401: {"model": ErrorBody, "description": "Not signed in"},
    403: {"model": ErrorBody, "description": "Signed in, but not allowed"},
    404: {"model": ErrorBody, "description": "Does not exist, or is outside the caller's scope"},
    422: {"model": ErrorBody, "description": "The input is wrong; `code` and `params` say how"},
    503: {"model": ErrorBody, "description": "A store is down; the same call may be repeated"},
}
