"""Searches as clients of MLflow write them, read into plain values. Pure: neither Django nor the clock."""
