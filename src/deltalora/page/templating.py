"""The templates' environment: what they may call, and how text and data get into HTML without becoming HTML."""

import html
import json
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from pydantic_core import to_json

#: Characters that could end a script element or start a comment in it, and the two that end a JavaScript line.
_UNSAFE = {one: f"\\u{ord(one):04x}" for one in "<>&\u2028\u2029"}

#: Digits kept of a number that is only drawn; the files to download have all.
_DRAWN_DIGITS = 6


def script_json(value: object) -> Markup:
    """A value as JSON that may stand in a script element, whatever texts it holds.

    Raises:
        ValueError: It holds NaN or an infinity.
    """
    # Eight times as fast as `json`, which is asked only where there might be a number that JSON has no form for.
    text = to_json(value).decode()
    if "NaN" in text or "Infinity" in text:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character, stand_in in _UNSAFE.items():
        text = text.replace(character, stand_in)
    return Markup(text)  # nothing is left in it that HTML reads


def drawn(value: float | None) -> float | None:
    """A number as it is drawn: six significant digits."""
    return None if value is None else float(f"{value:.{_DRAWN_DIGITS}g}")


def text_html(text: str) -> str:
    """A text between tags; not for an attribute, as quotes stay.

    For the few parts of a page that are not put together by a template because a store has ten thousand of them: three
    times as fast as the templates' own.
    """
    return html.escape(text, quote=False) if "&" in text or "<" in text or ">" in text else text


def pairs_html(lines: Iterable[tuple[str, str]], label: str) -> Markup:
    """Names and values as a list."""
    body = "".join([_pair_html(name, value) for name, value in lines])
    return Markup(f'<dl class="pairs" aria-label="{escape(label)}">\n{body}</dl>\n')  # every text was escaped


@lru_cache(maxsize=4096)
def _pair_html(name: str, value: str) -> str:
    """Kept, since thousands of runs share their environment and data."""
    return f"<div><dt>{text_html(name)}</dt><dd>{text_html(value)}</dd></div>\n"


def duration(seconds: float | None) -> str:
    """Seconds for a reader: '7.4 s', '12 min 5 s', '3 h 20 min'."""
    if seconds is None:
        return "–"
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def size(count: float | None) -> str:
    """Bytes for a reader, in powers of 1024."""
    if count is None:
        return "–"
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def heading(name: str) -> str:
    """'table1' -> 'Table 1'."""
    return name.replace("table", "Table ").replace("figure", "Figure ")


@cache
def environment() -> Environment:
    """Templates of this room; every value is escaped unless it is `Markup`, and an unknown name is an error."""
    made = Environment(
        loader=PackageLoader(__package__, "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= {"script_json": script_json, "duration": duration, "size": size, "heading": heading}
    made.globals |= {"pairs": pairs_html}
    return made


def render(template: str, values: Mapping[str, object]) -> str:
    """A template filled in."""
    return environment().get_template(template).render(values)
