"""Whatever the input is, a person sees a sentence and no row is lost."""
