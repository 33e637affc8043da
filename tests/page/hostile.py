"""Texts that a contributor may write, from the classic injection lists."""

TEXTS = {
    "script": "<script>alert(1)</script>",
    "attribute": '"><img src=x onerror=alert(1)>',
    "single": "' onmouseover='alert(1)",
    "svg": "</title></desc></text></svg><svg onload=alert(1)>",
    "comment": "--><script>alert(1)</script><!--",
    "style": "</style><script>alert(1)</script>",
    "url": "javascript:alert(1)//https://example.org",
    "jinja": "{{ 7*7 }}{% for x in ().__class__.__base__.__subclasses__() %}{{ x }}{% endfor %}",
    "entity": "&lt;script&gt;&#x3c;b&#x3e;",
    "shell": "x'; touch pwned; $(touch pwned) `touch pwned`",
    "ansi": "\x1b[31mred\x1b[0m\x1b]0;title\x07\x9b2J",
    "rtl": "abc\u202egpj.exe\u2066\u200f\u061c",
    "invisible": "a\u200bb\ufeffc\u2028d\u2029e\x00f",
    "newline": 'two\nlines\r\n# TYPE saltern_fake gauge\nsaltern_fake{a="b"} 1',
    "label": 'a"} 1\\n\\" \\',
    "long": "w" * 3000,
    "wide": "\u0442\u0435\u0441\u0442\u4e2d\u6587\U0001f9c2\u05d0\u05d1",
    "combining": "z" + "\u0301" * 200,
    "traversal": "../../../etc/passwd",
}
