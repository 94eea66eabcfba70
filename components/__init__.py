"""What runs: one package per stage, usable without Prefect, DVC or MLflow."""
