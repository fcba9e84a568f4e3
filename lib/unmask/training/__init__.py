"""Training of detectors: fast, resumable, and saved as files that plain Keras opens."""
