"""The machine a notebook runs on: what Kaggle mounts, lacks and keeps, and how to fill the gap."""
