"""Which revision gets the next request, and which of its replicas."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from workers.runtime.gateway.control_plane import EndpointRoute, RevisionRoute


@dataclass(frozen=True, slots=True)
class Choice:
    revision: RevisionRoute
    address: str


class Balancer:
    """Smooth weighted round robin over revisions, round robin over the replicas of the one chosen.

    No chance is involved: of any 100 requests in a row to revisions of weights 90 and 10, exactly 10 go to the second.
    """

    def __init__(self) -> None:
        self._credit: defaultdict[str, int] = defaultdict(int)
        self._turn: defaultdict[str, int] = defaultdict(int)

    def choose(self, route: EndpointRoute, *, avoid: Collection[str] = (), prefer: str = "") -> Choice | None:
        """Choose among the replicas that are not to be avoided; None when none is left.

        `prefer` is a revision that keeps the request if it can: one that was chosen for it already. A revision of
        weight 0 is never chosen; the share of one without a replica goes to the others.
        """
        able = [
            (revision, [address for address in revision.replicas if address not in avoid])
            for revision in route.revisions
            if revision.weight > 0
        ]
        able = [(revision, addresses) for revision, addresses in able if addresses]
        if not able:
            return None
        chosen = next((pair for pair in able if pair[0].revision_id == prefer), None) or self._next(able)
        revision, addresses = chosen
        turn = self._turn[revision.revision_id]
        self._turn[revision.revision_id] = turn + 1
        return Choice(revision, addresses[turn % len(addresses)])

    def keep_only(self, revision_ids: Collection[str]) -> None:
        """Forget every other revision."""
        for state in (self._credit, self._turn):
            for gone in state.keys() - set(revision_ids):
                del state[gone]

    def _next(self, able: Sequence[tuple[RevisionRoute, list[str]]]) -> tuple[RevisionRoute, list[str]]:
        """Everyone earns its weight; the richest is served and pays what all have earned."""
        for revision, _ in able:
            self._credit[revision.revision_id] += revision.weight
        richest = max(able, key=lambda pair: self._credit[pair[0].revision_id])
        self._credit[richest[0].revision_id] -= sum(revision.weight for revision, _ in able)
        return richest
