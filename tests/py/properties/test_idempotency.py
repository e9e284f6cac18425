"""A repeated request is recognized by its content, compared as jsonb."""

from __future__ import annotations

import json
import string
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from conftest import Connection
from support import refused

# The hard cases are texts that look like numbers, and characters that end or escape a JSON string.
TEXTS = st.one_of(
    st.sampled_from(
        ["1.0", "1.10", '"', '"1.0', "1.0\\", '\\"1.0, 2.00', ", 1.0", "a.0", "10.0.0.1", ""]
    ),
    st.text(alphabet='01.,:"\\ ae{}[]', max_size=8),
)
WHOLE = st.text(alphabet=string.digits, min_size=1, max_size=6).map(
    lambda digits: digits.lstrip("0") or "0"
)
# numbers in different spellings: 1, 1.0, -0.00, 1.10, 12e-3
NUMBERS = st.builds(
    lambda sign, whole, fraction, power: sign + whole + fraction + power,
    st.sampled_from(["", "-"]),
    WHOLE,
    st.one_of(
        st.just(""),
        st.text(alphabet="0015", min_size=1, max_size=6).map(lambda digits: "." + digits),
    ),
    st.sampled_from(["", "", "", "e2", "e-2", "E+1"]),
)
SCALARS = st.one_of(NUMBERS, TEXTS.map(json.dumps), st.sampled_from(["null", "true", "false"]))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(lambda items: f"[{', '.join(items)}]"),
        st.lists(st.tuples(TEXTS.map(json.dumps), inner), max_size=4).map(
            lambda items: f"{{{', '.join(f'{key}: {value}' for key, value in items)}}}"
        ),
    ),
    max_leaves=8,
)


@st.composite
def said_otherwise(draw: st.DrawFn, value: str) -> str:
    """The same value in another form: trailing zeros, keys in another order, one of them twice."""

    def number(text: str) -> str:
        digits = format(Decimal(text), "f")
        zeros = "0" * draw(st.integers(0, 3))
        return digits + (zeros if "." in digits else "." + zeros if zeros else "")

    def say(item: Any) -> str:
        if isinstance(item, list):
            return f"[{','.join(say(one) for one in item)}]"
        if isinstance(item, dict):
            pairs = draw(st.permutations(list(item.items())))
            said = [f"{json.dumps(key)}:{say(one)}" for key, one in pairs]
            if pairs and draw(st.booleans()):
                said.insert(0, f"{json.dumps(pairs[0][0])}:1.0")  # the last one counts
            return f"{{{','.join(said)}}}"
        return item.text if isinstance(item, Number) else json.dumps(item)

    class Number:
        def __init__(self, text: str) -> None:
            self.text = number(text)

    return say(json.loads(value, parse_float=Number, parse_int=Number))


PAIRS = st.one_of(
    st.tuples(VALUES, VALUES),
    VALUES.flatmap(lambda value: st.tuples(st.just(value), said_otherwise(value))),
)


@pytest.mark.long
@settings(
    deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@example(pair=("1.0", "1"))
@example(pair=("1.10", "1.1"))
@example(pair=("-0.0", "0"))
@example(pair=("1e2", "100.00"))
@example(pair=('"1.0"', '"1"'))
@example(pair=('{"a": 1.0, "b": [2.50]}', '{"b": [2.5], "a": 7, "a": 1}'))
@given(pair=PAIRS)
@pytest.mark.parametrize("way", ["submit", "submit_many", "submission"])
def test_a_request_is_a_repetition_if_its_payload_is_equal_as_jsonb(
    conn: Connection, way: str, pair: tuple[str, str]
) -> None:
    key = str(uuid4())
    submitted = {
        "submit": "select job_id from submit('x', %s::jsonb, idempotency_key => %s)",
        "submit_many": "select job_id from submit_many(jsonb_build_array(jsonb_build_object("
        "'next_need', 'x', 'payload', %s::jsonb, 'idempotency_key', %s::text)))",
        "submission": "insert into submission (next_need, payload, idempotency_key)"
        " values ('x', %s, %s) returning job_id",
    }[way]
    first, second = (f'{{"p": {value}}}' for value in pair)
    equal = conn.execute("select %s::jsonb = %s::jsonb", (first, second)).fetchone()
    was = conn.execute(submitted, (first, key)).fetchone()
    if equal == (True,):
        assert conn.execute(submitted, (second, key)).fetchone() == was
    else:
        with refused("LH006"):
            conn.execute(submitted, (second, key))
