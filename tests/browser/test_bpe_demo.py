"""The interactive figures of Byte-Pair Encoding: the same as bpe.py to the last token, and usable by everybody."""

from __future__ import annotations

import gzip
import random
import re
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lxml.html
import pytest
from article_code import load
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, Route, expect

FOLDER = Path(__file__).resolve().parents[2] / "posts/byte-pair-encoding"
ARTICLE = "posts/byte-pair-encoding/"

demo = load("byte-pair-encoding", "demo")
bpe = demo.bpe


@pytest.fixture(scope="module")
def gpt2() -> Any:
    return demo.gpt2()


# -- The same as bpe.py ------------------------------------------------------

# Texts go to the browser as UTF-16 units, since lone surrogates do not survive the way there otherwise.
OPEN = """async (article) => {
  const home = new URL(document.querySelector(".demo").dataset.home, document.baseURI);
  window.bpe = await import(new URL("bpe.js", home));
  const answer = await fetch(new URL("gpt2-merges.bin", home));
  window.encoder = new bpe.Encoder(await answer.arrayBuffer());
  window.decode = (units) => units.map((text) => {
    let out = "";
    for (let i = 0; i < text.length; i += 5000) out += String.fromCharCode(...text.slice(i, i + 5000));
    return out;
  });
}"""


def units(texts: list[str]) -> list[list[int]]:
    coded = [text.encode("utf-16-le", "surrogatepass") for text in texts]
    return [[int.from_bytes(code[i:i + 2], "little") for i in range(0, len(code), 2)] for code in coded]


