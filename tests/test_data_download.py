"""Downloads from a server of our own, and the command line."""

import functools
import hashlib
import http.server
import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock
from requests import exceptions

from tests.conllu_data import conllu, some_sentences, write
from tests.stroke_data import data_set, write_arrays, write_text
from tests.test_data import assert_strokes
from wmcl import command_line
from wmcl.data.download import _recorded, download, verify
from wmcl.data.fetch import reason as reason_of
from wmcl.data.folders import originals_of, prepared_file
from wmcl.data.languages import Language
from wmcl.data.prepare import load
from wmcl.data.universal_dependencies import _data_set

pytestmark = pytest.mark.usefixtures("own_data_folder")


class Quiet(http.server.SimpleHTTPRequestHandler):
    asked: list

    def log_message(self, *_):
        self.asked.append(self.path)


@pytest.fixture
def server(tmp_path, request):
    """A folder, its address, and what was asked of it."""
    folder = tmp_path / "served"
    write_arrays(folder)
    write_text(folder)
    asked = []
    handler = type("Handler", (getattr(request, "param", Quiet),), {"asked": asked})
    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(handler, directory=str(folder))
    ) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{running.server_port}/", asked
        running.shutdown()
        thread.join()


def digests_of(folder):
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}


@pytest.mark.parametrize("form", ["arrays", "text"])
@pytest.mark.parametrize("is_known", [True, False])
def test_a_download_is_checked_and_prepared(server, form, is_known):
    folder, url, asked = server
    wanted = data_set(url, digests_of(folder) if is_known else None)
    path = download(wanted, form, progress=False)
    assert path == prepared_file(wanted)
    assert_strokes(load(wanted))
    names = {original.name for original in wanted.forms[form].originals}
    assert {file.name for file in originals_of(wanted).iterdir()} - {"digests.json", ".download.lock"} == names
    assert _recorded(originals_of(wanted)) == (
        {} if is_known else {name: value for name, value in digests_of(folder).items() if name in names}
    )
    assert {path.name for path, wrong in verify(wanted) if not wrong} == {*names, path.name}
    count = len(asked)
    assert download(wanted, progress=False) == path
    assert download(wanted, form, progress=False) == path
    assert len(asked) == count  # nothing is fetched twice


def served_language(server, has_archive):
    """A language whose three files a server has, and the data set of it; with an archive, that is another form."""
    folder, url, _ = server
    language = Language("xx", "Xish-Toy", "none")
    for number, name in enumerate(language.files):
        write(folder / name, conllu(some_sentences(5, 5 * number), f"{number}-"))
    made = _data_set("xish", "one language", [language], has_archive=has_archive)
    originals = tuple(replace(each, url=f"{url}{each.name}") for each in language.originals)
    return language, replace(made, forms=made.forms | {"files": replace(made.forms["files"], originals=originals)})


def test_files_that_are_no_archives_are_downloaded(server):
    asked = server[2]
    language, wanted = served_language(server, has_archive=False)
    download(wanted, progress=False)
    assert sorted(asked) == [f"/{name}" for name in sorted(language.files)]
    assert len(load(wanted)["xx/validation"]) == 5
    assert [wrong for _, wrong in verify(wanted)] == [""] * 4
    download(wanted, "files", progress=False)
    assert len(asked) == 3  # nothing is fetched twice


def test_a_download_that_broke_off_goes_on(server):
    """Also where files could be unpacked from an archive, which is another form of the data set."""
    folder, _, asked = server
    language, wanted = served_language(server, has_archive=True)
    first, *others = language.files
    originals_of(wanted).mkdir(parents=True)
    (originals_of(wanted) / first).write_bytes((folder / first).read_bytes())
    download(wanted, progress=False)
    assert sorted(asked) == sorted(f"/{name}" for name in others)
    assert len(load(wanted)["xx/train"]) == 5


