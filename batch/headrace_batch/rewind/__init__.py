"""Back to a point of the stream: what came after it leaves the lake, and workers bring it once more."""
