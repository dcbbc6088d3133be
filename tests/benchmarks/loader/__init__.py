"""The loader beside what one would write without it: one COPY per file, and INSERTs."""