@pytest.fixture(scope="module")
def module(browser: Browser, server: str) -> Iterator[Page]:
    """The article's page with bpe.js as `bpe` and GPT-2's merges as `encoder`."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(server + ARTICLE)
    page.evaluate(OPEN)
    yield page
    context.close()


@pytest.fixture(scope="module")
def newer(module: Page) -> set[str]:
    """Characters that the Unicode of this Python (with what bpe.py adds) or of this browser does not know yet."""
    added = {chr(code) for spans in bpe._ADDED.values() for span in spans.split()
             for code in range(int(span.split("-")[0], 16), int(span.split("-")[1], 16) + 1)}
    unassigned = set(module.evaluate("""() => Array.from({length: 0x110000}, (_, code) => code)
      .filter((code) => /\\p{Cn}/u.test(String.fromCodePoint(code)))"""))
    return {chr(code) for code in range(sys.maxunicode + 1)
            if code in unassigned or (unicodedata.category(chr(code)) == "Cn" and chr(code) not in added)}


def test_every_character_is_letter_number_space_or_mark_as_in_bpe_py(module: Page, newer: set[str]) -> None:
    """All code points, but those that one of the two Unicode versions does not know."""
    known = [code for code in range(sys.maxunicode + 1) if chr(code) not in newer]
    theirs = module.evaluate("""(codes) => codes.map((code) =>
      ["a", "1", "!", " "].findIndex((before) => bpe.preTokenize(before + String.fromCodePoint(code)).length === 1))""", known)
    # A space joins whatever follows, so it comes last: white space is what joins neither "a" nor "1" nor "!".
    different = [f"U+{code:04X}" for code, kind in zip(known, theirs, strict=True)
                 if len(bpe.pre_tokenize("a1! "[kind] + chr(code))) != 1
                 or (kind == 3 and any(len(bpe.pre_tokenize(before + chr(code))) == 1 for before in "a1!"))]
    assert different == []
    assert set(theirs) == {0, 1, 2, 3} and len(known) > 280_000


# Ids that others have published for GPT-2, not computed by this repository.
GOLDEN = {
    "Hello world": [15496, 995], "Hello, world!": [15496, 11, 995, 0], " SolidGoldMagikarp": [43453],
    "<|endoftext|>": [27, 91, 437, 1659, 5239, 91, 29],
}
HOSTILE = [
    "", " ", "\n", "a" * 5000, "ab" * 3000, " " * 5000, "\n" * 777 + "x", "1" * 4000, "é" * 2000, "日本語" * 1500,
    "!" * 3000, "a " * 2000, " a" * 2000, "she sells sea shells", "Tokenization isn't hard", "DON'T don't 'S's'll 'LL",
    "we're I've I'm she'd he'll it's can't re's",
    "x\x85y\xa0z\u2003\ufeff\u200b\u180e\x1c\x1d\x1e\x1f end", "\ud800", "a\udfffb\ud83d c", "\ud83d\ude00 \ud83d \ude00",
    "e\u0301\u0302 \u0301 \u0301a", "👩\u200d👩\u200d👧\u200d👦 👍🏽 🏳️\u200d🌈 🇫🇷", "مرحبا بالعالم \u202eשלום\u202c", "\x00\x01\x7f\x9f",
    "नमस्ते दुनिया ၁၂၃ ၵ ไทย", "½²Ⅷ①٣", "\r\n\r\n  \t x", "\uffff\ufffe\U0010ffff\ue000",
]
PIECES = [
    *"abeiorstABXZ019 .,'-_\n\t", "the", " the", "ing", "'s", "'ll", " ", "  ", "\u3000", "\x85", "\u0301", "\u200d", "\ufe0f",
    "😀", "👩", "🏽", "日", "本", "한", "ب", "ש", "\u202e", "\x00", "\x1c", "\ufeff", "\ud83d", "\ude00", "\udc00", "ß", "Ж", "क", "्",
]


def random_texts(count: int, newer: set[str], seed: int = 2026) -> list[str]:
    """A third from few letters, which overlap and tie; a third from what is awkward; a third from all of Unicode."""
    draw = random.Random(seed)
    texts = []
    for index in range(count):
        length = draw.randrange(1, 60)
        if index % 3 == 0:
            texts.append("".join(draw.choices("ab ", k=length)))
        elif index % 3 == 1:
            texts.append("".join(draw.choices(PIECES, k=length)))
        else:
            any_characters = (chr(draw.randrange(sys.maxunicode + 1) if draw.random() < 0.5 else draw.randrange(0x3000))
                              for _ in range(length))
            texts.append("".join(character for character in any_characters if character not in newer))
    return texts


def test_published_ids_come_out(module: Page) -> None:
    assert module.evaluate("(texts) => texts.map((text) => encoder.encode(text))", list(GOLDEN)) == list(GOLDEN.values())


def test_ids_equal_those_of_bpe_py_on_hostile_and_random_text(module: Page, gpt2: Any, newer: set[str]) -> None:
    texts = [*GOLDEN, *HOSTILE, demo.TEXT, demo.TWISTER, *random_texts(3000, newer)]
    found = module.evaluate("(coded) => decode(coded).map((text) => encoder.encode(text))", units(texts))
    assert [text for text, ids in zip(texts, found, strict=True) if ids != gpt2.encode(text)] == []


def test_each_merge_comes_in_the_order_and_at_the_place_of_bpe_py(module: Page, gpt2: Any, newer: set[str]) -> None:
    texts = [demo.TEXT, " tokenization", *random_texts(300, newer, seed=7), "ab" * 150]
    found = module.evaluate("""(coded) => decode(coded).map((text) => bpe.preTokenize(text).map((piece) => {
      const state = bpe.unmerged(piece);
      return encoder.piece(piece).steps.map((step) => {
        bpe.apply(state, step);
        return [step[0] - 256, state.ids.filter((_, place) => state.sizes[place] > 0).flatMap((id) => encoder.bytes(id)).length,
          state.sizes.filter((size) => size > 0)];
      });
    }))""", units(texts))
    for text, pieces in zip(texts, found, strict=True):
        repaired = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        expected = [[[rank, len(piece.encode()), [len(token) for token in tokens]] for rank, tokens in gpt2.steps(piece)]
                    for piece in bpe.pre_tokenize(repaired)]
        assert pieces == expected, text


@pytest.mark.parametrize("limit", [4, 60])
def test_the_trainer_learns_the_merges_of_bpe_py(module: Page, newer: set[str], limit: int) -> None:
    texts = [demo.TWISTER, "bc bc bc ab ab cd cd", "aaaaaaa aaa", "", "x", *HOSTILE[-16:], *random_texts(300, newer, seed=3)]
    found = module.evaluate("([coded, limit]) => decode(coded).map((text) => bpe.train(text, limit).merges)",
                            [units(texts), limit])
    for text, merges in zip(texts, found, strict=True):
        assert [tuple(pair) for pair in merges] == list(bpe.train(text, 256 + limit).merges), text


def test_what_cannot_be_seen_is_shown(module: Page) -> None:
    shown = module.evaluate("(tokens) => tokens.map((bytes) => bpe.show(bytes))", [list(token) for token in (
        b" the", b"\n\t", b"\x00\x7f", "\u200d".encode(), "\u0301".encode(), "\u202e\xad".encode(), b"\xe6\x9c", b" \xf0\x9f",
        b"\xef\xbb\xbf", "日本".encode())])
    assert shown == [
        {"text": "␣the", "whole": True}, {"text": "⏎⇥", "whole": True}, {"text": "␀U+007F", "whole": True},
        {"text": "U+200D", "whole": True}, {"text": "◌\u0301", "whole": True}, {"text": "U+202EU+00AD", "whole": True},
        {"text": "E6 9C", "whole": False}, {"text": "␣ F0 9F", "whole": False}, {"text": "U+FEFF", "whole": True},
        {"text": "日本", "whole": True}]


# -- What a reader sees and does ---------------------------------------------


def figure(page: Page, part: str) -> Locator:
    """An interactive figure, started."""
    found = page.locator(f".demo[data-start={part}]")
    found.scroll_into_view_if_needed()
    found.locator("textarea").wait_for()
    return found


def write(box: Locator, text: str) -> None:
    box.locator("textarea").fill(text)
    expect(box.locator(".demo-count")).to_contain_text(" for ")


def ids(box: Locator) -> list[int]:
    found: list[int] = box.locator(".demo-tokens .token").evaluate_all("(tokens) => tokens.map((token) => Number(token.dataset.id))")
    return found


def outline(root: Any) -> list[tuple[str, str, str, str]]:
    """A figure's elements: name, classes, id of the token, text. Without what the script adds."""
    return [(element.tag, element.get("class", ""), element.get("data-id", ""), " ".join(element.text_content().split()))
            for element in root.iter("p", "b", "code", "li", "span", "tr", "td")
            if "demo-text" not in element.get("class", "") and not element.xpath(
                "ancestor-or-self::*[contains(@class,'demo-hidden') or contains(@class,'demo-controls')]")]


