"""The future, then the model: labels, fitting, judging, and the registry."""
