"""Jobs on a Kubernetes cluster: an Indexed Job per run, a Deployment per served revision.

`manifests` makes what is sent, from `site`, a spec and a launch; it and all that it uses are pure.
"""