@pytest.mark.parametrize("part", ["trainer", "encoder"])
def test_a_running_figure_shows_what_the_page_held_before(reader: Page, part: str) -> None:
    """So the first frame is what the script would draw, by another program: demo.py."""
    box = figure(reader, part)
    if part == "encoder":
        box.locator("textarea").focus()
        box.locator("#demo-token").wait_for()
    frame = lxml.html.fragment_fromstring((FOLDER / f"demo-{part}.html").read_text(encoding="utf-8"), create_parent="div")
    running = lxml.html.fragment_fromstring(box.inner_html(), create_parent="div")
    assert outline(running) == outline(frame)
    assert len(outline(frame)) > 20


def test_starting_moves_nothing(reader: Page, browser: Browser, server: str) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    idle = context.new_page()
    idle.route("**/demo.js", Route.abort)
    idle.goto(server + ARTICLE)
    for part in ("trainer", "encoder"):
        before = idle.locator(f".demo[data-start={part}]").bounding_box()
        after = figure(reader, part).bounding_box()
        assert before and after and before["height"] == after["height"], part
    context.close()


def test_text_becomes_the_tokens_of_bpe_py_and_each_piece_shows_its_merges(reader: Page, gpt2: Any) -> None:
    box, text = figure(reader, "encoder"), "Strawberry fields, 7699 naïve 🍓"
    write(box, text)
    expect(box.locator(".demo-count b")).to_have_text(f"{len(gpt2.encode(text))} tokens")
    assert ids(box) == gpt2.encode(text)
    size = len(text.encode())
    assert box.locator(".demo-count").inner_text() == (f"{len(gpt2.encode(text))} tokens for {len(text)} characters in {size} bytes: "
                                                       f"{size / len(gpt2.encode(text)):.1f} bytes a token")
    for place, piece in ((0, "Strawberry"), (len(gpt2.encode("Strawberry")), " fields")):
        box.locator(".token").nth(place).click()
        ranks = box.locator(".rule").evaluate_all("(rules) => rules.slice(1).map((rule) => rule.textContent.match(/rank (.*)/)[1])")
        assert ranks == [f"{rank:,}" for rank, _ in gpt2.steps(piece)]


