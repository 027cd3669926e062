"""Small treebanks as CoNLL-U text."""

import gzip

from wmcl.data.conllu_file import TAGS


def line(number, form, tag, columns=10):
    return "\t".join([str(number), form, "_", tag, *["_"] * (columns - 4)])


def conllu(sentences, prefix="s"):
    """Text of sentences, each a list of pairs (form, tag)."""
    blocks = []
    for number, words in enumerate(sentences, 1):
        lines = [f"# sent_id = {prefix}{number}", "# text = of no matter"]
        lines += [line(place, form, tag) for place, (form, tag) in enumerate(words, 1)]
        blocks.append("\n".join(lines) + "\n\n")
    return "".join(blocks)


def some_sentences(count, start=0):
    """Each of one to four words that know where they stand."""
    return [
        [(f"w{n}.{place}", TAGS[(n + place) % len(TAGS)]) for place in range(1 + n % 4)]
        for n in range(start, start + count)
    ]


def write(path, text, packed=False):
    path.parent.mkdir(parents=True, exist_ok=True)
    content = text.encode()
    path.write_bytes(gzip.compress(content, mtime=0) if packed else content)
