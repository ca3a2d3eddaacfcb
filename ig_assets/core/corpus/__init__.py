"""Scripts: reading them, knowing which are current, embedding, indexing, finding."""
