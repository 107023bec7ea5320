"""What is said of jobs on a cluster; part of `sentences`. `said` is in the cluster's own words."""

from __future__ import annotations

from typing import Final

CLUSTER: Final = {
    "cluster_quota": "A quota of the cluster does not let its members start: {said:text}",
    "cluster_refused": "The cluster does not take its members: {said:text}",
    "cluster_no_room": "The cluster has no place for member {member:number}: {said:text}",
    "cluster_image": "The image of member {member:number} cannot be fetched: {said:text}",
    "cluster_setup": "Member {member:number} cannot be set up: {said:text}",
    "cluster_not_started": "Member {member:number} could not be started: {said:text}",
    "cluster_no_python": (
        "The image of member {member:number} has no python3, which starts the command and reports on it: {said:text}"
    ),
    "cluster_not_prepared": "Member {member:number} could not be prepared (exit status {status:number}).",
    "cluster_preparation": "Member {member:number} could not be prepared (exit status {status:number}): {said:text}",
    "cluster_not_taken": "Node {node:name} did not take member {member:number}: {said:text}",
    "cluster_memory": "Member {member:number} ran out of memory (exit status {status:number}).",
    "cluster_memory_survived": "A process of member {member:number} was killed for want of memory; the member went on.",
    "cluster_disk": "Member {member:number} used more of the disk than it may: {said:text}",
    "cluster_deadline": "The cluster ended it, because it took longer than it may: {said:text}",
    "cluster_evicted": "The cluster took member {member:number} off its node: {said:text}",
    "cluster_preempted": "The cluster gave the place of member {member:number} to something else: {said:text}",
    "cluster_node_lost": "The node {node:name} of member {member:number} is lost.",
    "cluster_node_silent": "The node {node:name} of member {member:number} does not answer.",
    "cluster_forgotten": (
        "The node {node:name} does not know how member {member:number} ended, as after a restart of the node."
    ),
    "cluster_pod_deleted": "Somebody deleted a member on the cluster.",
    "cluster_member_vanished": "Member {member:number} is gone from the cluster, which does not say why.",
    "cluster_job_deleted": "Somebody deleted it on the cluster.",
    "cluster_job_changed": "Somebody changed it on the cluster.",
    "cluster_stopped_unseen": "It was stopped; how its members ended is not known.",
    "cluster_queue": "It waits in the queue of the cluster: {said:text}",
    "cluster_queue_refused": "The queue of the cluster does not take it: {said:text}",
    "cluster_queue_evicted": "The queue of the cluster took its place away: {said:text}",
    "cluster_failed": "The cluster says that it failed: {said:text}",
}
