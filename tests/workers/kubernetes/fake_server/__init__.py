"""The Kubernetes server of the tests, held to recordings of a real one."""
