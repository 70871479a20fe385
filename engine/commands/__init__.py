"""The command line: one file per noun. `main` in `engine/__main__.py` gathers them."""
