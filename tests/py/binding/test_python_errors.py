"""The Python package: one exception class for each code, and its attributes."""

from __future__ import annotations

from uuid import UUID, uuid4

import psycopg
import pytest

from conftest import Connection
from leasehold import AlreadyDone, InvalidArgument, JobNotFound, Leasehold, LeaseholdError, errors


def test_there_is_one_class_per_code_of_error_codes(conn: Connection) -> None:
    listed = {info.code: info.name for info in Leasehold(conn).error_codes()}
    assert listed == {code: cls("", sqlstate=code).name for code, cls in errors.classes.items()}
    assert len({cls.__name__ for cls in errors.classes.values()}) == len(listed)
    assert all(cls.__doc__ for cls in errors.classes.values())


def test_a_refusal_carries_code_name_message_detail_hint_and_cause(conn: Connection) -> None:
    job_id = uuid4()
    with pytest.raises(JobNotFound) as caught:
        Leasehold(conn).job(job_id)
    error = caught.value
    assert (error.sqlstate, error.name) == ("LH003", "job_not_found")
    assert error.job_id == job_id
    assert error.lease_id is None
    assert str(job_id) in error.message
    assert error.hint
    assert str(error).startswith("LH003 ")
    assert isinstance(error.__cause__, psycopg.Error)
    assert isinstance(error, LeaseholdError)


def test_a_refused_argument_is_named(conn: Connection) -> None:
    with pytest.raises(InvalidArgument) as caught:
        Leasehold(conn).submit("no need at all")
    assert caught.value.argument == "next_need"


def test_a_code_of_a_later_version_is_a_leasehold_error(conn: Connection) -> None:
    with pytest.raises(LeaseholdError) as caught, errors.translated():
        conn.execute(
            "do $$ begin raise exception 'later' using errcode = 'LH999',"
            " detail = 'no json', hint = 'wait'; end $$"
        )
    error = caught.value
    assert type(error) is LeaseholdError
    assert (error.sqlstate, error.name, error.message) == ("LH999", None, "later")
    assert (error.detail, error.hint) == ({"text": "no json"}, "wait")


def test_other_errors_pass_through_untouched(conn: Connection) -> None:
    with pytest.raises(psycopg.errors.DivisionByZero), errors.translated():
        conn.execute("select 1 / 0")


def test_a_refusal_in_a_row_becomes_the_same_exception() -> None:
    job_id = uuid4()
    error = errors.from_parts("LH018", "done", f'{{"job_id": "{job_id}"}}', "stop")
    assert isinstance(error, AlreadyDone)
    assert (error.job_id, error.hint) == (job_id, "stop")


@pytest.mark.parametrize("detail", [None, "", "[]", "{", '{"job_id": 7}', '{"job_id": "no uuid"}'])
def test_a_detail_without_ids_causes_no_error(detail: str | None) -> None:
    error = errors.from_parts("LH001", "lost", detail)
    assert error.job_id is None
    assert UUID(int=0) != error.lease_id
