"""Configuration of "Writing on ML & Systems". How the parts fit together: docs/how-it-is-built.md."""

import os
import sys
from pathlib import Path

import ablog

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

# -- The blog: change these to make it your own ------------------------------

project = "Writing on ML & Systems"
tagline = (
    "Deep-dives into machine learning, NLP, distributed systems, and research papers "
    "— written to be understood, not just referenced."
)
author = project  # no person is named: the blog itself is the author
licence = ("CC BY 4.0", "https://creativecommons.org/licenses/by/4.0/")  # of text and figures; LICENSE-TEXT
code_licence = "the MIT License"  # LICENSE-CODE
copyright = f"the authors; text and figures under {licence[0]}, code under {code_licence}"
# By day and by night. Lighter and darker shades, and those of code and figures, are at the top of _static/site.css.
colours = {"paper": ("#fdfcf9", "#16181b"), "ink": ("#1f2328", "#e6e3dc"), "accent": ("#1b5e8c", "#7fbdea")}
language = "en"
blog_timezone = "UTC"  # where a day begins at midnight: an article appears on its date there, such as "Europe/Berlin"

# The vocabulary of tags, each with the line that its page shows. An article
# may use no other. The last part of a tag's address is made from its name; give
# ("description", "slug") where two names would get the same one (C, C++, C#).
blog_tags = {
    "Artificial Intelligence": "What learning changes in fields that managed without it, and at what price.",
    "Async Python": "Event loops, threads and processes in Python: what runs when, and what waits.",
    "Computer Vision": "Images from the sensor to the screen, and what networks read into them.",
    "Coroutines": "Functions that pause: how they are scheduled, and what stops all of them at once.",
    "Deep Learning": "Networks, how they are trained, and what the training costs.",
    "LLMs": "Large language models: memory, kernels, training runs and their limits.",
    "Natural Language Processing": "Text as data: tokens, sentences, and models that predict them.",
    "Transformers": "The architecture behind most of today's models, one mechanism at a time.",
}

# -- Addresses ---------------------------------------------------------------
# One value decides every absolute address: canonical links, feeds, sitemap and
# cards. Read the Docs sets the first variable, the Pages workflow the second.

html_baseurl = os.environ.get("READTHEDOCS_CANONICAL_URL") or os.environ.get("SITE_URL") or "http://127.0.0.1:8000/"
html_baseurl = html_baseurl.rstrip("/") + "/"

# Where readers can see the source and report an error; without one, no such links.
repository_url = os.environ.get("REPOSITORY_URL") or os.environ.get("READTHEDOCS_GIT_CLONE_URL", "")
repository_url = repository_url.removesuffix(".git") if repository_url.startswith("https://") else ""

# A preview shows drafts and scheduled articles, marked, and allows the script
# that sphinx-autobuild injects. `make live` and the plain `sphinx-autobuild . _build/live`
# are known by their output folder.
blog_preview = bool(os.environ.get("BLOG_PREVIEW")) or any(Path(arg).name == "live" for arg in sys.argv[1:])

# -- Sphinx (https://www.sphinx-doc.org/en/master/usage/configuration.html) --

extensions = [
    "myst_parser",
    "ablog",
    "sphinxcontrib.bibtex",
    # This repository's own, one feature each, in the order a page meets them.
    "identity",  # whose blog it is: the section above, wherever it shows
    "lean",  # what Sphinx, Furo and Python do for nothing, left out
    "front_matter",  # checks what an author declares, keeps drafts out
    "shown",  # which pages show what of others, so that only they are written again
    "ablog_mends",  # what ABlog does wrong with Furo and with incremental builds
    "mathml",  # formulas as MathML, made at build time
    "figures",  # figures that follow the theme; alternative text required
    "pictures",  # photographs in small files, with a fallback and whose they are
    "demos",  # interactive figures: a first frame in the page, a script near it
    "results",  # numbers tied to the run that measured them
    "terms",  # a term's definition where it is used, and the glossary's way back
    "symbols",  # what the symbols of formulas stand for, read at the formula
    "self_check",  # questions with their answers folded
    "wrong_if",  # what would make an article wrong, once in each that has results
    "page_head",  # descriptions, cards, structured data, security policy
    "cards",  # the picture that a shared link shows
    "feeds",  # Atom and JSON Feed
    "markdown_face",  # each article as one Markdown file, and llms.txt
    "ways",  # read first, read next, related; the map of all articles
    "changes",  # articles' histories; a feed and a page of corrections
    "addresses",  # what moved leads on from its old address
    "sitemap",  # sitemap.xml, robots.txt, 404.html
    "search",  # the index of words, in parts
    "stale",  # nothing stays in the output of what is gone
    "bundle",  # one stylesheet and one script a page
    "citations",  # sources are complete; what is installed is looked up once, not at each
    "preview",  # mistakes shown on the page that has them, while it is written
]
root_doc = "index"
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build", ".venv", ".*", "README.md", "tests", "node_modules", "**/README.md"]
templates_path = ["_templates", ablog.get_html_templates_path()]
nitpicky = True
numfig = False
smartquotes = True
highlight_language = "none"
html_copy_source = False

# -- MyST (https://myst-parser.readthedocs.io/en/latest/configuration.html) --

myst_enable_extensions = ["attrs_block", "attrs_inline", "colon_fence", "deflist", "dollarmath"]
myst_dmath_double_inline = False
myst_heading_anchors = 3
myst_words_per_minute = 200
myst_footnote_sort = False  # footnotes and references stay where the author put them

# -- References (https://sphinxcontrib-bibtex.readthedocs.io) ----------------

bibtex_bibfiles = ["posts/references.bib"]

# -- ABlog (https://ablog.readthedocs.io) ------------------------------------

blog_title = project
blog_path = "articles"
blog_baseurl = ""  # ABlog's own feeds are off: _ext/feeds.py writes them
post_date_format = "%Y-%m-%d"
skip_injecting_base_ablog_templates = True  # its page.html breaks Furo on every page

# -- HTML: Furo (https://pradyunsg.me/furo/) ---------------------------------

html_theme = "furo"
html_math_renderer = "mathml"
html_title = project
html_static_path = ["_static"]
html_permalinks_icon = "#"
html_show_sourcelink = False
html_use_index = False
html_domain_indices = False
html_sidebars = {"**": ["sidebar/blog.html"]}
html_favicon = "_static/icons/favicon.svg"
bundle_css = ["styles/furo.css", "site.css", "results.css", "reading.css"]
bundle_js = ["scripts/furo.js", "site.js", "demos.js", "reading.js"]
