"""Records of what was run over the lake: why, by which role, and what came of it."""
