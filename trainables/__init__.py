"""What one trial does: cohorts, folds, images, metadata, losses, one fold fit and its executors."""
