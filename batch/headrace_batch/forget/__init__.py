"""One person leaves the lake and the warehouse."""
