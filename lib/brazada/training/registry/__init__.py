"""What a training leaves: runs, their models, MLflow."""
