"""Reports on their way."""

from types import SimpleNamespace

import pytest

from worker import outbox
from worker.models import Lease, Report
from worker.outbox import Outbox


def report(number: int) -> tuple[Lease, Report]:
    """Return a lease and a report of about 150 bytes for it."""
    lease = Lease(item=number, attempt=1, lease=str(number))
    return lease, Report.of_failure(lease, "now", "dns", "no such name")


def filled(count: int) -> Outbox:
    """Return an outbox with *count* reports."""
    box = Outbox()
    for number in range(count):
        box.add(*report(number))
    return box


def test_reports_leave_in_the_order_they_came() -> None:
    """And stay until they were answered."""
    box = filled(3)

    assert [one.lease.item for one in box.batch()] == [0, 1, 2]
    box.remove_first(2)
    assert [one.lease.item for one in box.batch()] == [2]


def test_a_batch_holds_a_limited_number() -> None:
    """Or fewer, if that is asked for."""
    box = filled(outbox.BATCH_REPORTS + 1)

    assert [len(box.batch()), len(box.batch(7))] == [outbox.BATCH_REPORTS, 7]


def test_a_batch_holds_a_limited_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """But always one report, however large."""
    box = filled(3)
    size = len(box[0].report)
    monkeypatch.setattr(outbox, "BATCH_BYTES", 2 * size)
    assert len(box.batch()) == 2

    monkeypatch.setattr(outbox, "BATCH_BYTES", 1)
    assert len(box.batch()) == 1


def test_a_report_waits_for_company_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless there is enough of it already."""
    now = 1000.0
    monkeypatch.setattr(outbox, "time", SimpleNamespace(monotonic=lambda: now))
    assert filled(1).due_at == now + outbox.BATCH_AGE_S
    assert filled(outbox.BATCH_REPORTS).due_at == 0

    monkeypatch.setattr(outbox, "BATCH_BYTES", 10)
    assert filled(1).due_at == 0


def test_it_is_full_by_number_or_by_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """And not any more when what was answered has gone, or grew smaller."""
    monkeypatch.setattr(outbox, "MOST_REPORTS", 3)
    box = filled(3)
    assert box.is_full
    box.remove_first(1)
    assert not box.is_full

    monkeypatch.setattr(outbox, "MOST_BYTES", len(box[0].report) + len(box[1].report))
    assert box.is_full
    box.replace_first(Report.of_failure(box[0].lease, "now", "dns", ""))
    assert not box.is_full
    assert [one.is_last_resort for one in box] == [True, False]
