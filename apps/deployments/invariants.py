"""What must hold of endpoints and revisions."""

from __future__ import annotations

from collections.abc import Sequence

from apps.common.checks import audited, audited_all, story_of
from apps.common.invariants import Check, by_query, listed, query_check, together
from apps.deployments.models import Endpoint, Revision
from apps.deployments.services.revisions import OWNER_KIND
from apps.deployments.states import REVISION, TAKING_REQUESTS
from apps.quotas.models import Workload
from apps.quotas.states import WORKLOAD

_PARAMS = {
    "ended": listed(WORKLOAD.terminal),
    "active": listed(REVISION.active),
    "taking": listed(TAKING_REQUESTS),
    "kind": OWNER_KIND,
}
STOPPED_BY_SOMEBODY = (
    "EXISTS (SELECT FROM {revision} v JOIN {transition} t ON t.object_id = v.id"
    " WHERE v.endpoint_id = r.id AND t.noun = 'revision' AND t.actor_kind = 'user')"
)

CHECKS: Sequence[Check] = (
    story_of(Revision),
    Check(
        "revision.workload",
        "The state of a revision is where its workload led it.",
        together(
            by_query(
                "revision {} is {}, and its workload {} is {} since {}",
                "SELECT v.id, v.state, w.id, w.state, w.state_at FROM {revision} v"
                " JOIN {workload} w ON w.id = v.workload_id WHERE v.state = ANY(%(active)s)"
                " AND w.state = ANY(%(ended)s) AND w.state_at < %(settled)s",
                _PARAMS,
                revision=Revision,
                workload=Workload,
            ),
            by_query(
                "revision {} is {}, and its workload {} is still {}",
                "SELECT v.id, v.state, w.id, w.state FROM {revision} v JOIN {workload} w ON w.id = v.workload_id"
                " WHERE v.state <> ALL(%(active)s) AND w.state <> ALL(%(ended)s)",
                _PARAMS,
                revision=Revision,
                workload=Workload,
            ),
            by_query(
                "workload {} says it works for revision {}, which is none of its own",
                "SELECT w.id, w.owner_id FROM {workload} w WHERE w.owner_kind = %(kind)s AND NOT EXISTS"
                " (SELECT FROM {revision} v WHERE v.id = w.owner_id AND v.workload_id = w.id)",
                _PARAMS,
                revision=Revision,
                workload=Workload,
            ),
        ),
    ),
    Check(
        "revision.replicas",
        "A revision counts the replicas whose addresses it has, and has none once it takes no requests.",
        by_query(
            "revision {} is {} with weight {}, {} replicas ready and the addresses {}",
            "SELECT id, state, weight, ready_replicas, addresses FROM {revision}"
            " WHERE ready_replicas <> jsonb_array_length(addresses)"
            " OR (state <> ALL(%(taking)s) AND (weight > 0 OR ready_replicas > 0))",
            _PARAMS,
            revision=Revision,
        ),
    ),
    query_check(
        "endpoint.revisions",
        "The revisions of an endpoint are numbered without holes.",
        "endpoint {} made {} revisions; it has {}, the last one number {}",
        """
        SELECT e.id, e.revisions_made, count(v.id), coalesce(max(v.number), 0) FROM {endpoint} e
        LEFT JOIN {revision} v ON v.endpoint_id = e.id GROUP BY e.id
        HAVING count(v.id) <> e.revisions_made OR coalesce(max(v.number), 0) <> e.revisions_made
        """,
        endpoint=Endpoint,
        revision=Revision,
    ),
    *audited_all([(Endpoint, "endpoint.created"), (Revision, "revision.created")]),
    audited(Endpoint, "endpoint.stopped", where=STOPPED_BY_SOMEBODY, revision=Revision),
)
