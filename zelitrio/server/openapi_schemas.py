"""Build parts of the OpenAPI document's JSON schemas."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]
NDJSON = "application/x-ndjson"


def schema_like(example: object) -> Schema:
    """The schema of values like an example: the same names, with values of the same types."""
    match example:
        case None:
            return {"type": ["string", "number", "null"]}
        case bool():
            return {"type": "boolean"}
        case int():
            return {"type": "integer"}
        case float():
            return {"type": "number"}
        case str():
            return {"type": "string"}
        case list():
            return {"type": "array", "items": schema_like(example[0]) if example else {}}
        case dict():
            properties = {name: schema_like(value) for name, value in example.items()}
            return {"type": "object", "properties": properties, "required": list(example)}
    raise TypeError(f"expected a JSON value, found {example!r}")


def nullable(kind: str, **more: Any) -> Schema:
    """A value of a type, or null, which counts as absent."""
    return {"type": [kind, "null"], **more}


def ref(name: str) -> Schema:
    """A reference to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def array(name: str) -> Schema:
    """A list of items that have a schema of the document."""
    return {"type": "array", "items": ref(name)}


def json_of(schema: Schema) -> Schema:
    """The content of a body in JSON."""
    return {"application/json": {"schema": schema}}
