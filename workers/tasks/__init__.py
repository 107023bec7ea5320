"""Celery tasks: thin. Each takes an id, calls a service or dispatch, and may run twice, late or never.

Names and queues are in `apps.common.queues`; `schedule` says what comes by the clock, `owners` who is told what.
"""
