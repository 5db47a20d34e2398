"""The servers that Carepick is measured against, one a file; each runs in an environment of its own."""
