"""Reads of the experiments app that span tables."""