def test_after_any_edit_the_tokens_are_those_of_the_whole_text(reader: Page, gpt2: Any, newer: set[str]) -> None:
    """Only what differs is drawn again: the pieces before and after an edit must still belong to the text."""
    box = figure(reader, "encoder")
    write(box, "she sells sea shells")
    draw, text = random.Random(5), "she sells sea shells"
    for _ in range(60):
        begin, end = sorted(draw.choices(range(len(text) + 1), k=2))
        end = min(end, begin + 6)
        put = "".join(draw.choices([piece for piece in PIECES if not re.search("[\ud800-\udfff]", piece)], k=draw.randrange(4)))
        text = text[:begin] + put + text[end:]
        box.locator("textarea").fill(text)
        assert ids(box) == gpt2.encode(text), text


def test_the_token_chosen_is_explained_even_inside_a_character(reader: Page) -> None:
    box = figure(reader, "encoder")
    write(box, "a 日")
    box.locator(".token").nth(2).click()
    chosen = box.locator(".demo-chosen")
    expect(chosen).to_contain_text("97 has the id 245 and is a single byte. It is part of 日.")


def test_the_trainer_tells_the_tie_and_goes_to_the_end(reader: Page) -> None:
    box = figure(reader, "trainer")
    merges = bpe.train(demo.TWISTER, 300).merges
    box.get_by_role("button", name="Next").click()
    expect(box.locator(".demo-say")).to_have_text(
        "After 2 merges. 2 pairs occur twice each. The smallest ids win: l + s comes next and will be ls, 258.")
    box.get_by_role("slider").press("End")
    expect(box.locator(".demo-say")).to_have_text(f"After {len(merges)} merges. No pair is left: each piece is one symbol.")
    caption = reader.locator("figure", has=box).locator("figcaption").inner_text()
    assert f"merge {len(merges)}," in caption
    box.locator("textarea").fill("aa aa")
    expect(box.locator(".demo-words li")).to_have_count(2)
    box.locator("textarea").fill("")
    expect(box.locator(".demo-say")).to_contain_text("No pair is left")


def test_everything_works_by_keyboard(reader: Page, gpt2: Any) -> None:
    box = figure(reader, "encoder")
    box.locator("textarea").focus()
    reader.keyboard.press("Control+A")
    reader.keyboard.type("two words here")
    expect(box.locator(".demo-count b")).to_have_text("3 tokens")
    for _ in range(6):  # five samples, then the tokens
        reader.keyboard.press("Tab")
    expect(box.get_by_role("listbox")).to_be_focused()
    reader.keyboard.press("Home")
    reader.keyboard.press("ArrowRight")
    expect(box.locator("[aria-selected=true]")).to_have_text("␣words")
    assert box.get_by_role("listbox").get_attribute("aria-activedescendant") == box.locator("[aria-selected=true]").get_attribute("id")
    reader.keyboard.press("Tab")
    expect(box.get_by_role("button", name="Back")).to_be_focused()
    merges = len(gpt2.steps(" words"))
    for _ in range(merges + 2):  # two more than there are: the focus stays
        reader.keyboard.press("Enter")
    expect(box.get_by_role("button", name="Back")).to_be_focused()
    assert box.locator(".demo-ladder li:not(.ahead)").count() == 1
    reader.keyboard.press("Tab")
    reader.keyboard.press("End")
    assert box.locator(".demo-ladder li:not(.ahead)").count() == merges + 1
    assert box.get_by_role("slider").get_attribute("aria-valuetext") == f"merge {merges} of {merges}"


