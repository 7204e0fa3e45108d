"""Which definition of leaving or converting a log supports: the alternatives side by side, and a recommendation."""
