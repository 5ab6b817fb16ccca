"""The main job: a planner publishes a planned cut, every affected customer is told once, and the books balance."""


def test_every_affected_customer_is_told_once(whole):
    """Each recipient ends in one settled state, and the providers' journals agree delivery by delivery."""
    told = whole.tell()
    books = whole.balance(told)
    assert books.wrong == []
    assert told.audience == whole.town.customers
    assert books.pushes_accepted > 0
    assert books.texts_accepted > 0
    assert books.pushes_repeated == 0
