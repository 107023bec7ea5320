"""PostgreSQL, Redis and the supervisor of `make up` and `make demo`, for one machine. Knows no Django."""
