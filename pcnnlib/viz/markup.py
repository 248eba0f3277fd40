"""Text and data as parts of HTML. Everything that a figure, a table or an explorer is given as a
name, a number or a caption passes through `escape` before it stands in a page.
"""

import html
import re
from typing import Any

from pcnnlib._internal.errors import UsageError

# A web address, or a place in the same book. Browsers run `javascript:` addresses, and forgive
# white space within them.
ADDRESS = re.compile(r"https?://[^\s]+|[^:\s]+", re.IGNORECASE)


def escape(value: Any) -> str:
    """A text as HTML: between tags, or between the double quotes of an attribute."""
    return html.escape(str(value), quote=True)


def link(text: Any, url: str) -> str:
    """A text that leads to an address.

    Raises:
        UsageError: an address that is neither of the web nor of the same book.
    """
    if not isinstance(url, str) or not ADDRESS.fullmatch(url):
        raise UsageError(f"url must be a web address or a path without spaces, got {url!r}")
    return f'<a href="{escape(url)}">{escape(text)}</a>'
