"""Arguments as they come: numbers, flags, paths and arrays, and text as papermill passes it on."""

import pathlib

import numpy as np
import pytest

from pcnnlib._internal import errors
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


@pytest.mark.parametrize(
    ("check", "value", "message"),
    [
        ("path", None, "x must be a path, got None"),
        ("path", 3, "x must be a path, got 3"),
        ("path", "", "x must be a path, got ''"),
        ("path", b"a", "x must be a path, got b'a'"),
        ("seed", -1, "seed must be an integer >= 0, got -1"),
        ("seed", "a", "seed must be an integer >= 0, got 'a'"),
        ("seed", 1.5, "seed must be an integer >= 0, got 1.5"),
        ("bool", "yes", "x must be True or False, got 'yes'"),
        ("bool", np.array([True]), "x must be True or False, got array([ True])"),
        (
            "array",
            [[1], [1, 2]],
            "x must be an array, its rows all of one shape, got [[1], [1, 2]]",
        ),
        pytest.param("int", 10**5000, "x must be an integer 0..3, got int", id="digits"),
        ("int", np.eye(9), "x must be an integer 0..3, got ndarray"),
        ("number", 10**400, "x must be a finite number >= 0, got 1" + 55 * "0" + " ..."),
        ("number", np.eye(2), "x must be a finite number >= 0, got array([[1., 0.], [0., 1.]])"),
    ],
)
def test_what_came_is_named_in_one_line(check, value, message):
    checks = {
        "path": errors.check_path,
        "seed": lambda _, value: errors.check_seed(value),
        "bool": errors.check_bool,
        "array": errors.as_array,
        "int": lambda name, value: errors.check_int(name, value, 0, 3),
        "number": lambda name, value: errors.check_number(name, value, 0),
    }
    with pytest.raises(UsageError) as caught:
        checks[check]("x", value)
    assert str(caught.value) == message


def test_what_fits_comes_back_as_it_is_used():
    assert errors.check_path("x", "a/b") == errors.check_path("x", pathlib.Path("a", "b"))
    array = np.ones((2, 3), "uint8")
    assert errors.as_array("x", array) is array
    np.testing.assert_array_equal(errors.as_array("x", [[1, 2]], "float64"), [[1.0, 2.0]])
    assert [errors.check_temperature(t) for t in (0.5, 1e-40, 1e300)] == [0.5, 1e-30, 3e38]
    assert errors.is_integer(np.int64(0), 0) and errors.is_integer(0, 0)
    for other in (False, 0.0, np.zeros(1, int), np.zeros(2, int), None, "0", 1):
        assert not errors.is_integer(other, 0)
