"""What came of what, over several steps: the graph around one object, as far as the caller may see it."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from apps.common.errors import NotFound
from apps.common.nodes import NodeKind
from apps.datasets.models import LineageEdge

EDGES_MOST = 400
"""In one direction; what is beyond is left out and said to be."""
DEPTH_MOST = 10

Ref = tuple[str, UUID]
"""Noun and id."""

_WALK = """
WITH RECURSIVE walk (id, next_id, depth) AS (
    SELECT id, {away}, 1 FROM {edge} WHERE {near} = %(of)s
  UNION
    SELECT e.id, e.{away}, w.depth + 1 FROM walk w JOIN {edge} e ON e.{near} = w.next_id WHERE w.depth < %(depth)s
), found AS (SELECT id, depth, row_number() OVER () AS place FROM walk LIMIT %(most)s + 1)
SELECT e.from_kind, e.from_id, e.relation, e.to_kind, e.to_id, (SELECT count(*) > %(most)s FROM found)
FROM {edge} e
JOIN (SELECT id, min(depth) AS depth FROM found WHERE place <= %(most)s GROUP BY id) f ON f.id = e.id
ORDER BY f.depth, e.id
"""
"""Breadth first: a recursion gives its rows step by step, so that the limit keeps what is near and ends the walk.
The last column says whether there was more: an edge may be met at several depths, so that the edges do not tell."""


@dataclass(frozen=True, slots=True)
class Edge:
    """`from` relation `to`: the later thing first."""

    later: Ref
    relation: str
    earlier: Ref


def lineage_of(
    user: Any, kind: str, object_id: UUID, *, depth: int, directions: Iterable[str], kinds: Mapping[str, NodeKind]
) -> dict[str, Any]:
    """The graph around an object: two queries for edges, one for each kind of node.

    What the user may not see is a hidden node without a name, and nothing beyond it is shown.

    Args:
        depth: steps in each direction, at most `DEPTH_MOST`.
        directions: of `up` (what it was made of) and `down` (what was made of it).
        kinds: noun → how it is shown.

    Raises:
        NotFound: the object is not there, or the user cannot see it.
    """
    start: Ref = (kind, object_id)
    found = {direction: _walk(object_id, depth, direction) for direction in directions}
    walked = {direction: edges for direction, (edges, _) in found.items()}
    is_cut = any(cut for _, cut in found.values())
    named = {ref for edges in walked.values() for edge in edges for ref in (edge.later, edge.earlier)} | {start}
    seen = _visible(user, named, kinds)
    if start not in seen:
        raise NotFound
    distances: dict[Ref, int] = {start: 0}
    shown: dict[Edge, None] = {}
    for direction, edges in walked.items():
        _reach(start, edges, direction, seen, distances, shown)
    return {
        "of": {"kind": kind, "id": object_id},
        "depth": depth,
        "is_cut": is_cut,
        "nodes": [_node(ref, distance, seen.get(ref)) for ref, distance in distances.items()],
        "edges": [_link(edge) for edge in shown],
    }


def _walk(object_id: UUID, depth: int, direction: str) -> tuple[list[Edge], bool]:
    """The edges in one direction, and whether there are more than are looked at."""
    near, away = ("from_id", "to_id") if direction == "up" else ("to_id", "from_id")
    query = _WALK.format(near=near, away=away, edge=LineageEdge._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(query, {"of": object_id, "depth": depth, "most": EDGES_MOST})
        rows = cursor.fetchall()
    return [Edge((row[0], row[1]), row[2], (row[3], row[4])) for row in rows], bool(rows and rows[0][5])


def _visible(user: Any, refs: set[Ref], kinds: Mapping[str, NodeKind]) -> dict[Ref, dict[str, Any]]:
    """Of the objects those that the user can see, as nodes. One query for each kind among them."""
    wanted: dict[str, list[UUID]] = defaultdict(list)
    for kind, object_id in refs:
        wanted[kind].append(object_id)
    found: dict[Ref, dict[str, Any]] = {}
    for kind, ids in wanted.items():
        if kind in kinds:
            found |= {(kind, node["id"]): node for node in _nodes(user, kinds[kind], ids)}
    return found


def _nodes(user: Any, kind: NodeKind, ids: list[UUID]) -> Iterable[dict[str, Any]]:
    paths = {"name": kind.name, "number": kind.number, "state": kind.state, "parent_id": kind.parent}
    columns = {"id": "pk", "project": "project_id", "project_name": "project__name", "created_at": "created_at"}
    columns |= {key: path for key, path in paths.items() if path}
    absent = {"number": None, "state": None, "parent_id": None, "parent_kind": kind.parent_kind or None}
    for values in kind.rows().visible_to(user).filter(pk__in=ids).values_list(*columns.values()):
        yield {**absent, **dict(zip(columns, values, strict=True))}


def _reach(
    start: Ref,
    edges: list[Edge],
    direction: str,
    seen: Mapping[Ref, Any],
    distances: dict[Ref, int],
    shown: dict[Edge, None],
) -> None:
    """Follow the edges from the start as far as the user can see; upward distances are negative."""
    step = -1 if direction == "up" else 1
    following: dict[Ref, list[Edge]] = defaultdict(list)
    for edge in edges:
        following[edge.later if direction == "up" else edge.earlier].append(edge)
    waiting = deque([(start, 0)])
    while waiting:
        ref, distance = waiting.popleft()
        for edge in following.pop(ref, ()):
            other = edge.earlier if direction == "up" else edge.later
            shown[edge] = None
            if other not in distances:
                distances[other] = distance + step
            if other in seen:
                waiting.append((other, distance + step))


def _node(ref: Ref, distance: int, found: dict[str, Any] | None) -> dict[str, Any]:
    empty = dict.fromkeys(
        ("name", "number", "state", "project", "project_name", "parent_kind", "parent_id", "created_at")
    )
    return {"kind": ref[0], "id": ref[1], "distance": distance, "is_hidden": found is None, **empty, **(found or {})}


def _link(edge: Edge) -> dict[str, Any]:
    (from_kind, from_id), (to_kind, to_id) = edge.later, edge.earlier
    return {
        "from_kind": from_kind,
        "from_id": from_id,
        "relation": edge.relation,
        "to_kind": to_kind,
        "to_id": to_id,
    }
