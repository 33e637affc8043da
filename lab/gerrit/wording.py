"""Writing long lists of words readably."""


def words(text: str) -> tuple[str, ...]:
    """The words of a text."""
    return tuple(text.split())
