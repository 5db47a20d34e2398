"""What we know about medicine, as data, and how it is read and checked."""
