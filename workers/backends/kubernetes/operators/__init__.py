"""What others' operators on a cluster can do for us, where an administrator asks for it and its CRDs are there."""