class Resuming(Quiet):
    """Sends the rest of a file that is asked for, and breaks off after half of it as long as it is told to."""

    breaks_off: frozenset = frozenset()
    ranges: list
    tag = '"one"'

    def do_GET(self):
        path = Path(self.directory) / self.path.removeprefix("/")
        content = path.read_bytes()
        given = self.headers.get("Range")
        first = int(given.removeprefix("bytes=").removesuffix("-")) if given else 0
        if given:
            self.ranges.append((path.name, first))
        if self.headers.get("If-Range", self.tag) != self.tag:
            first = 0
        self.asked.append(self.path)
        self.send_response(206 if first else 200)
        self.send_header("Content-Length", str(len(content) - first))
        self.send_header("ETag", self.tag)
        if first:
            self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        half = path.name in self.breaks_off
        self.wfile.write(content[first : len(content) // 2 if half else None])


@pytest.mark.parametrize("changes", [False, True])
@pytest.mark.parametrize("server", [Resuming], indirect=True)
def test_half_a_file_is_kept_and_the_rest_is_fetched_unless_it_has_changed(server, changes, monkeypatch):
    folder, url, _ = server
    first = data_set().forms["arrays"].originals[0].name
    monkeypatch.setattr(Resuming, "breaks_off", {first})
    monkeypatch.setattr(Resuming, "ranges", [], raising=False)
    with pytest.raises(ValueError, match=rf"{first} could not be fetched: the connection to 127.0.0.1 broke off"):
        download(data_set(url), "arrays", progress=False)
    half = len((folder / first).read_bytes()) // 2
    where = originals_of(data_set(url))
    assert (where / f"{first}.part").stat().st_size == half
    monkeypatch.setattr(Resuming, "breaks_off", set())
    if changes:
        monkeypatch.setattr(Resuming, "tag", '"two"')
    download(data_set(url), "arrays", progress=False)
    assert_strokes(load(data_set(url)))
    assert Resuming.ranges == [(first, half)]
    assert (where / first).read_bytes() == (folder / first).read_bytes()
    assert not list(where.glob("*.part*"))


class Page(Quiet):
    def do_GET(self):
        self.asked.append(self.path)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"\n<!DOCTYPE html><title>Log in</title>")


@pytest.mark.parametrize("server", [Page], indirect=True)
def test_a_page_to_log_in_is_no_file(server):
    wanted = data_set(server[1])
    with pytest.raises(ValueError, match=r"could not be fetched: 127.0.0.1 sends a web page instead of it; is there a"):
        download(wanted, progress=False)
    assert [path.name for path in originals_of(wanted).iterdir()] == [".download.lock"]


@pytest.mark.parametrize("content", [b"", b"something else", b"\x1f\x8b broken"])
def test_what_cannot_be_prepared_is_not_recorded_so_that_the_right_file_is_taken_later(server, content):
    folder, url, _ = server
    right = (folder / "train-labels.tar.gz").read_bytes()
    (folder / "train-labels.tar.gz").write_bytes(content)
    with pytest.raises(ValueError, match=r"what was fetched is not .*train-labels.tar.gz.*Nothing was kept of"):
        download(data_set(url), "arrays", progress=False)
    assert _recorded(originals_of(data_set(url))) == {}
    assert not (originals_of(data_set(url)) / "train-labels.tar.gz").exists()
    (folder / "train-labels.tar.gz").write_bytes(right)
    download(data_set(url), "arrays", progress=False)
    assert_strokes(load(data_set(url)))
    assert "train-labels.tar.gz" in _recorded(originals_of(data_set(url)))


def test_no_more_is_taken_than_a_file_can_have(server):
    folder, url, _ = server
    wanted = data_set(url)
    first = wanted.forms["arrays"].originals[0].name
    most = (folder / first).stat().st_size - 1
    small = replace(wanted, forms={"arrays": replace(wanted.forms["arrays"], most_bytes=most)})
    with pytest.raises(ValueError, match=rf"{first} could not be fetched: 127.0.0.1 sends more than {most} bytes"):
        download(small, progress=False)
    assert not (originals_of(wanted) / f"{first}.part").exists()


@pytest.mark.parametrize("content", ["{", "[]", '{"a": 1}', "\x00"])
def test_a_damaged_record_is_named(server, content):
    where = originals_of(data_set())
    where.mkdir(parents=True)
    (where / "digests.json").write_text(content)
    with pytest.raises(ValueError, match=r"digests.json is damaged: .*\. Delete it, and download again"):
        download(data_set(server[1]), progress=False)


def test_what_is_no_file_is_named_and_never_waited_for(server):
    where = originals_of(data_set())
    where.mkdir(parents=True)
    os.mkfifo(where / "train-labels.tar.gz")
    with pytest.raises(ValueError, match=r"train-labels.tar.gz is no file: remove it"):
        download(data_set(server[1]), "arrays", progress=False)


def test_two_downloads_at_once_are_refused():
    where = originals_of(data_set())
    where.mkdir(parents=True)
    with FileLock(where / ".download.lock"), pytest.raises(ValueError, match="by another process: wait for it"):
        download(data_set(), progress=False)


def test_another_file_than_the_known_one_is_refused_and_not_kept(server):
    folder, url, _ = server
    wanted = data_set(url, digests_of(folder) | {"test-labels.tar.gz": "0" * 64})
    with pytest.raises(ValueError, match=r"test-labels.tar.gz from http.* is not the file with the SHA-256 digest 000"):
        download(wanted, progress=False)
    assert not (originals_of(wanted) / "test-labels.tar.gz").exists()
    assert not prepared_file(wanted).exists()


def test_a_file_that_changes_after_the_first_download_is_refused(server):
    folder, url, _ = server
    wanted = data_set(url)
    download(wanted, progress=False)
    originals = originals_of(wanted)
    (originals / "train-labels.tar.gz").write_bytes(b"changed here")
    wrong = {path.name for path, what in verify(wanted) if what}
    assert wrong == {"train-labels.tar.gz"}
    download(wanted, "arrays", progress=False)  # it is fetched again
    assert not any(what for _, what in verify(wanted))
    (folder / "train-labels.tar.gz").write_bytes(b"changed there")
    (originals / "train-labels.tar.gz").unlink()
    with pytest.raises(ValueError, match=r"is not the file.*earlier download.*delete its line there"):
        download(wanted, "arrays", progress=False)


def test_without_a_connection_the_files_and_their_places_are_named():
    wanted = data_set()  # nobody answers there
    with pytest.raises(ValueError, match=r"train-padded-leading.tar.gz could not be fetched") as error:
        download(wanted, progress=False)
    sentence, *lines = str(error.value).split("\n")
    assert sentence == "train-padded-leading.tar.gz could not be fetched: there is no connection to 127.0.0.1."
    assert len(lines) == 8
    for original in wanted.forms["arrays"].originals:
        assert f"{original.name}  {original.url}" in str(error.value)
    assert str(originals_of(wanted)) in str(error.value)
    with pytest.raises(ValueError, match=r"(?s)sequences.tar.gz could not be fetched.*sequences.tar.gz  http") as error:
        download(wanted, "text", progress=False)


def test_a_file_that_is_not_at_its_address_any_more(server):
    folder, url, _ = server
    (folder / "test-labels.tar.gz").unlink()
    with pytest.raises(
        ValueError, match=r"^test-labels.tar.gz could not be fetched: 127.0.0.1 answered with status 404"
    ):
        download(data_set(url), progress=False)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (exceptions.ConnectTimeout("HTTPSConnectionPool(host=..."), "data.org did not answer in time"),
        (exceptions.ReadTimeout("HTTPSConnectionPool(host=..."), "data.org did not answer in time"),
        (exceptions.SSLError("HTTPSConnectionPool(host=..."), "there is no secure connection to data.org"),
        (exceptions.ProxyError("HTTPSConnectionPool(host=..."), "there is no connection to data.org"),
        (exceptions.ChunkedEncodingError("IncompleteRead(..."), "the connection to data.org broke off"),
        (OSError(28, "No space left on device"), "[Errno 28] No space left on device"),
    ],
)
def test_reasons_are_few_words(error, reason):
    assert reason_of(error, "https://data.org:443/files/x.tar.gz") == reason


