"""A Kubernetes API server for tests: real HTTPS, objects in memory, controllers and nodes of its own."""
