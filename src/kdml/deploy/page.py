"""Makes a page that applies exported students in a browser, in one file: `python page.pyz node_modules/onnxruntime-web`.

A page that is opened as a file may load nothing from beside it: browsers refuse to fetch files, WebAssembly and modules among them.
So ONNX Runtime for the web and the graph are inside, in base64. It sends nothing anywhere.
"""

import argparse
import base64
import json
import sys
from pathlib import Path
from typing import Any

from kdml.deploy.folder import Folder
from kdml.deploy.problems import Problem

PACKAGE = "onnxruntime-web"
SCRIPT, BINARY = "ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"
INSTALL = f"`npm install --ignore-scripts {PACKAGE}@1.30.0`, and name node_modules/{PACKAGE}"
KEPT = ("name", "title", "kind", "classes", "drawn", "commercial", "training_pictures")
EXIT_PROBLEM = 2


def page(folder: Folder, runtime: Path, template: str) -> str:
    """Put graph and runtime into the page.

    Args:
        folder: exported one.
        runtime: folder of the npm package onnxruntime-web.
        template: the page without them.

    Raises:
        Problem: the runtime is not there, or the networks want pictures that browsers cannot give them.
    """
    if folder.facts.get("window") is not None:
        raise Problem(
            "These networks were trained on pictures with 16 bits, of which browsers keep 8.",
            "use predict.pyz for them",
        )
    files = {name: _packed(path) for name, path in zip(("script", "binary"), _runtime(runtime), strict=True)}
    files["graph"] = base64.b64encode(folder.graph).decode()
    facts = {name: folder.facts.get(name) for name in KEPT} | {"which": folder.title}
    for name, text in (("facts", _as_script(facts)), *files.items()):
        template = template.replace(f"%{name}%", text, 1)
    return template


def _runtime(folder: Path) -> list[Path]:
    """Script and binary of the package."""
    found = [folder / "dist" / name for name in (SCRIPT, BINARY)]
    missing = [path for path in found if not path.is_file()]
    if missing:
        raise Problem(f"{folder} is not the npm package {PACKAGE}: {missing[0]} does not exist.", INSTALL)
    return found


def _packed(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def _as_script(facts: dict[str, Any]) -> str:
    """JSON that can stand within a script of a page, whatever the names in it."""
    return json.dumps(facts).replace("<", "\\u003c")


def main(here: Path, template: str) -> int:
    """Read the command line, write the page.

    Args:
        here: exported folder.
        template: the page without graph and runtime.

    Returns:
        Exit code.
    """
    parser = argparse.ArgumentParser(prog="page", description=__doc__.splitlines()[0].partition(":")[0])
    parser.add_argument("runtime", type=Path, help=f"folder of the npm package {PACKAGE}")
    parser.add_argument("--out", type=Path, default=Path("page.html"), help="file to write")
    parser.add_argument("--use", choices=("student", "ensemble"), help="the ensemble, where there is one, if not given")
    parser.add_argument("--int8", action="store_true", help="the graph in 8-bit integers")
    arguments = parser.parse_args()
    try:
        text = page(Folder(here, arguments.use, arguments.int8), arguments.runtime, template)
    except Problem as problem:
        print(f"Error: {problem}", file=sys.stderr)
        return EXIT_PROBLEM
    partial = arguments.out.with_name(f".{arguments.out.name}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(arguments.out)
    print(f"{arguments.out}, {arguments.out.stat().st_size / 1e6:.0f} MB: open it in a browser.")
    return 0
