"""The workflow on Kaggle's GPUs: what is sent there, what runs there, and what comes back."""
