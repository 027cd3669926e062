"""A small data set of the forms of Stroke MNIST, made of stand-in strokes."""

from functools import partial

from benchmarks.stroke_archive import array_files, text_files, write_archive
from wmcl.data import stand_in_strokes
from wmcl.data.data_set import DataSet, Form, Original
from wmcl.data.published import Published, _checksums, _digest
from wmcl.data.stroke_arrays import read_stroke_arrays
from wmcl.data.stroke_text import TEXT, read_stroke_text

STROKES = stand_in_strokes(train=23, test=11, seed=1)
EXPECTED = {
    split: Published(len(records), _digest(records), _checksums(records))
    for split, records in (("train", STROKES.train), ("test", STROKES.test))
}
ARRAYS = dict(array_files(STROKES))
TEXTS = dict(text_files(STROKES))


def data_set(url="http://127.0.0.1:9/", digests=None, most_bytes=10_000_000):
    """With originals at the given address, whose digests are known or not."""
    digests = digests or {}

    def original(name, holds):
        return Original(f"{name}.tar.gz", f"{url}{name}.tar.gz", holds, digests.get(f"{name}.tar.gz"))

    arrays = tuple(
        original(f"{split}-{kind}", rf"{split}-{kind}\.npy")
        for split in ("train", "test")
        for kind in ("padded-leading", "labels")
    )
    text = (original("sequences", TEXT.pattern),)
    return DataSet(
        name="small-strokes",
        title="a few digits",
        preparation=1,
        page=url,
        licence="none",
        citation="nobody",
        forms={
            "arrays": Form(arrays, partial(read_stroke_arrays, expected=EXPECTED), most_bytes),
            "text": Form(text, partial(read_stroke_text, expected=EXPECTED), most_bytes),
        },
    )


def write_arrays(folder, files=None):
    """An archive for each array, as the source has them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (ARRAYS if files is None else files).items():
        write_archive(folder / name.replace(".npy", ".tar.gz"), [(name, content)])


def write_text(folder, files=None, under="sequences/"):
    """One archive."""
    folder.mkdir(parents=True, exist_ok=True)
    write_archive(folder / "sequences.tar.gz", (TEXTS if files is None else files).items(), under)


def write_plain(folder, files, wrap=lambda content: content, suffix=""):
    """A file each."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / (name + suffix)).write_bytes(wrap(content))
