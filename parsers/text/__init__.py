"""Words as people and programs write them: one fold, one "what a reader sees", quotes, signatures, subjects."""
