"""Text in, scores out: tokenizer, model session, bundle layout. Knows no medicine."""