def test_files_that_were_put_into_the_folder_need_no_connection():
    wanted = data_set()
    write_arrays(originals_of(wanted))
    with pytest.raises(ValueError, match="could not be fetched"):
        download(replace(wanted, name="another"), progress=False)
    download(wanted, progress=False)
    assert_strokes(load(wanted))


@pytest.fixture
def known(server, monkeypatch):
    folder, url, _ = server
    made = data_set(url, digests_of(folder))
    monkeypatch.setattr("wmcl.data.DATA_SETS", {made.name: made})
    return made


def say(capsys, *words):
    """Exit status, and what was printed to both streams."""
    status = command_line.main(["data", *words])
    printed = capsys.readouterr()
    return status, printed.out, printed.err


def last_line(shown):
    """What a terminal shows of what was printed last."""
    return shown.rstrip("\n").split("\n")[-1].split("\r")[-1]


def test_commands(known, capsys, tmp_path):
    assert say(capsys, "list")[1].startswith("small-strokes  (not on this machine)")
    status, out, _ = say(capsys, "verify")
    assert (status, "small-strokes is not in" in out) == (1, True)
    status, out, err = say(capsys, "download", "small-strokes")
    assert (status, "licence:  none" in out, "cite:     nobody" in out) == (0, True, True)
    assert "test-labels.tar.gz: " in err
    assert last_line(err).startswith("reading small-strokes: 4 files")
    assert out.endswith(f"Prepared: {prepared_file(known)}\n")
    assert "(prepared)" in say(capsys, "list")[1]
    status, out, _ = say(capsys, "verify", "small-strokes")
    assert (status, out.count("sound"), "damaged" in out) == (0, 5, False)
    assert f"prepared/{prepared_file(known).name}" in say(capsys, "where")[1]
    prepared_file(known).write_bytes(b"")
    status, out, _ = say(capsys, "verify")
    damaged = f"damaged  {prepared_file(known)}: is no small-strokes of wmcl, or its header is damaged."
    again = "Make it again:  wmcl data download small-strokes\nor, if you have its files:"
    assert (status, f"{damaged}\n{again}" in out) == (1, True)
    assert out.count(str(prepared_file(known))) == 1
    assert say(capsys, "download", "small-strokes")[0] == 0  # what is damaged is prepared again
    assert_strokes(load(known))
    prepared_file(known).unlink()
    assert say(capsys, "download", "small-strokes", "--from", str(tmp_path / "served"), "--form", "text")[0] == 0
    assert_strokes(load(known))