def test_everything_works_by_touch_on_a_phone(browser: Browser, server: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(server + ARTICLE)
    box = figure(page, "encoder")
    for name in ("Numbers", "Code", "Hindi", "Emoji", "Example"):
        box.get_by_role("button", name=name).tap()
        expect(box.locator(".demo-count")).to_contain_text("bytes a token")
        assert page.evaluate("document.documentElement.scrollWidth") == 390, name
    box.locator(".token").last.tap()
    expect(box.locator("[aria-selected=true]")).to_have_text(".")
    trainer = figure(page, "trainer")
    trainer.get_by_role("button", name="Back").tap()
    expect(trainer.locator(".demo-say")).to_contain_text("Before the first merge.")
    small = page.locator(".demo :is(button, input, textarea)").evaluate_all(
        "(controls) => controls.filter((c) => c.checkVisibility() && c.getBoundingClientRect().height < 24).length")
    assert small == 0
    context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_running_figures(browser: Browser, server: str, theme: Any) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme=theme)
    page = context.new_page()
    page.goto(server + ARTICLE)
    figure(page, "trainer").get_by_role("button", name="Next").click()
    box = figure(page, "encoder")
    write(box, "Some words, 日本 and more. " * 80)
    answer = Axe().run(page, context=".demo", options={"rules": {"target-size": {"enabled": True}}}).response
    assert [f"{rule['id']}: {node['html'][:160]} ({node['failureSummary']})"
            for rule in answer["violations"] for node in rule["nodes"]] == []
    assert {"color-contrast", "aria-required-children", "aria-input-field-name"} <= {rule["id"] for rule in answer["passes"]}
    context.close()


def test_a_screen_reader_hears_one_summary_after_a_pause(reader: Page) -> None:
    box = figure(reader, "encoder")
    write(box, "")
    live = box.locator("[aria-live=polite]")
    expect(live).to_have_text("0 tokens for 0 characters in 0 bytes")
    reader.evaluate("""() => {
      window.heard = [];
      const figure = document.querySelector(".demo[data-start=encoder]");
      const region = figure.querySelector("[aria-live]");
      new MutationObserver(() => heard.push(region.textContent)).observe(region, { childList: true });
      const box = figure.querySelector("textarea");
      for (const character of "Hello world") {
        box.value += character;
        box.dispatchEvent(new Event("input"));
      }
    }""")
    expect(live).to_have_text("2 tokens for 11 characters in 11 bytes: 5.5 bytes a token")
    assert len(reader.evaluate("heard")) == 1


# -- What it costs -----------------------------------------------------------


def test_a_key_typed_into_10_000_characters_touches_only_what_changed(module: Page, reader: Page) -> None:
    text = ("The tokenizer cuts 12345 words, doesn't it? " * 250)[:9990]
    new = module.evaluate("""([text, other]) => {
      encoder.encode(text);
      const before = encoder.merged;
      encoder.encode(other);
      return encoder.merged - before;
    }""", [text, text[:5000] + "q" + text[5000:]])
    assert 1 <= new <= 2
    box = figure(reader, "encoder")
    write(box, text)
    box.locator("textarea").evaluate("(box) => { box.focus(); box.setSelectionRange(300, 300); }")
    reader.keyboard.type("q")  # moves the window of drawn tokens to the caret
    reader.evaluate("""() => {
      window.touched = 0;
      new MutationObserver((changes) => {
        for (const change of changes) touched += change.addedNodes.length + change.removedNodes.length;
      }).observe(document.querySelector(".demo-tokens"), { childList: true });
    }""")
    tokens = box.locator(".token").count()
    reader.keyboard.type("q")
    touched = reader.evaluate("touched")
    assert tokens == 300 and 2 <= touched <= 20, (tokens, touched)


