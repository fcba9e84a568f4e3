"""The suite on Kaggle's machines, from home: push, follow, fetch, render."""
