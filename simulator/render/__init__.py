"""Amazon's documents, made of the values of model.py: orders, their lines, people, stock."""
