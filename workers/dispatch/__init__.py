"""Between the database and the backends: load what is wanted, act without a transaction, apply what was seen.

Every function may run twice, late, or at the same time as its twin, and may die between any two statements.
"""
