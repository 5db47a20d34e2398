"""String in, string out: canonical form, masking, n-grams. Knows no medicine."""
