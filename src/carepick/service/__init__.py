"""Joins knowledge, text and engine: batching, ranking, triage, explanation, the Predictor."""
