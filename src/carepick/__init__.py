"""Carepick: everyday Korean symptoms in, departments and diseases out."""

__version__ = "0.1.0"
