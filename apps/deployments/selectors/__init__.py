"""Reads of the deployments app that span tables."""
