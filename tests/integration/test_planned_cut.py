"""The main job: a planner publishes a planned cut, each affected customer is told once, and the books balance."""

from tests.integration.support.judge import judge_outage

from gridcare_local.demo.accounting import balance
from gridcare_local.demo.cut import publish_cut


def test_all_customers_are_told_once(whole):
    """Each recipient ends in one settled state, and the providers' journals agree on every delivery."""
    outage_id = whole.draft(mark="PLANNED")
    published = whole.change(outage_id, "publish")
    whole.wait_told(outage_id)
    verdict = judge_outage(whole, outage_id)
    assert verdict.wrong == []
    assert verdict.states.total() == whole.town.customers
    assert verdict.pushes > 0
    assert verdict.texts > 0
    assert verdict.pushes_repeated <= verdict.pushes_unknown
    (reach,) = [each for each in published["preview"] if each["kind"] == "announcement"]
    assert reach["audience"] == whole.town.customers


def test_demo_books_balance(whole):
    """The accounting of `gridcare demo` agrees with the providers."""
    notice = publish_cut(whole.site, whole.town.feeder_ids, timeout_s=120, watch=lambda *_: None)
    books = balance(whole.site, notice)
    assert books.wrong == []
    assert books.notice.audience == whole.town.customers
    assert books.pushes_repeated == 0


def test_other_feeders_hear_nothing(whole):
    """A cut of one feeder reaches only its customers, each once, however many supply points they have."""
    feeder_id = whole.town.feeder_ids[0]
    on_it = {point.customer_code for point in whole.world.supply_points() if point.feeder_id == feeder_id}
    outage_id = whole.draft(mark="FEEDER", feeder_ids=[feeder_id])
    whole.change(outage_id, "publish")
    whole.wait_told(outage_id)
    verdict = judge_outage(whole, outage_id)
    assert verdict.wrong == []
    assert verdict.states.total() == len(on_it)
    assert verdict.told_by["announcement"] <= on_it
