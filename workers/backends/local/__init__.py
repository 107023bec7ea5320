"""Jobs as supervised processes of this machine. `backend.LocalBackend` is what others use.

`plan` says what to start, `supervisor` starts it and looks after it (`keeper`, `gang`, `replicas`, `member`),
`seen` reads what a supervisor wrote, `leftovers` ends what a dead supervisor left.
"""
