"""What the grammar takes and refuses, and where it says so."""

from __future__ import annotations

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.contracts.expressions import FUNCTIONS, SENTENCES, ExpressionError, check, expression, parse

TYPES = {
    "Income": "float64",
    "Debt": "int64",
    "Name": "string",
    "Active": "bool",
    "Opened": "date",
    "Paid": "timestamp",
    "年龄": "int64",
    "my column": "int64",
    "maybe": "unknown",
    "picture": "image",
}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Income > 3 * Debt and Name = 'x'", "bool"),
        ("Debt + 1", "int64"),
        ("Debt + 1.0", "float64"),
        ("Debt / 2", "float64"),
        ("Debt // 2 % 3", "int64"),
        ("-9223372036854775808", "int64"),
        (".5 + 1.", "float64"),
        ("`my column` is not null", "bool"),
        ("年龄 between 1 and 2 and true", "bool"),
        ("Debt not in (1, 2, null) or not Active", "bool"),
        ("if(Active, null, Debt)", "int64"),
        ("coalesce(Debt, Income)", "float64"),
        ("least(Opened, date('2024-02-29'))", "date"),
        ("timestamp('2024-02-29T10:00') <= Paid", "bool"),
        ("date(Paid) = Opened", "bool"),
        ("round(Income, 2)", "float64"),
        ("round(Debt)", "int64"),
        ('Name != "it\'s"', "bool"),
        ("maybe + 1", "float64"),
        ("lower(maybe)", "string"),
        ("maybe", "unknown"),
        ("matches(Name, '^[a-z]+$')", "bool"),
        (" or ".join(["true"] * 200), "bool"),
    ],
)
def test_types_are_found(text: str, kind: str) -> None:
    assert check(parse(text), TYPES) == kind


@pytest.mark.parametrize(
    ("text", "code", "marked"),
    [
        ("", "empty", ""),
        ("  ", "empty", "  "),
        ("Debt > 1 AND Active", "expected", "AND"),
        ("1 < Debt < 3", "expected", "<"),
        ("Debt; drop", "unexpected_character", ";"),
        ("Name = 'x", "not_closed", "'"),
        ("(Debt", "not_closed", "("),
        ("Debt +", "expected", ""),
        ("Debt not 3", "expected", "3"),
        ("Debt in 3", "expected", "3"),
        ("Debt in ()", "expected", ")"),
        ("Debt between 1 or 2", "expected", "or"),
        ("9223372036854775808", "wrong_number", "9223372036854775808"),
        ("1e999", "wrong_number", "1e999"),
        ("0x1", "expected", "x1"),
        ("Income + incme", "unknown_column", "incme"),
        ("lowr(Name)", "unknown_function", "lowr"),
        ("abs(1, 2)", "wrong_arguments", "abs(1, 2)"),
        ("lower(Debt)", "wrong_type", "Debt"),
        ("Debt + 'x'", "wrong_type", "'x'"),
        ("Income // 2", "wrong_type", "Income"),
        ("not Debt", "wrong_type", "Debt"),
        ("Active > true", "wrong_type", "Active > true"),
        ("picture is null", "wrong_type", "picture"),
        ("text(Income)", "wrong_type", "Income"),
        ("Opened > '2024-01-01'", "different_types", "'2024-01-01'"),
        ("if(Active, 1, 'x')", "different_types", "'x'"),
        ("Debt = null", "compares_null", "null"),
        ("coalesce(null, null)", "no_type", "coalesce(null, null)"),
        ("matches(Name, Name)", "not_constant", "Name"),
        ("date(Name)", "not_constant", "Name"),
        ("date('2024-02-30')", "wrong_date", "'2024-02-30'"),
        ("date('2024-1-5')", "wrong_date", "'2024-1-5'"),
        ("date('2024-W01-1')", "wrong_date", "'2024-W01-1'"),
        ("timestamp('2024-01-01 10:00+02:00')", "wrong_date", "'2024-01-01 10:00+02:00'"),
        ("matches(Name, 'a(b')", "wrong_pattern", "'a(b'"),
        ("round(Income, 13)", "wrong_value", "13"),
        ("substring(Name, 0, 2)", "wrong_value", "0"),
        ("replace(Name, '', 'x')", "wrong_value", "''"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(text: str, code: str, marked: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        expression(text, TYPES)

    error = caught.value
    assert (error.code, text[error.position : error.end]) == (code, marked)
    assert error.detail == SENTENCES[code].format(**error.params)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("x" * 2001, "too_long"),
        ("(" * 51 + "1" + ")" * 51, "too_deep"),
        ("-" * 60 + "Debt", "too_deep"),
        ("+".join(["1"] * 52), "too_deep"),
        (f"Debt in ({','.join(['1'] * 500)})", "too_large"),
        ("least(" * 9 + "1" + ",2,3,4)" * 9, "too_large"),
    ],
)
def test_limits_hold(text: str, code: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        expression(text, TYPES)

    assert caught.value.code == code


def test_words_that_are_close_are_offered() -> None:
    with pytest.raises(ExpressionError, match="Did you mean 'Income'"):
        expression("income > 1", TYPES)
    with pytest.raises(ExpressionError, match="`and` are written small"):
        expression("Active AND Active", TYPES)


def test_what_binds_tighter() -> None:
    def same(one: str, other: str) -> bool:
        return _plain(expression(one, TYPES)) == _plain(expression(other, TYPES))

    assert same("Active or Active and not Debt + 1 * 2 = -3", "Active or (Active and (not ((Debt + (1 * 2)) = (-3))))")
    assert same("1 - 2 - 3", "(1 - 2) - 3")
    assert same("not Debt in (1)", "not (Debt in (1))")
    assert same("Debt between 1 and 2 and Active", "(Debt between 1 and 2) and Active")
    assert not same("1 - (2 - 3)", "1 - 2 - 3")


def test_columns_are_named_once_in_order_with_their_types() -> None:
    found = expression("if(Active, Income, Debt) + Income", TYPES)

    assert found.columns == {"Active": "bool", "Income": "float64", "Debt": "int64"}


def test_every_example_of_a_function_is_an_expression_that_calls_it() -> None:
    types = {
        **dict.fromkeys(("Income", "Debt", "Amount", "Balance", "Price", "Area", "Rate"), "float64"),
        **dict.fromkeys(("City", "Name", "First", "Last", "Email", "Phone"), "string"),
        **dict.fromkeys(("Opened", "Closed"), "date"),
        **dict.fromkeys(("Ordered", "Paid"), "timestamp"),
    }
    for name, function in FUNCTIONS.items():
        text = "string" if name in ("upper", "substring", "starts_with", "number") else "int64"
        amount = {"Amount": "string"} if name == "number" else {}
        assert function.example.startswith(f"{name}(")
        assert expression(function.example, {**types, "Code": text, **amount}).type


PIECES = [*string.printable, "年", "\x00", "\ud800", "and ", "null", "if(", "Debt ", " in (", "between "]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_any_text_is_an_expression_or_an_error_with_a_place(text: str) -> None:
    place = _place_of_error(text)

    assert place is None or 0 <= place[0] <= place[1] <= len(text)


def _place_of_error(text: str) -> tuple[int, int] | None:
    try:
        expression(text, TYPES)
    except ExpressionError as error:
        return error.position, error.end
    return None


def _plain(found: object) -> object:
    """A typed tree without its places."""
    parts = (found.operation, found.type, found.value, found.settings)  # type: ignore[attr-defined]
    return (*parts, tuple(_plain(each) for each in found.arguments))  # type: ignore[attr-defined]
