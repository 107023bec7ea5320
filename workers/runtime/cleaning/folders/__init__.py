"""Archives of which every file becomes a row: pictures and texts."""
