"""Eight threads at once on one store. Not on moto, which serves one thread: see conftest."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from hunar import tables
from hunar.ports import ABSENT, Conflict, Put, Store
from tests.contract.conftest import THREADS

ROUNDS = 25


def at_once(act: Callable[[int], int]) -> list[int]:
    """What each of the threads answers. All begin at the same moment."""
    gate = threading.Barrier(THREADS)

    def begin(number: int) -> int:
        gate.wait(30)
        return act(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(begin, range(THREADS)))


def test_of_eight_that_put_the_same_version_exactly_one_wins(raced_store: Store) -> None:
    key = tables.stock("A")

    for version in range(ROUNDS):

        def put(number: int, version: int = version) -> int:
            try:
                raced_store.commit([Put(key, {"by": number, "version": version + 1}, version or ABSENT)])
            except Conflict:
                return 0
            return 1

        won = at_once(put)
        assert sum(won) == 1
        assert raced_store.read([key])[key] == {"by": won.index(1), "version": version + 1}


def test_overlapping_transactions_never_write_half(raced_store: Store) -> None:
    """Units move between four shelves, two shelves in a transaction: none is lost and none is made."""
    shelves = [tables.stock(sku) for sku in "ABCD"]
    raced_store.commit([Put(key, {"units": 100, "version": 1}, ABSENT) for key in shelves])

    def move(number: int) -> int:
        draw = random.Random(number)
        moved = 0
        for _ in range(ROUNDS):
            giver, taker = draw.sample(shelves, 2)
            found = raced_store.read([giver, taker])
            puts = [
                Put(key, {"units": item["units"] + units, "version": item["version"] + 1}, item["version"])
                for key, item, units in ((giver, found[giver], -3), (taker, found[taker], 3))
            ]
            try:
                raced_store.commit(puts)
            except Conflict:
                continue
            moved += 1
        return moved

    moved = sum(at_once(move))
    found = raced_store.read(shelves)
    assert sum(item["units"] for item in found.values()) == 400
    assert sum(item["version"] - 1 for item in found.values()) == 2 * moved
    # Some met, or nothing was proved.
    assert 0 < moved < THREADS * ROUNDS
