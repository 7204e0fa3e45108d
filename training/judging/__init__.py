"""Whether a new model takes over: the evidence for and against it, and the judgement."""
