"""Numbers read from text, as a user writes them and as papermill passes them on."""

import pytest

from pcnnlib._internal.errors import UsageError, parse_integers


@pytest.mark.parametrize(
    ("text", "numbers"), [("2", (2,)), (2, (2,)), ("1,2,4", (1, 2, 4)), (" 1, -2", (1, -2))]
)
def test_integers_are_read_from_text_or_a_number(text, numbers):
    assert parse_integers("dilations", text, "1,2") == numbers


@pytest.mark.parametrize("text", ["", "1,", "a", "1.5", 1.5, None, "1;2"])
def test_what_is_no_list_of_integers_is_refused(text):
    with pytest.raises(UsageError) as caught:
        parse_integers("dilations", text, "1,2,4")
    assert str(caught.value) == f"dilations must be integers such as 1,2,4, got {text!r}"
