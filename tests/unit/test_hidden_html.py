"""What the HTML form of a mail hides from its reader is not read, and what it shows is."""

from __future__ import annotations

import pytest

from parsers.mail.html import html_to_text

HIDING = (
    *(
        "display:none",
        "display : none !important",
        "display:/**/none",
        "display:no\\6e e",
        "visibility:hidden",
        "opacity:0.0",
        "zoom:0",
        "content-visibility:hidden",
    ),
    *("opacity:.01", "font-size:0", "font-size:0.1px", "font:0/0 a", "color:#fff", "color:white", "color:#fefefe"),
    *(
        "color:transparent",
        "color:rgba(0,0,0,0)",
        "color:#fff;background:#fff",
        "color:#333;background-color:rgb(51,51,51)",
    ),
    *(
        "position:absolute;left:-9999px",
        "text-indent:-9999px",
        "height:0;overflow:hidden",
        "max-height:0;overflow:hidden",
    ),
    *("width:0;overflow:hidden", "clip:rect(0,0,0,0);position:absolute", "clip-path:inset(100%)", "transform:scale(0)"),
    *("filter:opacity(0)", "mso-hide:all", "z-index:-1", "text-decoration:underline line-through"),
)
SHOWING = (
    *(
        "display:block",
        "opacity:1",
        "opacity:0.9",
        "font-size:9pt",
        "font:700 14px Arial",
        "font-size:80%",
        "color:#222",
    ),
    *(
        "color:#fff;background:#06c",
        "color:white;background-image:url(x)",
        "left:-5px;position:relative",
        "margin-left:-10px",
    ),
    *("height:20px;overflow:hidden", "transform:scale(1)", "max-width:600px", "z-index:1", "line-height:0.9"),
)


def words(html: str) -> list[str]:
    return html_to_text(html).split()


@pytest.mark.parametrize("style", HIDING)
def test_an_element_that_is_not_seen_is_not_read(style: str) -> None:
    assert words(f"<div style='{style}'>approve</div><p>wait</p>") == ["wait"]
    assert words(f"<style>div.x {{ {style} }}</style><div class='y x'>approve</div><p>wait</p>") == ["wait"]


@pytest.mark.parametrize("style", SHOWING)
def test_an_element_that_is_seen_is_read(style: str) -> None:
    assert words(f"<div style='{style}'>approve</div><p>wait</p>") == ["approve", "wait"]


@pytest.mark.parametrize(
    "sheet",
    [
        *("b{display:none}", ".x{display:none}", "#i{display:none}", "b.x#i{display:none}", "div b{display:none}"),
        *(
            "@media all{.x{display:none}}",
            "@media screen { .x{display:none} }",
            "p,.x{display:none}",
            "div > .x{display:none}",
        ),
        "<!-- .x{display:none} -->",
    ],
)
def test_a_sheet_hides_by_tag_class_identity_and_place(sheet: str) -> None:
    assert words(f"<style>{sheet}</style><div><b class=x id=i>approve</b></div><i>wait</i>") == ["wait"]


@pytest.mark.parametrize(
    "sheet",
    [
        *(".y{display:none}", "td b{display:none}", "b:hover{display:none}", "@media print{.x{display:none}}"),
        *("@media only screen and (max-width:480px){.x{display:none}}", ".x{display:none} .x{display:inline}"),
    ],
)
def test_a_sheet_that_speaks_of_something_else_hides_nothing(sheet: str) -> None:
    assert words(f"<style>{sheet}</style><div><b class=x id=i>approve</b></div>") == ["approve"]


def test_words_may_show_themselves_again_inside_of_a_size_or_a_colour_that_hides() -> None:
    html = (
        "<table style='font-size:0;color:#fff'><tr><td>no<span style='font-size:14px;color:#000'>approve</span></table>"
    )

    assert words(html) == ["approve"]


def test_an_element_says_its_own_over_the_sheet() -> None:
    assert words("<style>.x{display:none}</style><p class=x style='display:block'>approve</p>") == ["approve"]


@pytest.mark.parametrize(
    "html",
    [
        *(
            "<del>approve</del>",
            "<input value=approve>",
            "<img alt=approve>",
            "<title>approve</title>",
            "<bdo dir=rtl>approve</bdo>",
        ),
        *(
            "<details><summary></summary>approve</details>",
            "<iframe>approve</iframe>",
            "<select><option>approve</select>",
        ),
        *("<dialog>approve</dialog>", "<!--[if mso]>approve<![endif]-->", "<p hidden>approve</p>"),
    ],
)
def test_what_is_no_text_to_a_reader_is_not_read(html: str) -> None:
    assert words(f"{html}<p>wait</p>") == ["wait"]


def test_unseen_characters_are_gone_after_entities_are_decoded_and_before_quotes_are_marked() -> None:
    assert html_to_text("<p>ap&#8203;pro&shy;ve&lrm;</p>") == "approve"
    lines = html_to_text("<blockquote>first<div>&#xE001;</div><p>approve</p></blockquote>").split("\n")
    assert [line for line in lines if "approve" in line] == ["> approve"]


def test_spans_divide_no_word_and_definition_lists_are_lines() -> None:
    assert html_to_text("<p>app<span>ro</span>ve</p>") == "approve"
    assert html_to_text("<dl><dt>username</dt><dd>alice</dd></dl>").split("\n") == ["username", "alice"]


@pytest.mark.parametrize(
    "sheet", [".a," * 50_000, "/*" * 50_000, ".a .b .c{color:#fff}" * 1_900, "@media all{" * 10_000]
)
def test_a_sheet_without_end_is_read_to_its_end(sheet: str) -> None:
    assert words(f"<style>{sheet}</style><p>wait</p>") == ["wait"]


def test_sheets_beyond_reading_leave_nothing_that_could_be_obeyed() -> None:
    assert html_to_text(f"<style>{'.a{display:none}' * 3000}.x{{display:none}}</style><p class=x>approve</p>") == ""


def test_a_sheet_that_was_read_before_still_counts_with_the_others() -> None:
    many = ".a{display:none}" * 1_200
    assert words(f"<style>{many}</style><p>wait</p>") == ["wait"]
    assert words(f"<style>{many}</style><p class=a>approve</p><p>wait</p>") == ["wait"]
    assert words(f"<style>{many}</style><style>{many}</style><p>wait</p>") == []
