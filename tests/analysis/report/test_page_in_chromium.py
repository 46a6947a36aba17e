"""The report in a real browser: nothing is loaded or complained of; all is visible, on paper, phones, in the dark."""

import base64
import io

import numpy as np
import pytest
from headless_browser import find_chromium, open_browser
from PIL import Image

from analysis.report import PAGE, ReportOptions, report_files

pytestmark = pytest.mark.skipif(find_chromium() is None, reason="Chromium is not installed (Debian: chromium)")

HIDDEN = """Array.from(document.querySelectorAll('table, figure svg, h1, h2, .verdict p')).filter(one => {
  const box = one.getBoundingClientRect();
  return box.width < 20 || box.height < 8 || getComputedStyle(one).visibility !== 'visible';
}).map(one => one.outerHTML.slice(0, 80))"""

CUT = """Array.from(document.querySelectorAll('p, li, h1, h2, h3, dd, figcaption')).filter(one =>
  one.getBoundingClientRect().right > innerWidth + 1).map(one => one.textContent.slice(0, 60))"""

CONTRAST = """(() => {
  const channels = text => text.match(/[0-9.]+/g).slice(0, 3).map(Number).map(value => {
    const share = value / 255;
    return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  const light = text => { const [r, g, b] = channels(text); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ground = one => {
    while (one) {
      const colour = getComputedStyle(one).backgroundColor;
      if (!colour.startsWith('rgba(0, 0, 0, 0')) return colour;
      one = one.parentElement;
    }
    return 'rgb(255, 255, 255)';
  };
  return Math.min(...Array.from(document.querySelectorAll('p, li, th, td, dd, dt, a, .state, caption, figcaption'))
    .filter(one => one.textContent.trim()).map(one => {
      const [a, b] = [light(getComputedStyle(one).color), light(ground(one))];
      return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    }));
})()"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with open_browser(tmp_path_factory.mktemp("chromium") / "profile") as found:
        yield found


@pytest.fixture
def address(whole_report, tmp_path):
    (tmp_path / PAGE).write_bytes(whole_report[PAGE])
    return (tmp_path / PAGE).as_uri()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_everything_is_visible_and_nothing_is_loaded(browser, address, width, dark):
    browser.open(address, width=width, dark=dark)
    assert browser.requests == [address]
    assert browser.complaints == []
    assert browser.ask("document.querySelectorAll('table').length") == 5
    assert browser.ask("document.querySelectorAll('figure svg').length") > 3
    assert browser.ask(HIDDEN) == []
    assert browser.ask("document.documentElement.scrollWidth") <= width
    assert browser.ask(CUT) == []
    assert browser.ask(CONTRAST) >= 4.5
    assert browser.ask("getComputedStyle(document.querySelector('.sheet')).backgroundColor") == "rgb(255, 255, 255)"


def test_the_picture_of_the_page_is_dark_in_the_dark_and_never_blank(browser, address):
    means = []
    for dark in (False, True):
        browser.open(address, width=1280, dark=dark)
        image = np.asarray(Image.open(io.BytesIO(base64.b64decode(browser.screenshot()))).convert("L"))
        assert image.shape[0] > 3000
        assert image.std() > 10
        means.append(image[:300].mean())
    assert means[0] > 200 > 60 > means[1]


def test_a_click_on_a_heading_sorts_and_another_turns_it_around(browser, address):
    browser.open(address, width=1280)
    column = "Array.from(document.querySelector('#table-recall').tBodies[0].rows, row => +row.cells[1].dataset.value)"
    click = "document.querySelector('#table-recall thead tr:last-child').cells[1].querySelector('button').click()"
    before = browser.ask(column)
    for order in (sorted(before, reverse=True), sorted(before)):
        browser.ask(click)
        assert browser.ask(column) == order
    assert browser.complaints == []


def test_it_reads_the_same_without_script_and_on_paper(browser, address):
    browser.open(address, width=1280)
    words = browser.ask("document.body.innerText.replace(/\\s+/g, ' ')")
    browser.open(address, width=1280, script=False)
    assert browser.ask("document.querySelectorAll('button').length") == 0
    assert browser.ask("document.body.innerText.replace(/\\s+/g, ' ')") == words
    browser.open(address, width=720, print_=True)
    assert browser.ask("getComputedStyle(document.querySelector('nav')).display") == "none"
    assert browser.ask("document.documentElement.scrollWidth") <= 720
    paper = base64.b64decode(browser.call("Page.printToPDF", printBackground=True)["data"])
    assert paper.startswith(b"%PDF")
    assert paper.count(b"/Type /Page") > 3


def test_hostile_text_runs_nothing(browser, build_run, one_figure, tmp_path):
    hostile = "<script>document.title = 'taken'</script><img src=x onerror=\"document.title = 'taken'\">"
    skills = {("image only", "none", ()): 0.8, (hostile, "concat", ("age",)): 2.0}
    one_figure(title=hostile, caption=hostile, alternative=hostile)
    manifest = {"question": hostile, "settings": {"a": f"</pre></script>{hostile}"}}
    run = build_run(skills, manifest=manifest, failed=[(hostile, (0, 1))])
    (tmp_path / PAGE).write_bytes(report_files(run, ReportOptions(title=hostile))[PAGE])
    browser.open((tmp_path / PAGE).as_uri(), width=1280)
    assert browser.ask("document.title") == hostile
    assert browser.ask("document.querySelector('h1').textContent") == hostile
    assert browser.ask("document.images.length") == 0
    assert len(browser.requests) == 1
    assert browser.complaints == []
