"""Is a dataset fit to measure anything: leaks, shortcuts, labels; and floors for detectors."""
