"""Go templates as text: what they ask for, and what is left of one that another one prints."""

import re
from collections.abc import Iterator

TEXT = r"`[^`]*`|\"(?:\\.|[^\"\\])*\""
ACTION = re.compile(rf"\{{\{{(?P<code>(?:{TEXT}|(?!\}}\}}).)*)\}}\}}", re.DOTALL)
LITERAL = re.compile(rf"\s*-?\s*(?P<text>{TEXT})\s*-?\s*", re.DOTALL)
STRING = re.compile(TEXT, re.DOTALL)
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
HELMS = re.compile(
    r"(?<![\w)\].])\.(?:Release|Values|Chart|Capabilities|Files|Subcharts)\b(?:\.\w+)*"
    r"|(?<![\w.$])(?:include|tpl|lookup|required)(?=\s)"
)
KEY = re.compile(r"(?:(?<![\w)\]$.])|(?<=\$))\.(?P<key>[A-Za-z_]\w*)")
INDEX = re.compile(r"\bindex\s+[.$]\s+[\"`](?P<key>[^\"`]+)[\"`]")
# Inside of these a dot means something else, or a key that is not there does no harm.
ELSEWHERE = re.compile(r"\b(?:range|with|define|template|block|hasKey|get|dig|break|coalesce)\b")


def of_helm(text: str) -> Iterator[re.Match[str]]:
    """What only Helm knows, in the actions of a text, each where it stands."""
    for action in ACTION.finditer(text):
        # Strings and comments are blanked, so that all else stays where it is.
        code = COMMENT.sub(blank, STRING.sub(blank, action[0]))
        padded = " " * action.start() + code
        yield from HELMS.finditer(padded, action.start())


def keys(text: str) -> list[str]:
    """The keys of its data that a template asks for; none where that cannot be told."""
    found: list[str] = []
    for action in ACTION.finditer(text):
        code = COMMENT.sub(blank, STRING.sub(blank, action["code"]))
        if ELSEWHERE.search(code):
            return []
        found += [match["key"] for match in INDEX.finditer(action["code"])]
        found += [match["key"] for match in KEY.finditer(code)]
    return list(dict.fromkeys(found))


def printed(text: str) -> str:
    """A text after Helm, as far as it prints plain strings; the lines stay those they were."""

    def left(action: re.Match[str]) -> str:
        literal = LITERAL.fullmatch(action["code"])
        return literal["text"][1:-1] if literal else "\n" * action[0].count("\n")

    return ACTION.sub(left, text)


def blank(match: re.Match[str]) -> str:
    """As many blanks as there were letters."""
    return " " * len(match[0])
