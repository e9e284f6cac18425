"""Some texts stand in several functions, because a function for them would cost too much. The copies agree."""

from __future__ import annotations

import pytest

from server import ROOT

COPIES = {
    "select k.* into v_watermark from watermark as k where k.next_need = capabilities[1]"
    " order by k.watermark_id desc limit 1;": ("claim/get_work", "batch/turn"),
    "found and _watermark_usable(v_watermark, v_lease, v_now)": ("claim/get_work", "batch/turn"),
    "v_work := _claim_one(v_watermark, worker_id, v_lease); if v_work.job_id is not null then": (
        "claim/get_work",
        "batch/turn",
    ),
}


@pytest.mark.parametrize("text", COPIES)
def test_the_copies_agree(text: str) -> None:
    without = [
        name
        for name in COPIES[text]
        if text not in " ".join((ROOT / "sql" / "functions" / f"{name}.sql").read_text().split())
    ]
    assert not without
