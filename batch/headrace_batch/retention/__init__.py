"""What nobody needs any more leaves the lake and the log."""
