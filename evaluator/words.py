"""Numbers of things in words: one clip is, two clips are."""

_VERBS = {
    "are": "is",
    "were": "was",
    "have": "has",
    "hold": "holds",
    "lie": "lies",
    "do": "does",
    "overlap": "overlaps",
}


def begun(text: str) -> str:
    """A text as the begin of a sentence, with a capital letter if it begins with a word, and not with a sign such as d'.

    >>> begun("accuracy"), begun("mAP of each class"), begun("d'")
    ('Accuracy', 'mAP of each class', "d'")
    """
    return f"{text[:1].upper()}{text[1:]}" if text[1:2].islower() else text


def counted(count: int, words: str) -> str:
    """A number before words that begin with a noun in the plural; of one thing in the singular, with the verb behind it.

    >>> counted(2, "clips are silent"), counted(1, "clips are silent"), counted(1, "classes without a clip")
    ('2 clips are silent', '1 clip is silent', '1 class without a clip')
    """
    if count != 1:
        return f"{count} {words}"
    noun, _, behind = words.partition(" ")
    verb, space, more = behind.partition(" ")
    singular = noun.removesuffix("es") if noun.endswith("sses") else noun.removesuffix("s")
    return f"1 {singular} {_VERBS.get(verb, verb)}{space}{more}".rstrip()
