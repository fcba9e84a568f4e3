"""Where pictures come from: rendered by Unmask itself (`demo`), Kaggle, or any folder."""
