"""What the HTTP servers of the runtime have in common: bare ASGI under uvicorn, problem+json, JSON logs, draining.

`messages` are requests, responses and problems; `service` is the application around a handler, with health,
metrics and request ids; `server` listens, and leaves on a signal without losing a request; `logs` writes lines;
`figures` counts requests per second, `publishing` sends the counts to the control plane.
"""
