import json
import subprocess
import sys

from wmcl import provenance as module
from wmcl.provenance import provenance, source_revision


def test_provenance(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "run.py"), "--name", "two words"])
    found = provenance({"b": 1, "a": tmp_path / "x"}, "cpu")
    assert found["command"] == "python run.py --name 'two words'"
    assert json.loads(found["configuration"]) == {"a": str(tmp_path / "x"), "b": 1}
    assert found["device"].startswith("cpu: ")
    assert all(isinstance(value, str) for value in found.values())


def test_source_revision(tmp_path, monkeypatch):
    def git(*arguments):
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", "-C", str(tmp_path), *identity, *arguments], check=True, capture_output=True)

    source = tmp_path / "wmcl" / "provenance.py"
    source.parent.mkdir()
    source.write_text("1")
    monkeypatch.setattr(module, "__file__", str(source))
    assert source_revision() == "unknown"
    git("init")
    git("add", ".")
    git("commit", "-m", "one")
    clean = source_revision()
    assert len(clean) == 12
    source.write_text("2")
    assert source_revision() == f"{clean}-dirty"
