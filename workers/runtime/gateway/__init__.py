"""One address for all served models. Run by `python -m workers.runtime.gateway`.

`routes` keeps the table of endpoints, `access` who may call them, `balancer` chooses revision and replica,
`upstream` speaks to replicas, `forwarding` tries until one answers, `gateway` is the handler of it all.
"""
