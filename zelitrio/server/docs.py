"""Render the OpenAPI document as one HTML page, without scripts and without other resources."""

from __future__ import annotations

from html import escape
from typing import Any

import orjson

from zelitrio.server.docs_sockets import sockets_html

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;
max-width:56rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}
code,pre{font:14px/1.45 ui-monospace,monospace}pre{background:#f5f5f2;
padding:.8rem;overflow-x:auto;border-radius:6px}
details{border:1px solid #ddd;border-radius:6px;margin:.5rem 0;padding:.4rem .8rem}summary{cursor:pointer}
b.get{color:#06603a}b.post{color:#8a3b00}
td,th{text-align:left;padding:.15rem 1rem .15rem 0;vertical-align:top}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#161616}pre{background:#222}details{border-color:#444}
b.get{color:#5fd39a}b.post{color:#f0a35e}a{color:#8ab4f8}}
"""


def docs_page(document: dict[str, Any], prefix: str = "") -> bytes:
    """Render a document as HTML in UTF-8; `prefix` is put before the server's paths."""
    info, server = document["info"], document["servers"][0]["url"]
    operations = [
        _operation(path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    schemas = [_schema(name, schema) for name, schema in document["components"]["schemas"].items()]
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width,initial-scale=1">',
            f"<title>{escape(info['title'])}: HTTP</title><style>{_STYLE}</style></head><body>",
            f"<h1>{escape(info['title'])}</h1><p>{escape(info['description'])}</p>",
            "<p>The key goes into the header <code>xi-api-key</code>, "
            "or <code>Authorization: Bearer KEY</code>. "
            "For machines: "
            f'<a href="{escape(prefix)}/openapi.json">openapi.json</a>.</p>',
            "<pre>curl -N -H 'xi-api-key: KEY' -H 'content-type: application/json' \\\n"
            '  -d \'{"text": "Hello there."}\' '
            f"{escape(server)}/v1/text-to-speech/VOICE/stream &gt; out.mp3</pre>",
            "<h2>Requests</h2>",
            *operations,
            sockets_html(),
            "<h2>Shapes</h2>",
            *schemas,
            "</body></html>",
        ]
    ).encode()


def _operation(path: str, method: str, operation: dict[str, Any]) -> str:
    title = f'<b class="{method}">{method.upper()}</b> <code>{escape(path)}</code>'
    parts = [f"<details><summary>{title} {escape(operation['summary'])}</summary>"]
    if more := operation.get("description"):
        parts.append(f"<p>{escape(more)}</p>")
    if parameters := operation.get("parameters"):
        rows = "".join(
            f"<tr><td><code>{escape(one['name'])}</code></td><td>{escape(one['in'])}</td>"
            f"<td>{_type(one['schema'])}</td></tr>"
            for one in parameters
        )
        parts.append(f"<h4>Parameters</h4><table>{rows}</table>")
    if body := operation.get("requestBody"):
        parts.append(f"<h4>Body</h4>{_content(body['content'])}")
    rows = "".join(
        f"<tr><td>{status}</td><td>{escape(answer['description'])}</td>"
        f"<td>{_content(answer.get('content', {}))}</td></tr>"
        for status, answer in operation["responses"].items()
    )
    parts.append(f"<h4>Answers</h4><table>{rows}</table></details>")
    return "".join(parts)


def _content(content: dict[str, Any]) -> str:
    return "<br>".join(
        f"<code>{escape(kind)}</code> {_type(value['schema'])}" for kind, value in content.items()
    )


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f'<a href="#{name}">{name}</a>'
    if "enum" in schema:
        return ", ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    kind = schema.get("type", "")
    return escape(" or ".join(kind) if isinstance(kind, list) else kind)


def _schema(name: str, schema: dict[str, Any]) -> str:
    text = orjson.dumps(schema, option=orjson.OPT_INDENT_2).decode()
    return f'<h3 id="{name}">{name}</h3><pre>{escape(text)}</pre>'
