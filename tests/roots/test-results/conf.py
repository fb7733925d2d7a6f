project = "A tiny blog"
extensions = ["myst_parser", "results"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["**/_build"]