def test_a_long_text_is_shown_in_parts_and_counted_whole(reader: Page, gpt2: Any) -> None:
    box, text = figure(reader, "encoder"), "0123456789 " * 900
    write(box, text)
    whole = gpt2.encode(text)
    expect(box.locator(".demo-count b")).to_have_text(f"{len(whole):,} tokens")
    box.get_by_role("listbox").press("Home")
    assert ids(box) == whole[:300]
    box.get_by_role("button", name="Later").click()
    first = int(box.get_by_text(re.compile("^Tokens ")).inner_text().split()[1].replace(",", "")) - 1
    assert first > 0 and ids(box) == whole[first:first + 300]
    box.get_by_role("listbox").press("End")
    assert ids(box)[-1] == whole[-1]


def test_the_figures_script_is_small_and_comes_when_it_is_near_and_the_merges_when_the_reader_starts(
        browser: Browser, server: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.split("/")[-1]))
    page.goto(server + ARTICLE, wait_until="networkidle")
    own = {"demo.js", "bpe.js", "gpt2-merges.bin"}
    assert own & set(asked) == set()
    box = figure(page, "encoder")
    page.evaluate("() => fetch(location.href).then(() => true)")  # what was asked for before has been noted now
    assert own & set(asked) == {"demo.js", "bpe.js"}
    box.locator(".token").nth(1).click()
    box.locator("#demo-token").wait_for()
    assert own <= set(asked) and (FOLDER / "gpt2-merges.bin").stat().st_size == 200_000
    assert sum(len(gzip.compress((FOLDER / name).read_bytes(), 9)) for name in ("demo.js", "bpe.js")) <= 15_000
    context.close()


def test_no_other_page_names_the_figures_files(pages: dict[str, Any]) -> None:
    naming = [name for name, page in pages.items() if page.xpath("//@*[contains(., '_static/demos/byte-pair-encoding')]")]
    assert naming == [ARTICLE]


def test_without_javascript_the_figures_teach_and_offer_nothing_dead(browser: Browser, server: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(server + ARTICLE)
    for part, words in (("trainer", "5 pairs occur twice each"), ("encoder", "rank 10,985")):
        frame = page.locator(f".demo[data-start={part}]")
        expect(frame).to_contain_text(words)
        assert frame.locator("button, input, textarea, [tabindex]").count() == 0
        assert all(row.bounding_box() is None or row.bounding_box()["height"] < 1  # type: ignore[index]
                   for row in frame.locator(".demo-controls").all())
    context.close()


def test_merges_that_do_not_arrive_are_said_and_asked_for_again(reader: Page) -> None:
    failing = {"yes": True}
    reader.route("**/gpt2-merges.bin", lambda route: route.abort() if failing["yes"] else route.continue_())
    box = figure(reader, "encoder")
    box.locator("textarea").fill("Hello world")
    expect(box.locator(".demo-count")).to_have_text("GPT-2's merges could not be loaded. Try again.")
    failing["yes"] = False
    box.locator("textarea").press("End")
    reader.keyboard.type("!")
    expect(box.locator(".demo-count b")).to_have_text("3 tokens")


def test_what_is_typed_while_the_merges_load_is_shown_when_they_are_there(reader: Page) -> None:
    reader.evaluate("""() => {
      const real = fetch;
      window.asked = 0;
      window.fetch = async (address) => {
        asked += 1;
        await new Promise((arrive) => { window.arrive = arrive; });
        return real(address);
      };
    }""")
    box = figure(reader, "encoder")
    box.locator("textarea").fill("Hello")
    box.locator("textarea").press("End")
    reader.keyboard.type(" world")
    expect(box.locator(".demo-count")).to_have_text("Loading GPT-2's merges, 200 kB …")
    reader.evaluate("arrive()")
    expect(box.locator(".demo-count b")).to_have_text("2 tokens")
    assert reader.evaluate("asked") == 1


def test_nothing_moves_by_itself(reader: Page) -> None:
    """The figures have no motion to reduce; a transition or animation would need a rule for who asks for less."""
    figure(reader, "encoder").locator("textarea").focus()
    figure(reader, "trainer").get_by_role("button", name="Next").click()
    assert reader.evaluate("document.getAnimations().filter((a) => a.effect.target.closest('.demo')).length") == 0
    assert re.findall(r"transition|animation|scroll-behavior", (FOLDER / "demo.css").read_text(encoding="utf-8")) == []
