"""Where finished models are kept: MLflow's runs, the registry's versions, and the alias of the champion."""
