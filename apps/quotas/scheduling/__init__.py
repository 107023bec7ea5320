"""Who may start where: pure. A frozen snapshot goes in, named decisions come out; no Django, no clock, no chance."""
