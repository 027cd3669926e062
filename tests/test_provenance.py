import json
import subprocess
import sys

from wmcl import provenance as module
from wmcl.provenance import invocation, provenance, source_revision


def test_provenance(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "run.py"), "--name", "two words"])
    asked = invocation({"b": 1, "a": tmp_path / "x"})
    assert asked["command"] == "python run.py --name 'two words'"
    assert json.loads(asked["configuration"]) == {"a": "x", "b": 1}
    found = provenance("cpu")
    assert found["device"].startswith("cpu: ")
    assert json.loads(found["versions"]).keys() >= {"python", "torch", "wmcl"}
    assert found["source_revision"] == source_revision()


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
    (tmp_path / "other").touch()
    git("add", "other")
    git("commit", "-m", "somebody else's")
    assert source_revision() == "unknown"
    git("add", ".")
    git("commit", "-m", "one")
    clean = source_revision()
    assert len(clean) == 12
    source.write_text("2")
    assert source_revision() == f"{clean}-dirty"
