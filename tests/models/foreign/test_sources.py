"""Which functions may run what a file says, and who calls them: a new call is noticed."""

import ast
from functools import cache
from pathlib import Path

import pytest

from tests import ROOT

# The function's last name → the files of components/, flows/ and samples/ that may call it.
RUN_WHAT_THEY_READ = {
    "load_model": {  # our own, but never MLflow's (see below)
        "components/evaluate/one_model.py",
        "components/export/export.py",
        "components/models/encoder.py",
    },
    # of open_clip: with a name of its own configs; in MLflow's hands, with the files logged with it
    "create_model": {"components/models/load.py", "components/registry/pyfunc.py"},
    # of transformers: with trust_remote_code=False, or what the export has just written
    "from_pretrained": {"components/models/towers.py", "components/export/hugging_face.py"},
    "HFTokenizer": {"components/models/tokenizer.py"},
    # after a check against the modules of a folder, by their file names, or of one package
    "import_module": {"components/seam.py"},
    "__import__": {"components/label/text/ner.py"},
}
NEVER = {
    "get_tokenizer",
    "create_model_from_pretrained",
    "create_model_and_transforms",
    "AutoTokenizer",
    "AutoModel",
    "exec",
    "eval",
    "unsafe_load",
    "full_load",
    "torch.load",
    "pyfunc.load_model",
    "allow_pickle=True",
    "shell=True",
    "trust_remote_code=True",
    "os.system",
    "os.popen",
    "unpack_archive",
    "extractall",
    "run_path",
    "run_module",
}
UNPICKLERS = {"pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}
FILES = sorted(path for folder in ("components", "flows", "samples") for path in (ROOT / folder).rglob("*.py"))


def calls(tree: ast.AST) -> set[str]:
    """Functions that are called: last names, `X.name` of some, and `key=True` of arguments.

    Methods called `eval` and `exec` are those of torch and Qt.
    """
    found = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name):
            found.add(node.func.id)
        elif isinstance(node.func, ast.Attribute) and node.func.attr not in ("eval", "exec"):
            found |= {node.func.attr, f"{_last(node.func.value)}.{node.func.attr}"}
        found |= {
            f"{key.arg}=True"
            for key in node.keywords
            if isinstance(key.value, ast.Constant) and key.value.value is True
        }
    return found


def _last(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes())


@pytest.mark.parametrize("function", sorted(RUN_WHAT_THEY_READ))
def test_what_may_run_code_is_called_where_it_was_thought_about(function: str) -> None:
    callers = {path.relative_to(ROOT).as_posix() for path in FILES if function in calls(tree_of(path))}
    assert callers == RUN_WHAT_THEY_READ[function]


def test_what_runs_code_is_never_called_nor_imported() -> None:
    found = {}
    for path in FILES:
        tree = tree_of(path)
        modules = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        modules |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        bad = (calls(tree) & NEVER) | {module for module in modules if module.partition(".")[0] in UNPICKLERS}
        if bad:
            found[path.relative_to(ROOT).as_posix()] = bad
    assert found == {}
