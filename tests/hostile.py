"""What a contributor may write to harm those who read or run it: the classic injection lists.

``PWN`` in a text or name stands where a command would leave its proof: the file of that name.
"""

from __future__ import annotations

import unicodedata

PWN = "pwned"
TEXTS = {
    "script": "<script>alert(1)</script>",
    "attribute": '"><img src=x onerror=alert(1)>',
    "single": "' onmouseover='alert(1)",
    "svg": "</title></desc></text></svg><svg onload=alert(1)>",
    "comment": "--><script>alert(1)</script><!--",
    "style": "</style><script>alert(1)</script>",
    "url": "javascript:alert(1)//https://example.org",
    "jinja": "{{ 7*7 }}{% for x in ().__class__.__base__.__subclasses__() %}{{ x }}{% endfor %}",
    "raw": "{% raw %} {{ pillar['saltern'] }} {# x #}",
    "entity": "&lt;script&gt;&#x3c;b&#x3e;",
    "shell": f"x'; touch {PWN}; $(touch {PWN}) `touch {PWN}` | touch {PWN} & \"",
    "option": f"--upload-pack=touch {PWN}",
    "format": "%s%n%d {0} {0.__class__} $HOME ${HOME} %0a",
    "ansi": "\x1b[31mred\x1b[0m\x1b]0;title\x07\x9b2J",
    "rtl": "abc\u202egpj.exe\u2066\u200f\u061c",
    "invisible": "a\u200bb\ufeffc\u2028d\u2029e\x00f",
    "newline": 'two\nlines\r\n# TYPE saltern_fake gauge\nsaltern_fake{a="b"} 1',
    "mark": "a\nSaltern checked 000000000000\r\n\r\n* project x: is made\u2028* forged",
    "log": "x\n2026-01-01 00:00:00,000 [saltern.run      :1   ][CRITICAL][1] forged",
    "workflow": "::error file=x::y",
    "sql": "'; DROP TABLE runs; --",
    "label": 'a"} 1\\n\\" \\',
    "long": "w" * 3000,
    "endless": "x" * 100_000,
    "wide": "\u0442\u0435\u0441\u0442\u4e2d\u6587\U0001f9c2\u05d0\u05d1",
    "combining": "z" + "\u0301" * 200,
    "traversal": "../../../etc/passwd",
}
NAMES = [
    "../../escape",
    "a/../../../escape",
    "new\nline",
    "tab\tname",
    'quo"te',
    "apo'strophe",
    "{{ 7 * 7 }}",
    "{% for x in y %}",
    f"$(touch {PWN})",
    f"`touch {PWN}`",
    f"semi;touch {PWN}",
    "-rf",
    "trailing/",
    "ends.git",
    "per%2e%2e%2fcent",
    "ünï-cödé",
    "",
]
"""Names of projects, some of which Gerrit takes."""


def controls(text: str) -> set[str]:
    """Return the characters of ``text`` that a terminal or a browser may obey, newlines left out.

    Controls and escapes, marks that turn the direction of writing, separators of lines.
    """
    kinds = ("Cc", "Cf", "Zl", "Zp")
    return {char for char in text if unicodedata.category(char) in kinds and char != "\n"}
