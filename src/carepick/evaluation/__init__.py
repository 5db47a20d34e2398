"""Figures that anyone can reproduce: metrics, comparison, reports."""
