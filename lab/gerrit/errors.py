"""What a caller is told when a call is refused."""


class Refusal(Exception):
    """A refused call: the HTTP status and the text a real server answers with.

    ``text`` carries no final newline; the HTTP side adds it, the ssh side prints
    ``fatal: text``.
    """

    def __init__(self, status: int, text: str):
        super().__init__(text)
        self.status = status
        self.text = text


def bad_request(text: str) -> Refusal:
    return Refusal(400, text)


def forbidden(text: str) -> Refusal:
    return Refusal(403, text)


def not_found(name: str) -> Refusal:
    return Refusal(404, f"Not found: {name}")


def conflict(text: str) -> Refusal:
    return Refusal(409, text)


def unprocessable(text: str) -> Refusal:
    return Refusal(422, text)


LOCK_FAILURE = Refusal(
    503,
    "Lock failure\n\n* Updating a ref failed with LOCK_FAILURE.\n"
    "This may be a temporary issue due to concurrent updates.\nPlease retry later.",
)