def test_of_several_data_sets_those_that_are_there_are_verified(known, capsys, monkeypatch):
    missing = replace(known, name="another")
    monkeypatch.setattr("wmcl.data.DATA_SETS", {each.name: each for each in (missing, known)})
    status, out, _ = say(capsys, "verify")
    assert (status, out.count(" is not in ")) == (1, 2)
    assert say(capsys, "download", "small-strokes")[0] == 0
    status, out, _ = say(capsys, "verify")
    assert (status, out.count("sound"), "another is not in" in out) == (0, 5, False)
    status, out, _ = say(capsys, "verify", "another")
    assert (status, out.count("sound"), "another is not in" in out) == (1, 0, True)
    prepared_file(known).write_bytes(b"")
    assert say(capsys, "verify")[0] == 1


def test_an_original_of_two_forms_is_verified_once(server):
    folder, url, _ = server
    wanted = data_set(url, digests_of(folder))
    wanted = replace(wanted, forms=wanted.forms | {"again": wanted.forms["arrays"]})
    download(wanted, progress=False)
    assert [wrong for _, wrong in verify(wanted)] == [""] * 5


def test_wrong_commands_are_refused_in_a_sentence(known, capsys, tmp_path):
    status, _, err = say(capsys, "download", "small-strokes", "--form", "pictures")
    assert (status, err) == (1, "wmcl: form is 'pictures': it must be one of arrays, text\n")
    status, _, err = say(capsys, "download", "small-strokes", "--from", str(tmp_path / "nowhere"))
    folder = "name the folder that the files of small-strokes are in"
    assert (status, err) == (1, f"wmcl: there is no folder {tmp_path / 'nowhere'}: {folder}\n")
    file = tmp_path / "served" / "sequences.tar.gz"
    status, _, err = say(capsys, "download", "small-strokes", "--from", str(file))
    assert (status, err) == (1, f"wmcl: {file} is a file: {folder}\n")
    status, _, err = say(capsys, "download", "other")
    assert (status, err) == (1, "wmcl: name is 'other': it must be one of small-strokes\n")


def test_missing_files_are_named_before_anything_else(known, capsys, tmp_path):
    (tmp_path / "served" / "sequences.tar.gz").unlink()
    (tmp_path / "served" / "test-labels.tar.gz").unlink()
    status, out, err = say(capsys, "download", "small-strokes", "--from", str(tmp_path / "served"))
    assert (status, out) == (1, "")
    assert err == (
        f"wmcl: small-strokes is not in {tmp_path / 'served'}, or not all of it. One form is needed; of each, these"
        " files are missing:\n  arrays (1): test-labels.tar.gz\n  text (1): sequences.tar.gz\n"
        "Files may be gzipped one by one, and archives unpacked.\n"
    )


class BreaksOff(Quiet):
    def do_GET(self):
        content = (Path(self.directory) / self.path[1:]).read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2])


def test_errors_stand_in_a_line_of_their_own(known, server, capsys, tmp_path):
    folder, _, _ = server
    archive = tmp_path / "mine" / "sequences.tar.gz"
    archive.parent.mkdir()
    archive.write_bytes((folder / archive.name).read_bytes()[:-20])
    status, _, err = say(capsys, "download", "small-strokes", "--from", str(archive.parent))
    assert (status, "files/s" in err) == (1, True)
    assert last_line(err).startswith("wmcl: sequences.tar.gz is damaged")
    (folder / "train-labels.tar.gz").unlink()
    status, _, err = say(capsys, "download", "small-strokes")
    assert (status, "train-padded-leading.tar.gz:" in err) == (1, True)
    assert "\rwmcl: train-labels.tar.gz could not be fetched" in err


@pytest.mark.parametrize("server", [BreaksOff], indirect=True)
def test_so_do_errors_of_a_connection_that_broke_off(known, capsys):
    status, _, err = say(capsys, "download", "small-strokes")
    assert status == 1
    assert "\rwmcl: train-padded-leading.tar.gz could not be fetched: the connection to 127.0.0.1 broke off" in err


def test_ctrl_c_is_no_traceback(known, capsys, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("wmcl.data.download.download", interrupted)
    status, _, err = say(capsys, "download", "small-strokes")
    assert (status, "interrupted" in err) == (130, True)


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit):
        command_line.main(["data", "--help"])
    printed = capsys.readouterr().out
    assert all(f"    {name} " in printed for name in ("list", "download", "verify", "where"))
