"""What the control plane, the backends and the jobs agree on. Standard library only.

`specs` says what to run, `launch` what a launch needs beside it, `observation` what a backend saw,
`environment` and `exit_codes` what a job finds when it starts and says when it ends.
"""
