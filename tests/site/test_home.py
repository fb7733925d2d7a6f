"""The home page says what the owner fixed, to the letter and in order."""

from __future__ import annotations

from typing import TypeAlias

import lxml.html

TAGLINE = ("Deep-dives into machine learning, NLP, distributed systems, and research papers — "
           "written to be understood, not just referenced.")

NLP, DL, TRANSFORMERS = "Natural Language Processing", "Deep Learning", "Transformers"

# title, month, tags, opening, slug
TABLE = [
    ("Cut Cross Entropy: 20x Memory reduction in LLM training through optimized cross entropy kernels", "Jan 2026",
     [TRANSFORMERS, DL, "LLMs"],
     "2024 saw the first 100m$+ training runs, while the insane compute requirements of training Large Language Models "
     "is no secret, this jump brought more attention to the…", "cut-cross-entropy"),
    ("Understanding Differential Attention.", "Dec 2024", [NLP, TRANSFORMERS],
     "Over the last few years, Transformers have emerged as the de-facto deep learning architecture in modelling "
     "language. Their unprecedented success in solving complex…", "differential-attention"),
    ("What do you do when majority of your Coroutines are blocking?", "Dec 2024", ["Async Python", "Coroutines"],
     "I recently had to implement a feature at work that basically sent a ton of emails, with custom attachments to a "
     "ton of buyers across the world. Since we had a broker,…", "blocking-coroutines"),
    ("Finetuning GPT2 to Reconstruct Sentences", "Jun 2024", [NLP, TRANSFORMERS],
     "Two words are anagrams if one can be formed by permuting the letters of the other. Applying the same logic to a "
     "sentence, would be saying that two sentences are anagrams(no such…", "reconstructing-sentences-gpt2"),
    ("Classifying Code snippets with BERT.", "Aug 2023", [NLP, DL, TRANSFORMERS],
     "This is a fun side project where I explored transformers based sentiment classification for the first time by "
     "training BERT to identify 15 of the most popular programming…", "classifying-code-bert"),
    ("Byte-Pair Encoding, The Tokenization algorithm powering Large Language Models.", "Jul 2023", [NLP, DL, TRANSFORMERS],
     "Tokenization is an umbrella term for the methods used to turn texts into chunks of words or sub-words. "
     "Tokenization has a lot of applications in computer science, from compilers…", "byte-pair-encoding"),
    ("A guide on how AI is changing Computational Photography", "May 2023",
     ["Artificial Intelligence", DL, "Computer Vision"],
     "And Enhance!! (from Blade Runner), that's Computational Photography. Computational photography describes signal "
     "processing techniques and algorithms that allow computers…", "computational-photography"),
]

Page: TypeAlias = lxml.html.HtmlElement


def cards(page: Page) -> list[tuple[str, str, list[str], str, str]]:
    """Each card's title, month, tags, opening and slug, checked to lead to one article."""
    found = []
    for card in page.xpath("//article[contains(@class,'card')]"):
        title, read = card.xpath(".//*[@class='card-title']/a")[0], card.xpath(".//a[@class='read']")[0]
        assert read.text_content() == "Read →"
        assert read.get("href") == title.get("href")
        month = card.xpath(".//*[@class='card-date']/time")[0]
        found.append((title.text_content(), month.text_content(), card.xpath(".//*[@class='tags']/li/a/text()"),
                      card.xpath(".//*[@class='card-opening']")[0].text_content(),
                      title.get("href").split("posts/")[1].strip("/")))
    return found


def owners(page: Page) -> list[tuple[str, str, list[str], str, str]]:
    """The cards of the owner's articles; later ones stand among them by their dates."""
    return [card for card in cards(page) if card[-1] in {slug for *_, slug in TABLE}]


def test_every_article_stands_in_the_owners_order_and_words(pages: dict[str, Page]) -> None:
    assert owners(pages[""]) == TABLE


def test_the_list_of_all_articles_shows_the_same_cards(pages: dict[str, Page]) -> None:
    assert owners(pages["articles/"]) == TABLE
    assert cards(pages["articles/"]) == cards(pages[""])


def test_each_articles_page_has_the_title_and_tags_of_its_card(pages: dict[str, Page]) -> None:
    for title, _, tags, opening, slug in TABLE:
        page = pages[f"posts/{slug}/"]
        heading = page.xpath("//h1")[0]
        assert heading.text_content().removesuffix("#") == title
        assert page.xpath("//*[@class='byline']//*[@class='tags']//a/text()") == tags
        # The article begins with the words of its card; only straight quotes became typographic.
        text = " ".join(page.xpath("//*[@class='article-head']/following-sibling::p[1]")[0].text_content().split()).replace("’", "'")
        text = text.replace("“", '"').replace("”", '"')
        assert text.startswith(opening.removesuffix("…")), slug


def test_above_the_articles_stand_the_way_home_the_name_and_the_tagline(pages: dict[str, Page]) -> None:
    main = pages[""].xpath("//*[@role='main']")[0]
    shown = [" ".join(element.text_content().split()).removesuffix("#")
             for element in main.xpath(".//nav//a | .//h1 | .//p | .//h2")][:4]
    assert shown == ["Home", "Writing on ML & Systems", TAGLINE, "All Articles"]
    assert main.xpath(".//nav//a")[0].get("href") in ("", "#")


def test_a_tag_on_a_card_leads_to_that_tags_archive(pages: dict[str, Page]) -> None:
    for link in pages[""].xpath("//*[@class='card-foot']//li/a"):
        archive = pages[link.get("href")]
        assert archive.xpath("//h1/text()") == [link.text]
        titles = [title for title, _, tags, _, _ in TABLE if link.text in tags]
        assert [title for title, *_ in owners(archive)] == titles
