# What an author types. Each target makes .venv itself; the plain commands are in README.md.

PYTHON ?= python3
BIN := .venv/bin
SPHINX := -W -n --keep-going -j auto
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.DEFAULT_GOAL := help

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

html: .venv/site ## build the site into _build/dirhtml
	$(BIN)/sphinx-build $(SPHINX) -b dirhtml . _build/dirhtml

live: .venv/site ## write with a live preview, drafts included: make live [PORT=8000]
	@$(BIN)/python _ext/live.py $(PORT)

check: .venv/site ## front matter, links, alternative text, results, spelling and prose, in seconds
	@$(BIN)/python _ext/check.py

test: .venv/test ## every test of the site, its code and its pages in a browser
	tests/install-browser
	$(BIN)/python -m pytest -n auto --dist loadfile

linkcheck: .venv/site ## ask every linked page whether it is still there
	$(BIN)/sphinx-build -b linkcheck . _build/linkcheck

# By the environment, unexpanded: a title may have quotes and dollar signs.
new: export NEW_TITLE := $(value TITLE)
new: .venv/site ## start an article: make new TITLE="…" [SLUG=some-words]
	@$(BIN)/python _ext/new_article.py $(if $(SLUG),--slug "$(SLUG)") -- "$$NEW_TITLE"

move: .venv/site ## rename an article, its old address leads on: make move ARTICLE=slug TO=new-slug
	@$(BIN)/python _ext/move_article.py -- "$(ARTICLE)" "$(TO)"

remove: .venv/site ## remove an article, its old address leads elsewhere: make remove ARTICLE=slug TO=articles/
	@$(BIN)/python _ext/move_article.py --remove -- "$(ARTICLE)" "$(TO)"

experiment: .venv/experiments ## measure an article's numbers again: make experiment ARTICLE=slug
	posts/blocking-coroutines/install-services
	$(BIN)/python posts/$(ARTICLE)/experiment.py $(if $(QUICK),--quick)

reproduce: .venv/experiments ## measure again and compare with what is published: make reproduce [ARTICLE=slug] [QUICK=1]
	posts/blocking-coroutines/install-services
	$(BIN)/python posts/evidence.py reproduce $(ARTICLE) $(if $(QUICK),--quick)

test-experiments: .venv/experiments ## the articles' code against independent references
	posts/blocking-coroutines/install-services
	$(BIN)/python -m pytest tests/experiments

test-tutorial: .venv/test ## do what the tutorial says, in a clean directory with an environment of its own
	$(BIN)/python -m pytest tests/tutorial

test-sequences: .venv/test ## 200 random sequences of edits: built in steps equals built afresh
	SEQUENCES=200 $(BIN)/python -m pytest -n auto --dist load tests/scale/test_sequences.py

benchmark: .venv/test ## what a build costs as the blog grows, beside plain Sphinx: make benchmark [COUNTS="100 1000"]
	$(BIN)/python tests/scale/benchmark.py --counts $(or $(COUNTS),100 1000)

figures: .venv/test ## draw every article's figures again
	for script in posts/*/figures.py; do $(BIN)/python -B $$script || exit 1; done

newest: ## build with the newest version of every dependency, in an environment of its own
	$(PYTHON) -m venv --clear _build/newest
	@$(PYTHON) -c 'import re, tomllib; print(*(re.split("[=;]", line)[0] for line in \
		tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["site"]), sep="\n")' > _build/newest/packages.txt
	_build/newest/bin/python -m pip install --quiet --disable-pip-version-check --requirement _build/newest/packages.txt
	_build/newest/bin/sphinx-build $(SPHINX) -E -b dirhtml . _build/newest/site

clean: ## remove what was built; the environment stays
	rm -rf _build

.venv/%: pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { echo "python3 -m venv failed; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@echo "installing the $* packages into .venv"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check pip==26.2
	@$(PIP) --group $*
	@touch $@

.PHONY: help html live check test linkcheck new move remove experiment reproduce test-experiments test-tutorial test-sequences benchmark figures newest clean
