"""What a recipe makes of columns, where it does not fit them, and what its writer should know: without any data."""

from __future__ import annotations

from typing import Any

import pytest

from workers.contracts.recipes import KINDS, Serving, labels_of, problems, recipe_fit, secrets_of, shapes, warnings

COLUMNS = [
    {"name": "n", "type": "int64"},
    {"name": "f", "type": "float64"},
    {"name": "s", "type": "string"},
    {"name": "b", "type": "bool"},
    {"name": "d", "type": "date"},
    {"name": "t", "type": "timestamp"},
    {"name": "i", "type": "image"},
    {"name": "y", "type": "string"},
]
LABEL = {"kind": "encode_label", "column": "y", "mapping": {"good": 0, "bad": 1}}
SPLIT = {"kind": "split"}


def step(kind: str, **options: Any) -> dict[str, Any]:
    return {"kind": kind, **options}


FITS: list[tuple[list[dict[str, Any]], dict[str, str]]] = [
    ([step("rename_columns", columns={"n": "f", "f": "n"})], {"f": "int64", "n": "float64"}),
    ([step("derive", name="x", expression="n / 2 > 1")], {"x": "bool"}),
    ([step("derive", name="n", expression="upper(s)")], {"n": "string"}),
    ([step("date_parts", column="d"), step("derive", name="x", expression="d_year + 1")], {"x": "int64"}),
    ([step("missing_values"), step("outliers", columns=["s"])], {"s": "float64"}),
    ([step("one_hot", columns=["s"]), step("drop_columns", columns=["s=a"])], {}),
    ([step("parse_dates", columns=["s", "d"], to="timestamp")], {"s": "timestamp", "d": "timestamp"}),
    ([step("map_values", column="b", mapping={"true": 1}, otherwise="null")], {"b": "float64"}),
    ([step("cast", columns=["n", "b"], to="float64")], {"n": "float64", "b": "float64"}),
    ([step("pseudonymise", columns=["n", "s"], secret="K")], {"n": "string", "s": "string"}),
    ([step("generalise", column="t", method="month")], {"t": "string"}),
    ([step("ordinal_encode", column="b", order=["false", "true"])], {"b": "float64"}),
]


@pytest.mark.parametrize("steps, expected", FITS)
def test_types_follow_the_steps(steps: list[dict[str, Any]], expected: dict[str, str]) -> None:
    assert recipe_fit(steps, COLUMNS) == []
    types = shapes(steps, COLUMNS)[-1].types
    assert {name: types[name] for name in expected} == expected


MISFITS: dict[str, tuple[list[dict[str, Any]], str, str, str, str]] = {
    "no such column": ([step("redact", columns=["S"])], "steps[0].columns", "unknown_column", "S", "did you mean 's'?"),
    "gone before": (
        [step("drop_columns", columns=["s"]), step("normalise_text", columns=["s"])],
        *("steps[1].columns", "unknown_column", "s", "There is no column 's'"),
    ),
    "another type": (
        [step("replace_text", columns=["n"], pattern="a")],
        *("steps[0].columns", "wrong_type", "n", "Column 'n' is int64, not string."),
    ),
    "cannot become": (
        [step("cast", columns=["d"], to="int64")],
        *("steps[0].to", "wrong_type", "d", "it cannot become int64."),
    ),
    "a picture as text": (
        [step("cast", columns=["i"], to="string")],
        *("steps[0].to", "wrong_type", "i", "Column 'i' is image; it cannot become string."),
    ),
    "two of one name": (
        [step("rename_columns", columns={"n": "F"})],
        *("steps[0].columns", "duplicate_column_names", "f", "columns 'F' and 'f', equal but for case"),
    ),
    "a name that is kept": (
        [step("derive", name="__ordinal", expression="1")],
        *("steps[0].name", "reserved_column_name", "__ordinal", "kept for other use"),
    ),
    "blanks around a name": (
        [step("rename_columns", columns={"n": " n"})],
        *("steps[0].columns", "wrong_column_name", " n", "blanks"),
    ),
    "a part that is there": (
        [step("derive", name="d_year", expression="1"), step("date_parts", column="d")],
        *("steps[1].parts", "duplicate_column_names", "d_year", "There is a column 'd_year' already."),
    ),
    "an hour of a date": (
        [step("date_parts", column="d", parts=["hour"])],
        *("steps[0].parts", "wrong_type", "d", "it has no hour"),
    ),
    "an expression over no column": (
        [step("filter_rows", expression="n > 1 and nn > 2")],
        *("steps[0].expression", "invalid_expression", "nn", "At character 11: There is no column 'nn'."),
    ),
    "an expression of two types": (
        [step("derive", name="x", expression="n + s")],
        *("steps[0].expression", "invalid_expression", "", "At character"),
    ),
    "a filter that is a number": (
        [step("filter_rows", expression="n + 1")],
        *("steps[0].expression", "wrong_type", "", "It gives int64, not true or false."),
    ),
    "the label as a feature": (
        [step("normalise_text", columns=["y"]), LABEL],
        *("steps[0].columns", "wrong_type", "y", "Column 'y' is the label, not a feature."),
    ),
    "the last feature": (
        [step("drop_columns", columns=["n", "f", "s", "b", "d", "t", "i"]), LABEL],
        *("steps[0]", "no_columns", "", "No feature is left."),
    ),
    "ordered by text": (
        [step("drop_duplicates", columns=["n"], keep="largest", by="s")],
        *("steps[0].by", "wrong_type", "s", "Column 's' is string"),
    ),
    "no hash": (
        [step("near_duplicate_images")],
        *("steps[0].column", "unknown_column", "phash", "There is no column 'phash'"),
    ),
    "a method for other types": (
        [step("generalise", column="s", method="month")],
        *("steps[0].column", "wrong_type", "s", "Column 's' is string, not date or timestamp."),
    ),
}


