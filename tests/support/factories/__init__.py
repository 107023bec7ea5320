"""Factories: one module per app. Each makes a row that the database accepts, and nothing more than it needs."""
