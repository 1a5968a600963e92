"""An order as a person with paper and pencil would read it: the same promises, none of Hunar's code.

A paper is one fact as a dictionary, with ``fact`` for its kind. Nothing here is imported from
``hunar``, so that a mistake would have to be made twice, in two ways of thinking, to stay unseen.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

Paper = dict[str, Any]

FORWARD = ["packed", "ready", "picked_up", "shipped", "delivered"]
ABSENT_WHEN_FALSE = {"replacement"}
"""Fields that were added later: they stand in the text only when they say something."""


def text(paper: Paper) -> str:
    """The text under whose hash a fact is kept. It may never change: what was kept before would be doubled."""
    said = {name: value for name, value in paper.items() if value or name not in ABSENT_WHEN_FALSE}
    return json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def name(paper: Paper) -> str:
    """The id that a void aims at."""
    listed = json.dumps([text(paper)], separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(listed.encode()).hexdigest()[:32]


def distinct(papers: Iterable[Paper]) -> list[Paper]:
    """One of each; the order in which they lay on the desk is forgotten."""
    return [by_text for _, by_text in sorted({text(paper): paper for paper in papers}.items())]


def struck_out(papers: list[Paper]) -> set[str]:
    """The names of papers that do not count: from the last void of each chain back to the first."""
    names = {name(paper): paper for paper in papers}
    status: dict[str, bool] = {}

    def counts(identity: str) -> bool:
        if identity not in status:
            aiming = [other for other, paper in names.items() if paper.get("fact_id") == identity]
            status[identity] = not any(map(counts, aiming))
        return status[identity]

    return {
        identity for identity in {*names, *(p["fact_id"] for p in papers if "fact_id" in p)} if not counts(identity)
    }


class Desk:
    """All papers of one order, read."""

    def __init__(self, papers: Iterable[Paper]) -> None:
        self.papers = distinct(papers)
        self.void = struck_out(self.papers)
        self.valid = [paper for paper in self.papers if name(paper) not in self.void]
        self.problems: set[tuple[str, str | None, str | None]] = set()
        self.steps: dict[str, str] = {}
        for step in FORWARD:
            times = [paper["at"] for paper in self.of("step") if paper["step"] == step]
            if times:
                self.steps[step] = sorted(times)[0]
        gone = sorted(self.steps[step] for step in FORWARD[2:] if step in self.steps)
        self.left_at = gone[0] if gone else None
        self.lines = {line_id: self._line(line_id) for line_id in sorted({p["line_id"] for p in self.of("placed")})}
        self.returns = self._returns()
        self._finish_lines()
        self._whole()

    def of(self, *kinds: str) -> list[Paper]:
        return [paper for paper in self.valid if paper["fact"] in kinds]

    def _line(self, line_id: str) -> dict[str, Any]:
        sold = [paper for paper in self.of("placed") if paper["line_id"] == line_id]
        latest = [paper for paper in sold if paper["at"] == max(p["at"] for p in sold)]
        names = ("listing", "quantity", "replacement", "fulfilled_by", "price_problem")
        said = {tuple(paper.get(name) or None for name in names) for paper in latest}
        given = [{paper[name] for paper in latest if paper[name]} for name in ("unit_price_paise", "ship_by")]
        if len(said) > 1 or any(len(values) > 1 for values in given):
            self.problems.add(("CONTRADICTION", line_id, None))
        latest.sort(key=lambda paper: (paper["ship_by"] or "no deadline", text(paper)))
        placing = latest[0]
        cancelled = 0
        cuts = [paper for paper in self.of("cancelled") if paper["line_id"] == line_id]
        for cut in sorted(cuts, key=lambda paper: (paper["at"], text(paper))):
            if self.left_at and cut["at"] > self.left_at:
                self.problems.add(("LATE_CANCELLATION", line_id, None))
            elif cancelled + cut["quantity"] > placing["quantity"]:
                self.problems.add(("EXCESS_CANCELLATION", line_id, None))
            else:
                cancelled += cut["quantity"]
        if placing["price_problem"]:
            self.problems.add(("PRICE_UNCLEAR", line_id, None))
        still = placing["quantity"] - cancelled
        held, held_at = self._held(line_id, still)
        return {
            "placing": placing,
            "quantity": placing["quantity"],
            "cancelled": cancelled,
            "open": still,
            "gone": still if self.left_at else 0,
            "hold": 0 if self.left_at else still,
            "held": held,
            "held_at": held_at,
            "ship_by": self._ship_by(placing),
            "terms": self._terms(line_id),
            "delivered_at": self.steps.get("delivered") if still else None,
        }

    def _held(self, line_id: str, still: int) -> tuple[int, str | None]:
        if self.left_at or not still:
            return 0, None
        holds = [paper for paper in self.of("held") if paper["line_id"] in (line_id, None)]
        releases = [paper["at"] for paper in self.of("released")]
        if not holds:
            return 0, None
        when = max(paper["at"] for paper in holds)
        if any(released > when for released in releases):
            return 0, None
        if when in releases:
            self.problems.add(("CONTRADICTION", line_id, None))
        asked = [paper["quantity"] for paper in holds if paper["at"] == when]
        return (still if None in asked else min(still, max(asked))), when

    def _ship_by(self, placing: Paper) -> str | None:
        said = [(paper["at"], paper["ship_by"]) for paper in self.of("dates_changed")]
        if placing["ship_by"]:
            said.append((placing["at"], placing["ship_by"]))
        if not said:
            return None
        last = max(at for at, _ in said)
        return sorted(ship_by for at, ship_by in said if at == last)[0]

    def _terms(self, line_id: str) -> tuple[str, str] | None:
        """SKU and group."""
        by_hand = [paper for paper in self.of("remapped") if paper["line_id"] == line_id]
        if by_hand:
            last = sorted(by_hand, key=lambda paper: (paper["at"], text(paper)))[-1]
            return last["sku"], last["group_id"]
        by_registry = [paper for paper in self.of("resolved") if paper["line_id"] == line_id]
        return (by_registry[0]["sku"], by_registry[0]["group_id"]) if by_registry else None

    def _returns(self) -> list[dict[str, Any]]:
        found = []
        announced = {(paper["line_id"], paper["return_id"]) for paper in self.of("return_requested")}
        for paper in self.of("return_step", "inspected"):
            if (paper["line_id"], paper["return_id"]) not in announced:
                self.problems.add(("WAITING_FACT", paper["line_id"], paper["return_id"]))
        for line_id, return_id in announced:

            def mine(kind: str, line_id: str = line_id, return_id: str = return_id) -> list[Paper]:
                return [p for p in self.of(kind) if (p["line_id"], p["return_id"]) == (line_id, return_id)]

            request = sorted(mine("return_requested"), key=lambda paper: (paper["at"], text(paper)))[-1]
            times = {step: [p["at"] for p in mine("return_step") if p["step"] == step] for step in RETURN}
            received, cancelled = max(times["received"], default=None), max(times["cancelled"], default=None)
            if received and cancelled:
                self.problems.add(("CONTRADICTION", line_id, return_id))
            looked_at = mine("inspected")
            notes = {
                what: max(((p["at"], p["value"]) for p in mine("return_noted") if p["what"] == what), default=None)
                for what in ("tracking", "expected")
            }
            found.append(
                {
                    "return_id": return_id,
                    "line_id": line_id,
                    "request": request,
                    "back": bool(looked_at) or bool(received and (not cancelled or received >= cancelled)),
                    "cancelled": bool(cancelled),
                    "picked_up": bool(times["picked_up"]),
                    "inspections": sorted(looked_at, key=lambda paper: (paper["at"], text(paper))),
                    "tracking": notes["tracking"] and notes["tracking"][1],
                    "expected": notes["expected"] and notes["expected"][1],
                }
            )
        found.sort(key=lambda entry: (entry["request"]["at"], entry["line_id"], entry["return_id"]))
        still_away = {line_id: line["gone"] for line_id, line in self.lines.items()}
        for entry in found:
            self._count_back(entry, still_away)
        return found

    def _count_back(self, entry: dict[str, Any], still_away: dict[str, int]) -> None:
        line_id, return_id, asked = entry["line_id"], entry["return_id"], entry["request"]["quantity"]
        away = still_away.get(line_id, 0)
        entry["units"] = min(asked, away) if entry["back"] else 0
        still_away[line_id] = away - entry["units"]
        if entry["back"] and not away:
            self.problems.add(("WAITING_FACT", line_id, return_id))
        elif entry["back"] and asked > away:
            self.problems.add(("EXCESS_RETURN", line_id, return_id))
        entry["good"] = entry["damaged"] = entry["lost"] = 0
        for paper in entry["inspections"]:
            together = entry["good"] + entry["damaged"] + entry["lost"]
            if together + paper["good"] + paper["damaged"] + paper["lost"] > entry["units"]:
                self.problems.add(("EXCESS_RETURN", line_id, paper["act_id"]))
                continue
            for what in ("good", "damaged", "lost"):
                entry[what] += paper[what]
        unseen = entry["units"] - entry["good"] - entry["damaged"] - entry["lost"]
        if unseen:
            self.problems.add(("TO_INSPECT", line_id, return_id))
        if entry["back"]:
            entry["status"] = "INSPECTED" if entry["units"] and not unseen else "RECEIVED"
        elif entry["cancelled"]:
            entry["status"] = "CANCELLED"
        else:
            entry["status"] = "PICKED_UP" if entry["picked_up"] else "REQUESTED"

    def _finish_lines(self) -> None:
        furthest = [step for step in FORWARD if step in self.steps]
        self.shown = furthest[-1].upper() if furthest else "PLACED"
        for line_id, line in self.lines.items():
            mine = [entry for entry in self.returns if entry["line_id"] == line_id]
            line["returned"] = sum(entry["units"] for entry in mine)
            line["good"] = sum(entry["good"] for entry in mine)
            line["lost"] = sum(entry["lost"] for entry in mine)
            if not line["open"]:
                line["state"] = "CANCELLED"
            elif line["returned"] == line["open"]:
                line["state"] = "LOST" if line["lost"] == line["open"] else "RETURNED"
            else:
                line["state"] = "HELD" if line["held"] else self.shown

    def _whole(self) -> None:
        lines = self.lines.values()
        sold = {line["state"] for line in lines if line["open"]}
        if not self.lines:
            self.state = "UNKNOWN"
        elif not sold:
            self.state = "CANCELLED"
        elif "HELD" in sold:
            self.state = "HELD"
        elif sold == {"LOST"}:
            self.state = "LOST"
        elif sold <= {"LOST", "RETURNED"}:
            self.state = "RETURNED"
        else:
            self.state = self.shown
        self.ship_by = min((line["ship_by"] for line in lines if line["open"] and line["ship_by"]), default=None)
        self.released_at = max((paper["at"] for paper in self.of("released")), default=None)
        if not self.lines:
            # What is said of lines and returns waits with the order itself.
            self.problems.add(("UNKNOWN_SHIPMENT", None, None))
            return
        for paper in self.of("cancelled", "held"):
            if paper["line_id"] is not None and paper["line_id"] not in self.lines:
                self.problems.add(("WAITING_FACT", paper["line_id"], None))
        if self.left_at and not sold:
            self.problems.add(("CONTRADICTION", None, None))
        failed = max((paper["at"] for paper in self.of("form_failed")), default=None)
        if failed and sold and not any(at > failed for at in self.steps.values()):
            self.problems.add(("FORM_FAILED", None, None))

    def asked_of(self, group_id: str) -> tuple[dict[str, int], dict[str, int]]:
        """Units of each SKU that the group has to send, and those among them that it must keep for now."""
        send: dict[str, int] = {}
        keep: dict[str, int] = {}
        for line in self.lines.values():
            if line["terms"] and line["terms"][1] == group_id:
                sku = line["terms"][0]
                send[sku] = send.get(sku, 0) + line["open"]
                keep[sku] = keep.get(sku, 0) + line["held"]
        return {sku: n for sku, n in send.items() if n}, {sku: n for sku, n in keep.items() if n}

    def asked_of_shelf(self) -> dict[str, tuple[str, str, int, int, int]]:
        """Per line: SKU, group, units to hold, units gone, units back on the shelf."""
        return {
            line_id: (*line["terms"], line["hold"], line["gone"], line["good"])
            for line_id, line in self.lines.items()
            if line["terms"]
        }


RETURN = ["picked_up", "received", "cancelled"]