@pytest.mark.parametrize("steps, place, code, column, said", MISFITS.values(), ids=MISFITS)
def test_a_misfit_names_step_option_and_column(
    steps: list[dict[str, Any]], place: str, code: str, column: str, said: str
) -> None:
    assert problems(steps) == {}
    (fault,) = recipe_fit(steps, COLUMNS)
    assert (fault.place, fault.code, fault.column) == (place, code, column)
    assert said in fault.detail


WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "a pattern": (step("replace_text", columns=["s"], pattern="(a"), "pattern", "a `(` is not closed"),
    "a group": (step("replace_text", columns=["s"], pattern="(a)[(]", replacement="$2"), "replacement", "has 1"),
    "a sign": (step("replace_text", columns=["s"], pattern="a", replacement="5$"), "replacement", "After $ comes"),
    "nothing to do": (step("normalise_text", trim=False), "trim", "Nothing is chosen"),
    "a unit": (step("parse_quantities", columns=["s"], unit="stone"), "unit", "'stone' is not known"),
    "one sign for two": (
        step("parse_quantities", columns=["s"], unit="kg", decimal="comma"),
        *("thousands", "another sign"),
    ),
    "a value that is missing": (
        step("map_values", column="s", mapping={"a": "b"}, otherwise="value"),
        *("value", "Is missing"),
    ),
    "a text among numbers": (
        step("map_values", column="s", mapping={"a": 1}, otherwise="value", value="x"),
        *("value", "Takes a number"),
    ),
    "numbers among texts": (step("map_values", column="s", mapping={"a": 1}), "otherwise", "leave no place"),
    "mixed values": (step("map_values", column="s", mapping={"a": 1, "b": "c"}), "mapping", "Takes an object"),
    "a zone": (step("parse_dates", columns=["s"], zone="Europe/Atlantis"), "zone", "no time zone that is known"),
    "an expression": (step("filter_rows", expression="n >"), "expression", "At character 4"),
    "a width that is missing": (step("generalise", column="n", method="bands"), "width", "Is missing"),
    "a width too many": (step("generalise", column="d", method="year", width=5), "width", "Is not taken"),
    "edges that fall": (step("generalise", column="n", method="edges", edges=[2, 1]), "edges", "rising numbers"),
    "a pattern of no use": (step("redact", columns=["s"], pattern="a"), "pattern", "method 'pattern'"),
    "a pattern that is missing": (step("redact", columns=["s"], method="pattern"), "pattern", "Is missing"),
    "nothing to be largest": (step("drop_duplicates", keep="largest"), "by", "Is missing"),
    "the name of no secret": (step("pseudonymise", columns=["s"], secret="../key"), "secret", "name of a secret"),
}  # fmt: skip


@pytest.mark.parametrize("wrong, option, said", WRONG.values(), ids=WRONG)
def test_options_that_are_wrong_are_named_before_any_column(wrong: dict[str, Any], option: str, said: str) -> None:
    found = problems([SPLIT, wrong])
    assert list(found) == [f"steps[1].{option}"]
    assert said in found[f"steps[1].{option}"][0]


def test_the_label_is_followed_through_new_names() -> None:
    steps = [
        step("rename_columns", columns={"Status": "state"}),
        step("rename_columns", columns={"state": "y"}),
        LABEL,
        step("rename_columns", columns={"y": "label"}),
    ]
    assert labels_of(steps) == ["Status", "state", "y", "y", "label"]
    assert labels_of([step("split", stratify="a"), LABEL]) == ["y", "y", "y"]
    assert labels_of([SPLIT]) == [None, None]


def test_the_label_may_be_derived() -> None:
    steps = [
        step("derive", name="late", expression="n > 30"),
        LABEL | {"column": "late", "mapping": {"true": 1, "false": 0}},
    ]
    assert recipe_fit(steps, COLUMNS) == []
    assert warnings(steps, COLUMNS) == []


def codes(*steps: dict[str, Any]) -> list[tuple[int, str]]:
    return [(each["step"], each["code"]) for each in warnings(list(steps), COLUMNS)]


def test_what_learns_from_all_rows_is_warned_of() -> None:
    learning = step("standardise", columns=["f"])
    assert codes(learning) == [(0, "fitted_without_split")]
    assert codes(learning, SPLIT, learning) == [(0, "fitted_before_split")]
    assert codes(SPLIT, learning) == []
    (found,) = warnings([learning, SPLIT], COLUMNS)
    assert found["params"] == {"kind": "standardise", "split": 2}


def test_what_a_served_model_cannot_do_is_warned_of() -> None:
    assert codes(step("pseudonymise", columns=["s"], secret="K")) == [(0, "not_served")]
    assert codes(step("cast", columns=["s"], to="int64", on_error="drop")) == [(0, "rows_dropped_not_served")]
    assert codes(step("derive", name="x", expression="if(y = 'bad', 1, 0)"), LABEL) == [(0, "reads_label")]


def test_warnings_are_said_of_a_recipe_that_does_not_fit() -> None:
    assert codes(step("drop_columns", columns=["nothing"]), step("pseudonymise", columns=["s"], secret="K")) == [
        (1, "not_served")
    ]


def test_secrets_are_named_once() -> None:
    steps = [step("pseudonymise", columns=["s"], secret=name) for name in ("B", "A", "B")]
    assert secrets_of([SPLIT, *steps]) == ("B", "A")


def test_every_kind_says_what_becomes_of_it_where_a_model_is_served() -> None:
    assert {name for name, kind in KINDS.items() if kind.serving is Serving.CANNOT} == {"pseudonymise"}
