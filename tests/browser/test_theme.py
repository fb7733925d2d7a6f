"""Light, dark, or as the system says: kept over pages, without a flash of the other."""

from __future__ import annotations

from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

Theme = Literal["light", "dark"]
LIGHT, DARK = "rgb(253, 252, 249)", "rgb(22, 24, 27)"

def paper(page: Page) -> str:
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


@pytest.mark.parametrize("system", ["light", "dark"])
def test_follows_the_system_until_asked(browser: Browser, server: str, system: Theme) -> None:
    context = browser.new_context(color_scheme=system)
    page = context.new_page()
    page.goto(server)
    assert paper(page) == {"light": LIGHT, "dark": DARK}[system]
    page.emulate_media(color_scheme="dark" if system == "light" else "light")
    assert paper(page) == {"light": DARK, "dark": LIGHT}[system]
    context.close()


@pytest.mark.parametrize("system", ["light", "dark"])
def test_the_switch_reaches_each_theme_and_other_pages_keep_it(browser: Browser, server: str, system: Theme) -> None:
    context = browser.new_context(color_scheme=system, viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(server)
    switch = page.locator(".theme-toggle:visible")
    seen = {}
    for _ in range(3):
        switch.click()
        theme = page.evaluate("document.body.dataset.theme")
        seen[theme] = paper(page)
        expect(switch.locator("svg:visible")).to_have_count(1)
        page.locator(".card-title a").first.click()
        expect(page.locator(".byline")).to_be_visible()
        assert (page.evaluate("document.body.dataset.theme"), paper(page)) == (theme, seen[theme])
        page.go_back()
    assert seen == {"light": LIGHT, "dark": DARK, "auto": {"light": LIGHT, "dark": DARK}[system]}
    context.close()


@pytest.mark.parametrize(("system", "chosen", "colour"), [("light", "dark", DARK), ("dark", "light", LIGHT)])
def test_the_chosen_theme_is_there_before_anything_to_paint(
        browser: Browser, server: str, system: Theme, chosen: str, colour: str) -> None:
    """A browser may paint as soon as the head is read: the page up to its body must have the theme already."""
    context = browser.new_context(color_scheme=system)
    page = context.new_page()
    page.goto(server)
    page.evaluate("(theme) => localStorage.setItem('theme', theme)", chosen)
    head, body, _ = context.request.get(server).text().partition("<body>")
    page.route(server, lambda route: route.fulfill(body=head + body, content_type="text/html"))
    page.goto(server)
    assert (page.evaluate("document.body.children.length"), paper(page)) == (0, colour)
    context.close()


def test_figures_follow_the_chosen_theme(browser: Browser, server: str) -> None:
    context = browser.new_context(color_scheme="light")
    page = context.new_page()
    page.goto(server + "posts/cut-cross-entropy/")
    ink = "getComputedStyle(document.querySelector('.figure-svg text')).fill"
    light = page.evaluate(ink)
    page.evaluate("document.body.dataset.theme = 'dark'")
    assert page.evaluate(ink) != light
    context.close()
