"""What an endpoint does and should do, from plain values: pure. No Django, no clock."""
