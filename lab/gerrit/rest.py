"""REST plumbing: calls, replies, the route table."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote_plus, unquote_plus

from .errors import Refusal, bad_request

if TYPE_CHECKING:
    from .model import User
    from .site import Site

MAGIC = b")]}'\n"
INVALID = "Invalid application/json in request"


@dataclass
class Reply:
    """An answer: JSON, or text or bytes of a content type."""

    status: int = 200
    json: object = None
    text: str | None = None
    data: bytes | None = None
    content_type: str = "text/plain;charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)

    def body(self) -> bytes:
        if self.data is not None:
            return self.data
        if self.text is not None:
            return self.text.encode()
        if self.status == 204:
            return b""
        return MAGIC + json.dumps(self.json, ensure_ascii=False).encode() + b"\n"


@dataclass
class Call:
    """One REST request, its path split and decoded."""

    site: Site
    user: User
    method: str
    raw_path: str
    args: dict[str, str]
    query: list[tuple[str, str]]
    headers: dict[str, str]
    payload: bytes

    def option(self, name: str) -> str | None:
        """The last value of a query parameter, None if absent."""
        values = self.options(name)
        return values[-1] if values else None

    def options(self, *names: str) -> list[str]:
        return [value for key, value in self.query if key in names]

    def has(self, *names: str) -> bool:
        """Whether a flag is set: present and not an explicit false."""
        return any(value.lower() not in ("false", "0") for value in self.options(*names))

    def number(self, *names: str) -> int:
        """A count, 0 if absent; Refusal 400 if it is no number."""
        values = self.options(*names)
        try:
            return int(values[-1]) if values else 0
        except ValueError:
            raise bad_request(f'"{values[-1]}" is not a valid value for "-{names[0]}"') from None

    def only(self, *known: str) -> None:
        """Refuse query parameters that are not known."""
        for key, _ in self.query:
            if key not in known and key not in ("pp", "trace", "access_token", "xd", "fields"):
                raise bad_request(f'"{"--" if len(key) > 1 else "-"}{key}" is not a valid option')

    def body(self, **types: object) -> dict:
        """The JSON object sent, {} if none; fields in ``types`` are checked.

        A type is a Python type or a tuple of allowed words; unknown fields are ignored.
        """
        if not self.payload.strip():
            return {}
        kind = self.headers.get("content-type", "").split(";")[0].strip()
        if kind not in ("application/json", "text/json", ""):
            if kind in ("text/plain", "application/x-www-form-urlencoded"):
                raise bad_request("Expected JSON object")
            raise Refusal(415, "Unsupported Media Type")
        try:
            data = json.loads(self.payload)
        except ValueError:
            raise bad_request(INVALID) from None
        if not isinstance(data, dict):
            raise bad_request(INVALID)
        for name, wanted in types.items():
            check_field(data.get(name), wanted)
        return data

    def expect_new(self, exists: bool) -> None:
        """``If-None-Match: *`` on something that exists."""
        if exists and self.headers.get("if-none-match") == "*":
            raise Refusal(412, "Resource already exists")

    @property
    def json_accepted(self) -> bool:
        return "text/plain" not in self.headers.get("accept", "")


def check_field(value: object, wanted: object) -> None:
    """Refusal 400 if a JSON value is not of the wanted type or among the wanted words."""
    if value is None:
        return
    if isinstance(wanted, tuple):
        good = value in wanted
    elif wanted is str:
        good = isinstance(value, (str, int, float)) and not isinstance(value, bool)
    else:
        good = isinstance(value, wanted)
    if not good:
        raise bad_request(INVALID)


Handler = Callable[[Call], object]


@dataclass(frozen=True)
class Route:
    method: str
    parts: tuple[str, ...]
    handler: Handler
    anonymous: bool


ROUTES: list[Route] = []


def route(method: str, path: str, anonymous: bool = True) -> Callable[[Handler], Handler]:
    """Register a handler; ``{name}`` matches one path segment, ``{name...}`` the rest.

    A handler returns a Reply, or data for a 200 with JSON. ``anonymous=False``: a caller who
    is not logged in gets 403.
    """

    def register(handler: Handler) -> Handler:
        ROUTES.append(Route(method, tuple(path.split("/")), handler, anonymous))
        return handler

    return register


def _match(parts: tuple[str, ...], segments: list[str]) -> dict[str, str] | None:
    args = {}
    for at, part in enumerate(parts):
        if part.endswith("...}"):
            args[part[1:-4]] = "/".join(segments[at:])
            return args if segments[at:] else None
        if at >= len(segments):
            return None
        if part.startswith("{"):
            args[part[1:-1]] = segments[at]
        elif part != segments[at]:
            return None
    return args if len(parts) == len(segments) else None


def find_route(method: str, segments: list[str]) -> tuple[Route, dict[str, str]] | None:
    """The first route for decoded path segments; GET also serves HEAD."""
    method = "GET" if method == "HEAD" else method
    for each in ROUTES:
        if each.method == method:
            args = _match(each.parts, segments)
            if args is not None:
                return each, args
    return None


def other_methods(segments: list[str]) -> bool:
    """Whether some other method is routed for the path."""
    return any(_match(each.parts, segments) is not None for each in ROUTES)


def decode(segment: str) -> str:
    """A path segment or parameter decoded; broken escapes stay as they are."""
    return re.sub(r"\+", " ", segment) if "%" not in segment else unquote_plus(segment)


def encode(text: str) -> str:
    """Text as an id in REST answers."""
    return quote_plus(text)


def parse_query(raw: str) -> list[tuple[str, str]]:
    """The parameters of a query string in order; a bare name has an empty value."""
    pairs = (item.partition("=") for item in raw.split("&") if item)
    return [(decode(key), decode(value)) for key, _, value in pairs]
