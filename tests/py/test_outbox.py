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
    """And only once."""
    box = filled(3)

    assert [one.lease.item for one in box.take()] == [0, 1, 2]
    assert not box


def test_a_batch_holds_a_limited_number() -> None:
    """The rest is the next batch."""
    box = filled(outbox.BATCH_REPORTS + 1)

    assert [len(box.take()), len(box.take())] == [outbox.BATCH_REPORTS, 1]


def test_a_batch_holds_a_limited_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """But always one report, however large."""
    box = filled(3)
    size = len(box.take()[0].report)
    monkeypatch.setattr(outbox, "BATCH_BYTES", 2 * size)
    for number in range(3):
        box.add(*report(number))
    assert [len(box.take()), len(box.take())] == [2, 1]

    monkeypatch.setattr(outbox, "BATCH_BYTES", 1)
    box.add(*report(0))
    assert len(box.take()) == 1


def test_a_report_waits_for_company_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless there is enough of it already."""
    now = 1000.0
    monkeypatch.setattr(outbox, "time", SimpleNamespace(monotonic=lambda: now))
    box = filled(1)
    assert not box.is_due()
    now += outbox.BATCH_AGE_S
    assert box.is_due()
    assert filled(outbox.BATCH_REPORTS).is_due()

    monkeypatch.setattr(outbox, "BATCH_BYTES", 10)
    assert filled(1).is_due()
