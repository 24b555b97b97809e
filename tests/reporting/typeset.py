"""Tables as LaTeX sets them: a document of several, compiled, and what its log says of their widths."""

import re
import shutil
import subprocess

import pytest

DOCUMENT = r"""\documentclass[10pt]{article}
\usepackage[T1]{fontenc}
\usepackage[a4paper,margin=20mm]{geometry}
\usepackage{booktabs,longtable,pdflscape,siunitx}
\begin{document}
%s
\end{document}
"""
COMPILERS = {"tectonic": ("--keep-intermediates",), "pdflatex": ("-interaction=nonstopmode", "-halt-on-error")}


def compiled(folder, texts):
    """Compile a document of these; its log and what LaTeX wrote of the widths of columns."""
    found = next((name for name in COMPILERS if shutil.which(name)), None)
    if found is None:
        pytest.skip("needs tectonic or pdflatex (Debian: apt-get install texlive-latex-recommended texlive-science)")
    (folder / "all.tex").write_text(DOCUMENT % "\n\\clearpage\n".join(texts), encoding="utf-8")
    for _ in range(1 if found == "tectonic" else 3):
        done = subprocess.run([found, *COMPILERS[found], "all.tex"], cwd=folder, capture_output=True, check=False)
        assert done.returncode == 0, done.stdout[-3000:].decode(errors="replace")
    return tuple((folder / f"all.{suffix}").read_text(errors="replace") for suffix in ("log", "aux"))


def widths(aux):
    """Widths of all tables in points."""
    columns = [re.findall(r"\\LT@entry\s*\{\d+\}\{([\d.]+)pt\}", one) for one in aux.split(r"\gdef \LT@")[1:]]
    return [sum(map(float, found)) for found in columns]


def overfull(log):
    """Lines of a log on what is wider than its page, and on signs that the font lacks."""
    return re.findall(r"Overfull \\hbox.*|Missing character.*", log)
