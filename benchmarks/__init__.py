"""Measures Carepick beside other servers on one machine in one run; see README.md."""
