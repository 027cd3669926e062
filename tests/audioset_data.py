"""A small data set of the form of AudioSet, written as its source writes it."""

import json
import struct
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from benchmarks.stroke_archive import write_archive
from wmcl.data.audioset import read_audioset
from wmcl.data.data_set import DataSet, Form, Original
from wmcl.data.tfrecord import masked_crc32c

LABELS = 527


def varint(number):
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def part(number, content):
    """A field of a protocol buffer that holds bytes."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def entry(key, value):
    return part(1, part(1, key.encode()) + part(2, value))


def of_bytes(*values):
    return part(1, b"".join(part(1, value) for value in values))


def of_floats(*values):
    return part(2, part(1, struct.pack(f"<{len(values)}f", *values)))


def of_integers(*values):
    return part(3, part(1, b"".join(map(varint, values))))


@dataclass(frozen=True)
class Clip:
    """What a record says."""

    video: str
    labels: tuple[int, ...]
    steps: tuple[bytes, ...]
    start: float = 30.0
    end: float = 40.0
    without: tuple[str, ...] = ()
    context: dict = field(default_factory=dict)
    """features that are written otherwise"""

    def message(self):
        features = {
            "end_time_seconds": of_floats(self.end),
            "video_id": of_bytes(self.video.encode()),
            "start_time_seconds": of_floats(self.start),
            "labels": of_integers(*self.labels),
        } | self.context
        context = b"".join(entry(key, value) for key, value in features.items() if key not in self.without)
        listed = b"".join(part(1, of_bytes(step)) for step in self.steps)
        lists = b"" if "audio_embedding" in self.without else entry("audio_embedding", listed)
        return part(1, context) + part(2, lists)


def framed(message):
    length = struct.pack("<Q", len(message))
    return length + masked_crc32c(length) + message + masked_crc32c(message)


def tfrecord(clips):
    return b"".join(framed(each.message()) for each in clips)


def labels_csv():
    return "index,mid,display_name\n" + "".join(f'{n},/m/{n:03},"Sound {n}, heard"\n' for n in range(LABELS))


def ontology(children=(), restricted=()):
    return json.dumps(
        [
            {
                "id": f"/m/{n:03}",
                "name": f"Sound {n}, heard",
                "child_ids": ["/m/001"] if n in children else [],
                "restrictions": ["abstract"] if n in restricted else [],
            }
            for n in range(LABELS)
        ]
    )


def quality(percents):
    """A line for each label, with its estimate or a dash."""
    rest = "\t1,000\t2.8\t60\t0.2\t60\t0.2\t880\t2.4"
    return "\n".join(f"Sound {n}, heard\t{value}{rest}" for n, value in percents.items())


CANDIDATES = (2, 5, 9, 100, 526)
TEXTS = {
    "class_labels_indices.csv": labels_csv(),
    "ontology.json": ontology(children=(0, 3), restricted=(1, 3)),
    "confidence_data.csv": quality(
        {0: "100%", 1: "90%", 2: "70%", 3: "80%", 4: "69%", 5: "100%", 7: "-", 9: "90%", 100: "71%", 526: "75%"}
    ),
}


def clips(count=120, seed=0):
    """Segments with one to three labels, some of them candidates; every tenth one is short."""
    random = np.random.default_rng(seed)
    pool = (*CANDIDATES, 0, 4, 7, 300)
    made = []
    for n in range(count):
        chosen = random.choice(len(pool), random.integers(1, 4), replace=False)
        steps = random.integers(0, 256, (10 if n % 10 else 7, 128), dtype=np.uint8)
        made.append(Clip(f"video-{n:05}", tuple(pool[c] for c in chosen), tuple(step.tobytes() for step in steps)))
    return made


CLIPS = clips()
PARTS = {"bal_train": CLIPS[:70], "eval": CLIPS[70:]}
CLASSES, MOST = 3, 20


def tf_files(parts=None, files=3):
    """Names with folders and contents; the clips of a part are dealt out to some files, which have the same names."""
    return [
        (f"{name}/{n}.tfrecord", tfrecord(some[n::files]))
        for name, some in (PARTS if parts is None else parts).items()
        for n in range(files)
    ]


def data_set(url="http://127.0.0.1:9/", counts=None):
    """With small counts."""
    counts = counts or {name: range(len(some), len(some) + 1) for name, some in PARTS.items()}
    texts = tuple(Original(name, f"{url}{name}", name.replace(".", r"\.")) for name in TEXTS)
    archive = Original("small.tar.gz", None, r".*\.tfrecord", needs_archive=True)
    read = partial(read_audioset, counts=counts, classes=CLASSES, most=MOST)
    forms = {"small": Form((*texts, archive), read, 10_000_000)}
    return DataSet("small-audioset", "a few sounds", 1, url, "none", "nobody", forms)


def write(folder, files=None, texts=None):
    """The files on labels, and an archive."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (TEXTS if texts is None else texts).items():
        (folder / name).write_text(content)
    write_archive(folder / "small.tar.gz", tf_files() if files is None else files, "audioset_v1_embeddings/")


def changed(number, **fields):
    """The files, with one clip of the first part changed."""
    some = list(PARTS["bal_train"])
    some[number] = replace(some[number], **fields)
    return tf_files(PARTS | {"bal_train": some})
