"""The spaCy room: textcat pipelines on the shared splits."""
