"""The description of the JSON interface as a page, made from OpenAPI without any foreign script."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from api.access import own
from api.errors import ErrorBody
from api.render import page

router = APIRouter(include_in_schema=False, dependencies=[Depends(own)])


@router.get("/docs")
async def docs(request: Request) -> Response:
    """Show every operation with its parameters, answers and shapes."""
    description = request.app.openapi()
    return await page(
        request,
        "docs.html",
        description=description,
        origin=str(request.base_url).rstrip("/"),
        operations=_operations(description),
        shapes=_shapes(description),
    )


def _operations(description: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what the page shows of each operation; errors have one shape, so the page says it once."""
    return [
        {
            "method": method.upper(),
            "path": path,
            "summary": operation.get("summary", ""),
            "text": operation.get("description", ""),
            "parameters": [_parameter(item) for item in operation.get("parameters", [])],
            "body": _shape_name(operation.get("requestBody", {})),
            "answers": [
                (status, answer.get("description", ""), _shape_name(answer))
                for status, answer in operation.get("responses", {}).items()
                if _shape_name(answer) != ErrorBody.__name__
            ],
        }
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    ]


def _parameter(item: dict[str, Any]) -> dict[str, Any]:
    shape = item.get("schema", {})
    return {
        "name": item["name"],
        "place": item["in"],
        "required": item.get("required", False),
        "text": item.get("description", ""),
        "shape": _type_name(shape),
        "default": json.dumps(shape["default"]) if shape.get("default") is not None else "",
    }


def _shape_name(part: dict[str, Any]) -> str:
    shape = part.get("content", {}).get("application/json", {}).get("schema", {})
    return _type_name(shape) if shape else ""


def _type_name(shape: dict[str, Any]) -> str:
    """Return a schema in a few characters, as `TankOut[]` or `integer | null`."""
    if "$ref" in shape:
        return str(shape["$ref"]).rpartition("/")[2]
    if "anyOf" in shape:
        return " | ".join(_type_name(part) for part in shape["anyOf"])
    if "enum" in shape:
        return " | ".join(json.dumps(value) for value in shape["enum"])
    if shape.get("type") == "array":
        return f"{_type_name(shape.get('items', {}))}[]"
    return str(shape.get("type", "any"))


def _shapes(description: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "text": shape.get("description", ""),
            "fields": [(field, _type_name(part)) for field, part in shape.get("properties", {}).items()],
        }
        for name, shape in description.get("components", {}).get("schemas", {}).items()
    ]
