"""spaCy textcat pipelines on the splits that all packages share."""
