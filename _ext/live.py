"""The author's preview: `make live`, or plainly ``python _ext/live.py [PORT]``.

It is sphinx-autobuild, with three things that it does not do by itself: the
browser opens once the server answers, not before; where port 8000 is taken it
takes another; what tools and editors write beside the text starts no build.
That it is a preview, with drafts and mistakes on the page, conf.py knows by the
name of its output folder.
"""

from __future__ import annotations

import os
import re
import socket
import sys
import threading
import time
import webbrowser
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# Files that change without the site changing: what is built, caches, measurements under way, editors' own files.
IGNORED = (r"/(_build|__pycache__|tests|\.\w+)(/|$)|\.partial\.json$|\.py[co]$"  # folders below the blog's, or endings
           r"|/\.[^/]*$|~$|/#[^/]*#$|/4913$|\.(sw[a-z]|tmp|bak|crswap)$")


def free(port: int) -> int:
    """This port, or any free one where another program has it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does; a port just left is free
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def open_when_served(port: int) -> None:
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
            continue
        webbrowser.open(f"http://127.0.0.1:{port}/")
        return


def main() -> None:
    from sphinx_autobuild.__main__ import main as autobuild

    os.chdir(ROOT)
    port = free(int(sys.argv[1]) if len(sys.argv) > 1 else 8000)
    threading.Thread(target=open_when_served, args=(port,), daemon=True).start()
    below = rf"^{re.escape(ROOT.as_posix())}(?=/).*?(?:{IGNORED})"
    autobuild(["-n", "-q", "-b", "dirhtml", "--port", str(port), "--re-ignore", below, ".", "_build/live"])


if __name__ == "__main__":
    main()
